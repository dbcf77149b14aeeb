"""What several commands read of inference: models, prices, escrows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from commands.amounts import format_gnk
from commands.call import Call, ask
from commands.output import Json
from commands.passphrases import call_keyring

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rules.vouchers import Price
    from wire.gonka.inference.v1.inference_pb2 import Escrow, Model, Offer, Params

PER_MILLION = "for 10^6 tokens"


def read_models(call: Call) -> Sequence[Model]:
    """The models that the chain knows, by name."""
    from wire.gonka.inference.v1.query_pb2 import QueryModelsRequest, QueryModelsResponse

    request = QueryModelsRequest()
    path = "/gonka.inference.v1.Query/Models"
    answer = ask(call, lambda ledger: ledger.query(path, request, QueryModelsResponse))
    return sorted(answer.models, key=lambda model: model.name)


def find_chain_model(models: Sequence[Model], name: str) -> Model:
    """The model of a name, or of the beginning of its id in hex.  Raises: RuleError `model_unknown`."""
    from rules.errors import RuleError

    found = [model for model in models if model.name == name]
    if not found and len(name) >= 8:
        found = [model for model in models if model.model_id.hex().startswith(name.lower())]
    if len(found) != 1:
        known = ", ".join(model.name for model in models) or "none"
        raise RuleError("model_unknown", f"{name}; the chain has {known}")
    return found[0]


def read_market_params(call: Call) -> Params:
    """The live parameters of inference."""
    from wire.gonka.inference.v1.query_pb2 import QueryParamsRequest, QueryParamsResponse

    request = QueryParamsRequest()
    path = "/gonka.inference.v1.Query/Params"
    return ask(call, lambda ledger: ledger.query(path, request, QueryParamsResponse)).params


def read_escrow(call: Call, escrow_id: int) -> Escrow:
    """One escrow.  Raises `escrow_unknown`."""
    from wire.gonka.inference.v1.query_pb2 import QueryEscrowRequest, QueryEscrowResponse

    request = QueryEscrowRequest(escrow_id=escrow_id)
    path = "/gonka.inference.v1.Query/Escrow"
    return ask(call, lambda ledger: ledger.query(path, request, QueryEscrowResponse)).escrow


def read_escrows(call: Call, developer: str, host: str) -> Sequence[Escrow]:
    """The newest thousand of the escrows of a developer, of a host's group, or of both; newest first."""
    import wire  # noqa: F401  # puts the Cosmos messages on the path
    from wire.gonka.inference.v1.query_pb2 import QueryEscrowsRequest, QueryEscrowsResponse

    from cosmos.base.query.v1beta1.pagination_pb2 import PageRequest

    page = PageRequest(limit=1000, reverse=True)
    request = QueryEscrowsRequest(developer=developer, host=host, pagination=page)
    path = "/gonka.inference.v1.Query/Escrows"
    escrows: Sequence[Escrow] = ask(call, lambda ledger: ledger.query(path, request, QueryEscrowsResponse)).escrows
    return escrows


def find_offer(call: Call, host: str = "", serving_pubkey: bytes = b"") -> Offer | None:
    """What a host offers, found by its address or its serving key; None where it never offered anything."""
    from chain_client.errors import ClientError
    from wire.gonka.inference.v1.query_pb2 import QueryOfferRequest, QueryOfferResponse

    request = QueryOfferRequest(host=host, serving_pubkey=serving_pubkey)
    path = "/gonka.inference.v1.Query/Offer"
    try:
        offer: Offer = ask(call, lambda ledger: ledger.query(path, request, QueryOfferResponse)).offer
    except ClientError as error:
        if error.code != "not_found":
            raise
        return None
    return offer


def find_price(model: Model) -> Price:
    """What 10^6 tokens cost in an escrow opened now."""
    from rules.pricing import compute_price

    return compute_price(model.base_price_ngonka, model.units_per_token_in, model.units_per_token_out)


def describe_price(model: Model, pusd_per_gnk: int | None) -> dict[str, Json]:
    """What 10^6 tokens cost, in GNK, and in USD at a rate in pico-dollars, rounded to the nearest pico-dollar."""
    from gateway.money import format_usd
    from rules.params import GNK

    price = find_price(model)
    value: dict[str, Json] = {
        "name": model.name,
        "model_id": model.model_id.hex(),
        "gnk_in": format_gnk(price.in_ngonka),
        "gnk_out": format_gnk(price.out_ngonka),
        "in_ngonka": price.in_ngonka,
        "out_ngonka": price.out_ngonka,
    }
    if pusd_per_gnk is not None:
        for name, ngonka in (("usd_in", price.in_ngonka), ("usd_out", price.out_ngonka)):
            value[name] = format_usd((2 * ngonka * pusd_per_gnk + GNK) // (2 * GNK))
    return value


def parse_public_key(call: Call, text: str) -> bytes:
    """The 33 bytes of a public key: 66 hex digits, or the name of a key in the keyring.

    Raises: RuleError `serving_key_invalid`; `key_not_found`.
    """
    from rules.errors import RuleError
    from wire.vouchers import is_public_key

    if len(text) != 66:
        return call_keyring(call).show(text).public_key
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if not is_public_key(key):
        raise RuleError("serving_key_invalid", f"{text} is no compressed secp256k1 key")
    return key


def describe_escrow(escrow: Escrow, names: dict[bytes, str]) -> dict[str, Json]:
    """An escrow in one line of a table."""
    paid = sum(reserve.paid_ngonka for reserve in escrow.reserves)
    left = escrow.deposit_ngonka - paid - escrow.refunded_ngonka
    state = "closed" if escrow.closed else f"closes in {escrow.closes_epoch}" if escrow.closes_epoch else "open"
    return {
        "id": escrow.escrow_id,
        "model": names.get(escrow.model_id, escrow.model_id.hex()[:16]),
        "state": state,
        "deposit": format_gnk(escrow.deposit_ngonka),
        "paid": format_gnk(paid),
        "left": format_gnk(left),
        "hosts": len(escrow.reserves),
    }
