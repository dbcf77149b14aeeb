"""An unmodified cosmpy LedgerClient against a running chain, over gRPC and over REST."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from cosmpy.aerial.client import LedgerClient, ValidatorStatus
from cosmpy.aerial.config import NetworkConfig
from cosmpy.aerial.exceptions import BroadcastError, NotFoundError
from cosmpy.aerial.wallet import LocalWallet
from cosmpy.crypto.address import Address
from cosmpy.crypto.keypairs import PrivateKey

from rules.presets import GENESIS_UNITS
from tests.chain.api.running import run_interfaces
from tests.chain.ledger import ANN, BALANCE, BOB, CHAIN_ID, DAN, STRANGER, Person

DENOM = "ngonka"


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    home: Path = tmp_path_factory.mktemp("chain")
    with run_interfaces(home) as found:
        yield found


@pytest.fixture(params=["grpc", "rest"])
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def client(addresses: Mapping[str, str], transport: str) -> LedgerClient:
    return connect(addresses[transport], transport=transport)


def connect(address: str, chain_id: str = CHAIN_ID, transport: str = "grpc") -> LedgerClient:
    config = NetworkConfig(
        chain_id=chain_id,
        url=f"{transport}+http://{address}",
        fee_minimum_gas_price=1,
        fee_denomination=DENOM,
        staking_denomination=DENOM,
    )
    return LedgerClient(config, query_interval_secs=0.05, query_timeout_secs=20)


def wallet(person: Person) -> LocalWallet:
    return LocalWallet(PrivateKey(person.secret), prefix="gonka")


def test_cosmpy_reads_the_node_and_its_network(client: LedgerClient) -> None:
    assert client.query_node_info().app_name == "gonka"
    assert client.query_chain_id() == CHAIN_ID
    assert client.query_height() >= 1
    assert client.query_block(1).height == 1
    assert int(client.query_consensus_params().params.block.max_gas) > 0


def test_cosmpy_reads_balances(client: LedgerClient) -> None:
    assert client.query_bank_balance(Address(BOB.text)) == BALANCE
    assert client.query_bank_balance(Address(STRANGER.text)) == 0
    (coin,) = client.query_bank_all_balances(Address(BOB.text))
    assert (int(coin.amount), coin.denom) == (BALANCE, DENOM)


def test_cosmpy_reads_hosts_as_validators_with_their_units(client: LedgerClient) -> None:
    assert sum(v.tokens for v in client.query_validators(ValidatorStatus.BONDED)) > 0
    summary = client.query_staking_summary(Address(DAN.text))
    assert (summary.total_staked, summary.total_unbonding) == (0, 0)
    assert all(v.tokens <= GENESIS_UNITS for v in client.query_validators())


def test_cosmpy_sends_with_simulated_gas(client: LedgerClient) -> None:
    before = client.query_bank_balance(Address(BOB.text))
    sent = client.send_tokens(Address(BOB.text), 1_000, DENOM, wallet(ANN), memo="thanks").wait_to_complete()
    assert client.query_bank_balance(Address(BOB.text)) == before + 1_000
    response = sent.response
    assert response is not None
    assert response.is_successful()
    assert 0 < response.gas_used < response.gas_wanted
    assert response.events["transfer"]["amount"] == f"1000{DENOM}"
    assert response.hash == sent.tx_hash


def test_cosmpy_sends_five_times_in_a_row(client: LedgerClient) -> None:
    before = client.query_bank_balance(Address(BOB.text))
    for amount in range(1, 6):
        client.send_tokens(Address(BOB.text), amount, DENOM, wallet(DAN)).wait_to_complete()
    assert client.query_bank_balance(Address(BOB.text)) == before + 15


def test_cosmpy_with_a_wrong_chain_id_is_refused(addresses: Mapping[str, str], transport: str) -> None:
    address = addresses[transport]
    before = connect(address, transport=transport).query_bank_balance(Address(BOB.text))
    with pytest.raises(BroadcastError, match="signature_invalid"):
        connect(address, "another-chain", transport).send_tokens(Address(BOB.text), 5, DENOM, wallet(ANN))
    assert connect(address, transport=transport).query_bank_balance(Address(BOB.text)) == before


def test_cosmpy_sees_why_a_send_cannot_be_paid(client: LedgerClient) -> None:
    with pytest.raises(Exception, match="insufficient_funds"):
        client.send_tokens(Address(BOB.text), 2 * BALANCE, DENOM, wallet(ANN))


def test_cosmpy_sees_an_unknown_account_and_an_unknown_transaction(client: LedgerClient) -> None:
    with pytest.raises(Exception, match="account_unknown"):
        client.query_account(Address(STRANGER.text))
    with pytest.raises(NotFoundError):
        client.query_tx("00" * 32)
