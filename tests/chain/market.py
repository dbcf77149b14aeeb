"""A network with a model that hosts serve, and a developer, Dan, who pays by vouchers."""

from __future__ import annotations

from dataclasses import dataclass

from chain.modules.gov.state import AUTHORITY
from chain.modules.inference import state
from rules.addresses import encode_address
from rules.params import GNK
from rules.types import Host
from rules.vouchers import Price, Tokens, Voucher, compute_amount
from tests.chain.ledger import ANN, BOB, CAT, CHAIN_ID, DAN, Person, make_person
from tests.chain.network import Network
from wire.gonka.inference.v1 import inference_pb2 as pb
from wire.gonka.inference.v1.inference_pb2 import Escrow, Policy, Reserve
from wire.gonka.inference.v1.tx_pb2 import (
    MsgAddModel,
    MsgAddModelResponse,
    MsgOpenEscrow,
    MsgOpenEscrowResponse,
    MsgSetOffer,
    MsgSetServingKey,
    MsgSettleVoucher,
    MsgSettleVoucherResponse,
)
from wire.vouchers import sign_voucher

VOUCHER_KEY = make_person("voucher key")
DEPOSIT = 10 * GNK
BASE_PRICE = 10**7
"""With one unit read and four written: 0.01 and 0.04 GNK for 10^6 tokens."""
REGIONS = {ANN.text: "DE", BOB.text: "FR", CAT.text: ""}


def serving_key_of(host: Person) -> Person:
    return make_person(f"serving key of {host.text}")


def add_model(name: str = "tiny", base_price: int = BASE_PRICE, units_out: int = 4) -> MsgAddModel:
    return MsgAddModel(
        authority=encode_address(AUTHORITY),
        name=name,
        content_hash=name.encode().ljust(32, b"."),
        tokenizer_hash=b"t" * 32,
        units_per_token_in=1,
        units_per_token_out=units_out,
        max_context=2048,
        base_price_ngonka=base_price,
    )


def model_of(message: MsgAddModel) -> pb.Model:
    """The model as a genesis file has it."""
    return pb.Model(
        name=message.name,
        content_hash=message.content_hash,
        tokenizer_hash=message.tokenizer_hash,
        units_per_token_in=message.units_per_token_in,
        units_per_token_out=message.units_per_token_out,
        max_context=message.max_context,
        base_price_ngonka=message.base_price_ngonka,
    )


def offer_of(host: Person, *model_ids: bytes) -> MsgSetOffer:
    region = REGIONS.get(host.text, "")
    return MsgSetOffer(host=host.text, model_ids=model_ids, endpoint="https://host.example.org", region=region)


@dataclass
class Market:
    """A network in which some hosts offer one model."""

    network: Network
    model_id: bytes

    @classmethod
    def open(cls, network: Network | None = None, hosts: tuple[Person, ...] = (ANN, BOB, CAT)) -> Market:
        network = network or Network()
        response = network.send(add_model())
        assert isinstance(response, MsgAddModelResponse)
        for host in hosts:
            network.send(MsgSetServingKey(host=host.text, serving_pubkey=serving_key_of(host).public_key))
            network.send(offer_of(host, response.model_id))
        return cls(network=network, model_id=response.model_id)

    def request(self, deposit: int = DEPOSIT, policy: Policy | None = None, developer: Person = DAN) -> MsgOpenEscrow:
        return MsgOpenEscrow(
            developer=developer.text,
            model_id=self.model_id,
            deposit_ngonka=deposit,
            voucher_pubkey=VOUCHER_KEY.public_key,
            policy=policy,
            max_price_in_ngonka=10**12,
            max_price_out_ngonka=10**12,
        )

    def escrow(self, deposit: int = DEPOSIT, developer: Person = DAN) -> int:
        """The number of an escrow opened now."""
        response = self.network.send(self.request(deposit, developer=developer))
        assert isinstance(response, MsgOpenEscrowResponse)
        return response.escrow_id

    def find(self, escrow_id: int) -> Escrow:
        return state.find_escrow(self.network.store, escrow_id)

    def reserve(self, escrow_id: int, host: Person) -> Reserve:
        return next(reserve for reserve in self.find(escrow_id).reserves if reserve.host == host.text)

    def voucher(self, escrow_id: int, host: Person, serial: int, tokens: Tokens) -> pb.Voucher:
        escrow = self.find(escrow_id)
        price = Price(in_ngonka=escrow.price_in_ngonka, out_ngonka=escrow.price_out_ngonka)
        voucher = Voucher(
            chain_id=CHAIN_ID,
            escrow_id=escrow_id,
            host=Host(host.address),
            model_id=escrow.model_id,
            serial=serial,
            tokens=tokens,
            amount_ngonka=compute_amount(tokens, price),
        )
        return sign_voucher(VOUCHER_KEY.secret, voucher)

    def settle(self, escrow_id: int, host: Person, serial: int, tokens: Tokens) -> MsgSettleVoucherResponse:
        """What a voucher that the host sends itself pays."""
        voucher = self.voucher(escrow_id, host, serial, tokens)
        response = self.network.send(MsgSettleVoucher(sender=host.text, voucher=voucher))
        assert isinstance(response, MsgSettleVoucherResponse)
        return response
