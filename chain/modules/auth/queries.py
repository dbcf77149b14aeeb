"""What cosmos.auth.v1beta1 answers."""

from google.protobuf.any_pb2 import Any

from chain.modules.auth.state import Account, get_account, scan_accounts
from chain.modules.bank.messages import MODULE_NAMES
from chain.modules.pagination import paginate
from chain.modules.params.state import get_live
from chain.modules.query import Query, Snapshot
from rules.addresses import PREFIX, decode_address, encode_address, module_address
from rules.errors import RuleError

from cosmos.auth.v1beta1 import query_pb2 as pb
from cosmos.auth.v1beta1.auth_pb2 import BaseAccount, ModuleAccount, Params
from cosmos.crypto.secp256k1.keys_pb2 import PubKey

_MODULE_AT = {module_address(name): name for name in MODULE_NAMES}


def get_one(snapshot: Snapshot, request: pb.QueryAccountRequest) -> pb.QueryAccountResponse:
    """An account by its address.  RuleError account_unknown."""
    address = decode_address(request.address)
    return pb.QueryAccountResponse(account=_pack(address, _find(snapshot, address)))


def get_info(snapshot: Snapshot, request: pb.QueryAccountInfoRequest) -> pb.QueryAccountInfoResponse:
    """The number, sequence and key of an account by its address.  RuleError account_unknown."""
    address = decode_address(request.address)
    return pb.QueryAccountInfoResponse(info=_base(address, _find(snapshot, address)))


def list_all(snapshot: Snapshot, request: pb.QueryAccountsRequest) -> pb.QueryAccountsResponse:
    """Every account, in address order."""
    found, page = paginate(scan_accounts(snapshot.store), request.pagination)
    return pb.QueryAccountsResponse(accounts=[_pack(*pair) for pair in found], pagination=page)


def list_modules(snapshot: Snapshot, _request: pb.QueryModuleAccountsRequest) -> pb.QueryModuleAccountsResponse:
    """The accounts of the modules, by name."""
    return pb.QueryModuleAccountsResponse(accounts=[_pack_module(snapshot, name) for name in MODULE_NAMES])


def get_module(snapshot: Snapshot, request: pb.QueryModuleAccountByNameRequest) -> pb.QueryModuleAccountByNameResponse:
    """A module's account by the module's name.  RuleError not_found."""
    if request.name not in MODULE_NAMES:
        raise RuleError("not_found", f"no module {request.name!r} holds money")
    return pb.QueryModuleAccountByNameResponse(account=_pack_module(snapshot, request.name))


def get_prefix(_snapshot: Snapshot, _request: pb.Bech32PrefixRequest) -> pb.Bech32PrefixResponse:
    """What addresses begin with."""
    return pb.Bech32PrefixResponse(bech32_prefix=PREFIX)


def get_params(snapshot: Snapshot, _request: pb.QueryParamsRequest) -> pb.QueryParamsResponse:
    """Limits and gas of a transaction, in the words of the Cosmos SDK."""
    live = get_live(snapshot.store).auth
    params = Params(
        max_memo_characters=live.max_memo_bytes,
        tx_sig_limit=live.max_signatures,
        tx_size_cost_per_byte=live.gas_per_byte,
        sig_verify_cost_ed25519=live.gas_per_signature,
        sig_verify_cost_secp256k1=live.gas_per_signature,
    )
    return pb.QueryParamsResponse(params=params)


def _find(snapshot: Snapshot, address: bytes) -> Account:
    account = get_account(snapshot.store, address)
    if account is None:
        raise RuleError("account_unknown", f"{encode_address(address)} not found")
    return account


def _base(address: bytes, account: Account) -> BaseAccount:
    base = BaseAccount(address=encode_address(address), account_number=account.number, sequence=account.sequence)
    if account.public_key:
        base.pub_key.Pack(PubKey(key=account.public_key), type_url_prefix="/")
    return base


def _pack(address: bytes, account: Account) -> Any:
    packed = Any()
    base = _base(address, account)
    name = _MODULE_AT.get(address)
    packed.Pack(ModuleAccount(base_account=base, name=name) if name else base, type_url_prefix="/")
    return packed


def _pack_module(snapshot: Snapshot, name: str) -> Any:
    address = module_address(name)
    return _pack(address, get_account(snapshot.store, address) or Account(0, 0, b""))


QUERIES = (
    Query("cosmos.auth.v1beta1.Query.Account", get_one),
    Query("cosmos.auth.v1beta1.Query.AccountInfo", get_info),
    Query("cosmos.auth.v1beta1.Query.Accounts", list_all),
    Query("cosmos.auth.v1beta1.Query.ModuleAccounts", list_modules),
    Query("cosmos.auth.v1beta1.Query.ModuleAccountByName", get_module),
    Query("cosmos.auth.v1beta1.Query.Bech32Prefix", get_prefix),
    Query("cosmos.auth.v1beta1.Query.Params", get_params),
)
