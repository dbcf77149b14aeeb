import pytest

from chain.modules.auth import queries
from chain.modules.bank.messages import MODULE_NAMES
from rules.addresses import encode_address, module_address
from rules.errors import RuleError
from rules.presets import MINIMAL
from tests.chain.api.node import snapshot_of
from tests.chain.ledger import ANN, STRANGER, Ledger
from wire.gonka.stake.v1.tx_pb2 import MsgStake

from cosmos.auth.v1beta1 import query_pb2 as pb
from cosmos.auth.v1beta1.auth_pb2 import BaseAccount, ModuleAccount
from cosmos.crypto.secp256k1.keys_pb2 import PubKey


@pytest.fixture
def ledger() -> Ledger:
    ledger = Ledger()
    ledger.block()
    return ledger


def read(ledger: Ledger, address: str) -> BaseAccount:
    answer = queries.get_one(snapshot_of(ledger), pb.QueryAccountRequest(address=address))
    account = BaseAccount()
    assert answer.account.type_url == "/cosmos.auth.v1beta1.BaseAccount"
    assert answer.account.Unpack(account)
    return account


def test_get_one__an_account_that_has_sent__has_its_sequence_and_key(ledger: Ledger) -> None:
    before = read(ledger, ANN.text)
    assert (before.sequence, before.HasField("pub_key")) == (0, False)
    assert ledger.send(MsgStake(host=ANN.text, amount_ngonka=1), by=ANN).code == 0
    after, key = read(ledger, ANN.text), PubKey()
    assert (after.sequence, after.account_number) == (1, before.account_number)
    assert after.pub_key.Unpack(key)
    assert key.key == ANN.public_key
    info = queries.get_info(snapshot_of(ledger), pb.QueryAccountInfoRequest(address=ANN.text)).info
    assert info == after


@pytest.mark.parametrize(
    ("address", "code"), [(STRANGER.text, "account_unknown"), ("gonka1x", "address_invalid"), ("", "address_invalid")]
)
def test_get_one__no_account__is_refused(ledger: Ledger, address: str, code: str) -> None:
    with pytest.raises(RuleError) as caught:
        read(ledger, address)
    assert caught.value.code == code


def test_list_all__names_every_account_once(ledger: Ledger) -> None:
    answer = queries.list_all(snapshot_of(ledger), pb.QueryAccountsRequest())
    urls = [account.type_url.rpartition(".")[2] for account in answer.accounts]
    assert urls.count("ModuleAccount") == len(MODULE_NAMES)
    assert urls.count("BaseAccount") == 4


def test_get_module__gov__is_the_account_that_signs_what_passes(ledger: Ledger) -> None:
    request = pb.QueryModuleAccountByNameRequest(name="gov")
    account = ModuleAccount()
    assert queries.get_module(snapshot_of(ledger), request).account.Unpack(account)
    assert (account.name, account.base_account.address) == ("gov", encode_address(module_address("gov")))
    with pytest.raises(RuleError, match="not_found"):
        queries.get_module(snapshot_of(ledger), pb.QueryModuleAccountByNameRequest(name="mint"))


def test_get_params__are_the_limits_of_a_transaction(ledger: Ledger) -> None:
    params = queries.get_params(snapshot_of(ledger), pb.QueryParamsRequest()).params
    assert params.max_memo_characters == MINIMAL.auth.max_memo_bytes
    assert params.tx_sig_limit == MINIMAL.auth.max_signatures
    assert queries.get_prefix(snapshot_of(ledger), pb.Bech32PrefixRequest()).bech32_prefix == "gonka"
