from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Model(_message.Message):
    __slots__ = ("model_id", "name", "content_hash", "tokenizer_hash", "units_per_token_in", "units_per_token_out", "max_context", "base_price_ngonka", "added_epoch")
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    CONTENT_HASH_FIELD_NUMBER: _ClassVar[int]
    TOKENIZER_HASH_FIELD_NUMBER: _ClassVar[int]
    UNITS_PER_TOKEN_IN_FIELD_NUMBER: _ClassVar[int]
    UNITS_PER_TOKEN_OUT_FIELD_NUMBER: _ClassVar[int]
    MAX_CONTEXT_FIELD_NUMBER: _ClassVar[int]
    BASE_PRICE_NGONKA_FIELD_NUMBER: _ClassVar[int]
    ADDED_EPOCH_FIELD_NUMBER: _ClassVar[int]
    model_id: bytes
    name: str
    content_hash: bytes
    tokenizer_hash: bytes
    units_per_token_in: int
    units_per_token_out: int
    max_context: int
    base_price_ngonka: int
    added_epoch: int
    def __init__(self, model_id: _Optional[bytes] = ..., name: _Optional[str] = ..., content_hash: _Optional[bytes] = ..., tokenizer_hash: _Optional[bytes] = ..., units_per_token_in: _Optional[int] = ..., units_per_token_out: _Optional[int] = ..., max_context: _Optional[int] = ..., base_price_ngonka: _Optional[int] = ..., added_epoch: _Optional[int] = ...) -> None: ...

class Offer(_message.Message):
    __slots__ = ("host", "model_ids", "endpoint", "region", "serving_pubkey")
    HOST_FIELD_NUMBER: _ClassVar[int]
    MODEL_IDS_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    SERVING_PUBKEY_FIELD_NUMBER: _ClassVar[int]
    host: str
    model_ids: _containers.RepeatedScalarFieldContainer[bytes]
    endpoint: str
    region: str
    serving_pubkey: bytes
    def __init__(self, host: _Optional[str] = ..., model_ids: _Optional[_Iterable[bytes]] = ..., endpoint: _Optional[str] = ..., region: _Optional[str] = ..., serving_pubkey: _Optional[bytes] = ...) -> None: ...

class Policy(_message.Message):
    __slots__ = ("regions", "hosts")
    REGIONS_FIELD_NUMBER: _ClassVar[int]
    HOSTS_FIELD_NUMBER: _ClassVar[int]
    regions: _containers.RepeatedScalarFieldContainer[str]
    hosts: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, regions: _Optional[_Iterable[str]] = ..., hosts: _Optional[_Iterable[str]] = ...) -> None: ...

class Escrow(_message.Message):
    __slots__ = ("escrow_id", "developer", "voucher_pubkey", "model_id", "price_in_ngonka", "price_out_ngonka", "reserves", "policy", "opened_epoch", "closes_epoch", "deposit_ngonka", "refunded_ngonka", "closed")
    ESCROW_ID_FIELD_NUMBER: _ClassVar[int]
    DEVELOPER_FIELD_NUMBER: _ClassVar[int]
    VOUCHER_PUBKEY_FIELD_NUMBER: _ClassVar[int]
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    PRICE_IN_NGONKA_FIELD_NUMBER: _ClassVar[int]
    PRICE_OUT_NGONKA_FIELD_NUMBER: _ClassVar[int]
    RESERVES_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    OPENED_EPOCH_FIELD_NUMBER: _ClassVar[int]
    CLOSES_EPOCH_FIELD_NUMBER: _ClassVar[int]
    DEPOSIT_NGONKA_FIELD_NUMBER: _ClassVar[int]
    REFUNDED_NGONKA_FIELD_NUMBER: _ClassVar[int]
    CLOSED_FIELD_NUMBER: _ClassVar[int]
    escrow_id: int
    developer: str
    voucher_pubkey: bytes
    model_id: bytes
    price_in_ngonka: int
    price_out_ngonka: int
    reserves: _containers.RepeatedCompositeFieldContainer[Reserve]
    policy: Policy
    opened_epoch: int
    closes_epoch: int
    deposit_ngonka: int
    refunded_ngonka: int
    closed: bool
    def __init__(self, escrow_id: _Optional[int] = ..., developer: _Optional[str] = ..., voucher_pubkey: _Optional[bytes] = ..., model_id: _Optional[bytes] = ..., price_in_ngonka: _Optional[int] = ..., price_out_ngonka: _Optional[int] = ..., reserves: _Optional[_Iterable[_Union[Reserve, _Mapping]]] = ..., policy: _Optional[_Union[Policy, _Mapping]] = ..., opened_epoch: _Optional[int] = ..., closes_epoch: _Optional[int] = ..., deposit_ngonka: _Optional[int] = ..., refunded_ngonka: _Optional[int] = ..., closed: bool = ...) -> None: ...

class Reserve(_message.Message):
    __slots__ = ("host", "reserve_ngonka", "serial", "tokens_in", "tokens_out", "paid_ngonka")
    HOST_FIELD_NUMBER: _ClassVar[int]
    RESERVE_NGONKA_FIELD_NUMBER: _ClassVar[int]
    SERIAL_FIELD_NUMBER: _ClassVar[int]
    TOKENS_IN_FIELD_NUMBER: _ClassVar[int]
    TOKENS_OUT_FIELD_NUMBER: _ClassVar[int]
    PAID_NGONKA_FIELD_NUMBER: _ClassVar[int]
    host: str
    reserve_ngonka: int
    serial: int
    tokens_in: int
    tokens_out: int
    paid_ngonka: int
    def __init__(self, host: _Optional[str] = ..., reserve_ngonka: _Optional[int] = ..., serial: _Optional[int] = ..., tokens_in: _Optional[int] = ..., tokens_out: _Optional[int] = ..., paid_ngonka: _Optional[int] = ...) -> None: ...

class Settled(_message.Message):
    __slots__ = ("epoch", "escrow_id", "host", "serial", "tokens_in", "tokens_out", "amount_ngonka", "receipts_root", "receipts_count", "after_serial")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    ESCROW_ID_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    SERIAL_FIELD_NUMBER: _ClassVar[int]
    TOKENS_IN_FIELD_NUMBER: _ClassVar[int]
    TOKENS_OUT_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_NGONKA_FIELD_NUMBER: _ClassVar[int]
    RECEIPTS_ROOT_FIELD_NUMBER: _ClassVar[int]
    RECEIPTS_COUNT_FIELD_NUMBER: _ClassVar[int]
    AFTER_SERIAL_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    escrow_id: int
    host: str
    serial: int
    tokens_in: int
    tokens_out: int
    amount_ngonka: int
    receipts_root: bytes
    receipts_count: int
    after_serial: int
    def __init__(self, epoch: _Optional[int] = ..., escrow_id: _Optional[int] = ..., host: _Optional[str] = ..., serial: _Optional[int] = ..., tokens_in: _Optional[int] = ..., tokens_out: _Optional[int] = ..., amount_ngonka: _Optional[int] = ..., receipts_root: _Optional[bytes] = ..., receipts_count: _Optional[int] = ..., after_serial: _Optional[int] = ...) -> None: ...

class Voucher(_message.Message):
    __slots__ = ("chain_id", "escrow_id", "host", "model_id", "serial", "tokens_in", "tokens_out", "amount_ngonka", "signature")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    ESCROW_ID_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    SERIAL_FIELD_NUMBER: _ClassVar[int]
    TOKENS_IN_FIELD_NUMBER: _ClassVar[int]
    TOKENS_OUT_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_NGONKA_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    chain_id: str
    escrow_id: int
    host: str
    model_id: bytes
    serial: int
    tokens_in: int
    tokens_out: int
    amount_ngonka: int
    signature: bytes
    def __init__(self, chain_id: _Optional[str] = ..., escrow_id: _Optional[int] = ..., host: _Optional[str] = ..., model_id: _Optional[bytes] = ..., serial: _Optional[int] = ..., tokens_in: _Optional[int] = ..., tokens_out: _Optional[int] = ..., amount_ngonka: _Optional[int] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Ticket(_message.Message):
    __slots__ = ("chain_id", "escrow_id", "host", "model_id", "request", "developer_nonce", "body_hash", "signature")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    ESCROW_ID_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    DEVELOPER_NONCE_FIELD_NUMBER: _ClassVar[int]
    BODY_HASH_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    chain_id: str
    escrow_id: int
    host: str
    model_id: bytes
    request: int
    developer_nonce: bytes
    body_hash: bytes
    signature: bytes
    def __init__(self, chain_id: _Optional[str] = ..., escrow_id: _Optional[int] = ..., host: _Optional[str] = ..., model_id: _Optional[bytes] = ..., request: _Optional[int] = ..., developer_nonce: _Optional[bytes] = ..., body_hash: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Params(_message.Message):
    __slots__ = ("group_size", "credit_tokens", "burn_ppm", "close_epochs", "min_deposit_ngonka", "price_step_ppm", "min_price_ngonka", "max_price_ngonka", "target_volume_ppm", "max_models", "settles_per_epoch", "answer_seats", "answer_null_ppm", "answer_slash_ppm")
    GROUP_SIZE_FIELD_NUMBER: _ClassVar[int]
    CREDIT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    BURN_PPM_FIELD_NUMBER: _ClassVar[int]
    CLOSE_EPOCHS_FIELD_NUMBER: _ClassVar[int]
    MIN_DEPOSIT_NGONKA_FIELD_NUMBER: _ClassVar[int]
    PRICE_STEP_PPM_FIELD_NUMBER: _ClassVar[int]
    MIN_PRICE_NGONKA_FIELD_NUMBER: _ClassVar[int]
    MAX_PRICE_NGONKA_FIELD_NUMBER: _ClassVar[int]
    TARGET_VOLUME_PPM_FIELD_NUMBER: _ClassVar[int]
    MAX_MODELS_FIELD_NUMBER: _ClassVar[int]
    SETTLES_PER_EPOCH_FIELD_NUMBER: _ClassVar[int]
    ANSWER_SEATS_FIELD_NUMBER: _ClassVar[int]
    ANSWER_NULL_PPM_FIELD_NUMBER: _ClassVar[int]
    ANSWER_SLASH_PPM_FIELD_NUMBER: _ClassVar[int]
    group_size: int
    credit_tokens: int
    burn_ppm: int
    close_epochs: int
    min_deposit_ngonka: int
    price_step_ppm: int
    min_price_ngonka: int
    max_price_ngonka: int
    target_volume_ppm: int
    max_models: int
    settles_per_epoch: int
    answer_seats: int
    answer_null_ppm: int
    answer_slash_ppm: int
    def __init__(self, group_size: _Optional[int] = ..., credit_tokens: _Optional[int] = ..., burn_ppm: _Optional[int] = ..., close_epochs: _Optional[int] = ..., min_deposit_ngonka: _Optional[int] = ..., price_step_ppm: _Optional[int] = ..., min_price_ngonka: _Optional[int] = ..., max_price_ngonka: _Optional[int] = ..., target_volume_ppm: _Optional[int] = ..., max_models: _Optional[int] = ..., settles_per_epoch: _Optional[int] = ..., answer_seats: _Optional[int] = ..., answer_null_ppm: _Optional[int] = ..., answer_slash_ppm: _Optional[int] = ...) -> None: ...
