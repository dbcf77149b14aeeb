from wire.gonka.inference.v1 import inference_pb2 as _inference_pb2
from wire.gonka.params.v1 import params_pb2 as _params_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Genesis(_message.Message):
    __slots__ = ("chain_id", "genesis_time_unix_ms", "accounts", "hosts", "params", "subsidy_ngonka", "community_pool_ngonka", "supply_ngonka", "models")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    GENESIS_TIME_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    HOSTS_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    SUBSIDY_NGONKA_FIELD_NUMBER: _ClassVar[int]
    COMMUNITY_POOL_NGONKA_FIELD_NUMBER: _ClassVar[int]
    SUPPLY_NGONKA_FIELD_NUMBER: _ClassVar[int]
    MODELS_FIELD_NUMBER: _ClassVar[int]
    chain_id: str
    genesis_time_unix_ms: int
    accounts: _containers.RepeatedCompositeFieldContainer[GenesisAccount]
    hosts: _containers.RepeatedCompositeFieldContainer[GenesisHost]
    params: _params_pb2.Params
    subsidy_ngonka: int
    community_pool_ngonka: int
    supply_ngonka: int
    models: _containers.RepeatedCompositeFieldContainer[_inference_pb2.Model]
    def __init__(self, chain_id: _Optional[str] = ..., genesis_time_unix_ms: _Optional[int] = ..., accounts: _Optional[_Iterable[_Union[GenesisAccount, _Mapping]]] = ..., hosts: _Optional[_Iterable[_Union[GenesisHost, _Mapping]]] = ..., params: _Optional[_Union[_params_pb2.Params, _Mapping]] = ..., subsidy_ngonka: _Optional[int] = ..., community_pool_ngonka: _Optional[int] = ..., supply_ngonka: _Optional[int] = ..., models: _Optional[_Iterable[_Union[_inference_pb2.Model, _Mapping]]] = ...) -> None: ...

class GenesisAccount(_message.Message):
    __slots__ = ("address", "balance_ngonka")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    BALANCE_NGONKA_FIELD_NUMBER: _ClassVar[int]
    address: str
    balance_ngonka: int
    def __init__(self, address: _Optional[str] = ..., balance_ngonka: _Optional[int] = ...) -> None: ...

class GenesisHost(_message.Message):
    __slots__ = ("address", "units", "consensus_pubkey", "consensus_signature")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    CONSENSUS_PUBKEY_FIELD_NUMBER: _ClassVar[int]
    CONSENSUS_SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    address: str
    units: int
    consensus_pubkey: bytes
    consensus_signature: bytes
    def __init__(self, address: _Optional[str] = ..., units: _Optional[int] = ..., consensus_pubkey: _Optional[bytes] = ..., consensus_signature: _Optional[bytes] = ...) -> None: ...
