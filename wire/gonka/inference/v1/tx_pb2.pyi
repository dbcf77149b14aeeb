from amino import amino_pb2 as _amino_pb2
from cosmos.msg.v1 import msg_pb2 as _msg_pb2
from wire.gonka.inference.v1 import inference_pb2 as _inference_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MsgAddModel(_message.Message):
    __slots__ = ("authority", "name", "content_hash", "tokenizer_hash", "units_per_token_in", "units_per_token_out", "max_context", "base_price_ngonka")
    AUTHORITY_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    CONTENT_HASH_FIELD_NUMBER: _ClassVar[int]
    TOKENIZER_HASH_FIELD_NUMBER: _ClassVar[int]
    UNITS_PER_TOKEN_IN_FIELD_NUMBER: _ClassVar[int]
    UNITS_PER_TOKEN_OUT_FIELD_NUMBER: _ClassVar[int]
    MAX_CONTEXT_FIELD_NUMBER: _ClassVar[int]
    BASE_PRICE_NGONKA_FIELD_NUMBER: _ClassVar[int]
    authority: str
    name: str
    content_hash: bytes
    tokenizer_hash: bytes
    units_per_token_in: int
    units_per_token_out: int
    max_context: int
    base_price_ngonka: int
    def __init__(self, authority: _Optional[str] = ..., name: _Optional[str] = ..., content_hash: _Optional[bytes] = ..., tokenizer_hash: _Optional[bytes] = ..., units_per_token_in: _Optional[int] = ..., units_per_token_out: _Optional[int] = ..., max_context: _Optional[int] = ..., base_price_ngonka: _Optional[int] = ...) -> None: ...

class MsgAddModelResponse(_message.Message):
    __slots__ = ("model_id",)
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    model_id: bytes
    def __init__(self, model_id: _Optional[bytes] = ...) -> None: ...

class MsgSetOffer(_message.Message):
    __slots__ = ("host", "model_ids", "endpoint", "region")
    HOST_FIELD_NUMBER: _ClassVar[int]
    MODEL_IDS_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    host: str
    model_ids: _containers.RepeatedScalarFieldContainer[bytes]
    endpoint: str
    region: str
    def __init__(self, host: _Optional[str] = ..., model_ids: _Optional[_Iterable[bytes]] = ..., endpoint: _Optional[str] = ..., region: _Optional[str] = ...) -> None: ...

class MsgSetOfferResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class MsgSetServingKey(_message.Message):
    __slots__ = ("host", "serving_pubkey")
    HOST_FIELD_NUMBER: _ClassVar[int]
    SERVING_PUBKEY_FIELD_NUMBER: _ClassVar[int]
    host: str
    serving_pubkey: bytes
    def __init__(self, host: _Optional[str] = ..., serving_pubkey: _Optional[bytes] = ...) -> None: ...

class MsgSetServingKeyResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class MsgOpenEscrow(_message.Message):
    __slots__ = ("developer", "model_id", "deposit_ngonka", "voucher_pubkey", "policy", "max_price_in_ngonka", "max_price_out_ngonka")
    DEVELOPER_FIELD_NUMBER: _ClassVar[int]
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    DEPOSIT_NGONKA_FIELD_NUMBER: _ClassVar[int]
    VOUCHER_PUBKEY_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    MAX_PRICE_IN_NGONKA_FIELD_NUMBER: _ClassVar[int]
    MAX_PRICE_OUT_NGONKA_FIELD_NUMBER: _ClassVar[int]
    developer: str
    model_id: bytes
    deposit_ngonka: int
    voucher_pubkey: bytes
    policy: _inference_pb2.Policy
    max_price_in_ngonka: int
    max_price_out_ngonka: int
    def __init__(self, developer: _Optional[str] = ..., model_id: _Optional[bytes] = ..., deposit_ngonka: _Optional[int] = ..., voucher_pubkey: _Optional[bytes] = ..., policy: _Optional[_Union[_inference_pb2.Policy, _Mapping]] = ..., max_price_in_ngonka: _Optional[int] = ..., max_price_out_ngonka: _Optional[int] = ...) -> None: ...

class MsgOpenEscrowResponse(_message.Message):
    __slots__ = ("escrow_id", "price_in_ngonka", "price_out_ngonka", "reserves")
    ESCROW_ID_FIELD_NUMBER: _ClassVar[int]
    PRICE_IN_NGONKA_FIELD_NUMBER: _ClassVar[int]
    PRICE_OUT_NGONKA_FIELD_NUMBER: _ClassVar[int]
    RESERVES_FIELD_NUMBER: _ClassVar[int]
    escrow_id: int
    price_in_ngonka: int
    price_out_ngonka: int
    reserves: _containers.RepeatedCompositeFieldContainer[_inference_pb2.Reserve]
    def __init__(self, escrow_id: _Optional[int] = ..., price_in_ngonka: _Optional[int] = ..., price_out_ngonka: _Optional[int] = ..., reserves: _Optional[_Iterable[_Union[_inference_pb2.Reserve, _Mapping]]] = ...) -> None: ...

class MsgTopUpEscrow(_message.Message):
    __slots__ = ("developer", "escrow_id", "amount_ngonka")
    DEVELOPER_FIELD_NUMBER: _ClassVar[int]
    ESCROW_ID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_NGONKA_FIELD_NUMBER: _ClassVar[int]
    developer: str
    escrow_id: int
    amount_ngonka: int
    def __init__(self, developer: _Optional[str] = ..., escrow_id: _Optional[int] = ..., amount_ngonka: _Optional[int] = ...) -> None: ...

class MsgTopUpEscrowResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class MsgSettleVoucher(_message.Message):
    __slots__ = ("sender", "voucher", "receipts_root", "receipts_count")
    SENDER_FIELD_NUMBER: _ClassVar[int]
    VOUCHER_FIELD_NUMBER: _ClassVar[int]
    RECEIPTS_ROOT_FIELD_NUMBER: _ClassVar[int]
    RECEIPTS_COUNT_FIELD_NUMBER: _ClassVar[int]
    sender: str
    voucher: _inference_pb2.Voucher
    receipts_root: bytes
    receipts_count: int
    def __init__(self, sender: _Optional[str] = ..., voucher: _Optional[_Union[_inference_pb2.Voucher, _Mapping]] = ..., receipts_root: _Optional[bytes] = ..., receipts_count: _Optional[int] = ...) -> None: ...

class MsgSettleVoucherResponse(_message.Message):
    __slots__ = ("paid_ngonka", "burned_ngonka")
    PAID_NGONKA_FIELD_NUMBER: _ClassVar[int]
    BURNED_NGONKA_FIELD_NUMBER: _ClassVar[int]
    paid_ngonka: int
    burned_ngonka: int
    def __init__(self, paid_ngonka: _Optional[int] = ..., burned_ngonka: _Optional[int] = ...) -> None: ...

class MsgCloseEscrow(_message.Message):
    __slots__ = ("developer", "escrow_id")
    DEVELOPER_FIELD_NUMBER: _ClassVar[int]
    ESCROW_ID_FIELD_NUMBER: _ClassVar[int]
    developer: str
    escrow_id: int
    def __init__(self, developer: _Optional[str] = ..., escrow_id: _Optional[int] = ...) -> None: ...

class MsgCloseEscrowResponse(_message.Message):
    __slots__ = ("closes_epoch",)
    CLOSES_EPOCH_FIELD_NUMBER: _ClassVar[int]
    closes_epoch: int
    def __init__(self, closes_epoch: _Optional[int] = ...) -> None: ...
