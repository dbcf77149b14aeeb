from amino import amino_pb2 as _amino_pb2
from cosmos.msg.v1 import msg_pb2 as _msg_pb2
from google.api import annotations_pb2 as _annotations_pb2
from wire.gonka.inference.v1 import inference_pb2 as _inference_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SignedReceipt(_message.Message):
    __slots__ = ("chain_id", "escrow_id", "host", "request", "after_serial", "receipt", "signature")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    ESCROW_ID_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    AFTER_SERIAL_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    chain_id: str
    escrow_id: int
    host: str
    request: int
    after_serial: int
    receipt: bytes
    signature: bytes
    def __init__(self, chain_id: _Optional[str] = ..., escrow_id: _Optional[int] = ..., host: _Optional[str] = ..., request: _Optional[int] = ..., after_serial: _Optional[int] = ..., receipt: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class MsgShowReceipt(_message.Message):
    __slots__ = ("developer", "receipt", "serving_pubkey")
    DEVELOPER_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    SERVING_PUBKEY_FIELD_NUMBER: _ClassVar[int]
    developer: str
    receipt: SignedReceipt
    serving_pubkey: bytes
    def __init__(self, developer: _Optional[str] = ..., receipt: _Optional[_Union[SignedReceipt, _Mapping]] = ..., serving_pubkey: _Optional[bytes] = ...) -> None: ...

class MsgShowReceiptResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class MsgPlaceReceipt(_message.Message):
    __slots__ = ("sender", "host", "escrow_id", "placing")
    SENDER_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    ESCROW_ID_FIELD_NUMBER: _ClassVar[int]
    PLACING_FIELD_NUMBER: _ClassVar[int]
    sender: str
    host: str
    escrow_id: int
    placing: Placing
    def __init__(self, sender: _Optional[str] = ..., host: _Optional[str] = ..., escrow_id: _Optional[int] = ..., placing: _Optional[_Union[Placing, _Mapping]] = ...) -> None: ...

class MsgPlaceReceiptResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Placing(_message.Message):
    __slots__ = ("position", "siblings", "splits")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    SIBLINGS_FIELD_NUMBER: _ClassVar[int]
    SPLITS_FIELD_NUMBER: _ClassVar[int]
    position: int
    siblings: _containers.RepeatedScalarFieldContainer[bytes]
    splits: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, position: _Optional[int] = ..., siblings: _Optional[_Iterable[bytes]] = ..., splits: _Optional[_Iterable[int]] = ...) -> None: ...

class Showing(_message.Message):
    __slots__ = ("receipt", "serial", "root", "count", "epoch", "placed")
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    SERIAL_FIELD_NUMBER: _ClassVar[int]
    ROOT_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    PLACED_FIELD_NUMBER: _ClassVar[int]
    receipt: SignedReceipt
    serial: int
    root: bytes
    count: int
    epoch: int
    placed: bool
    def __init__(self, receipt: _Optional[_Union[SignedReceipt, _Mapping]] = ..., serial: _Optional[int] = ..., root: _Optional[bytes] = ..., count: _Optional[int] = ..., epoch: _Optional[int] = ..., placed: bool = ...) -> None: ...

class QuerySettledRequest(_message.Message):
    __slots__ = ("escrow_id", "host")
    ESCROW_ID_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    escrow_id: int
    host: str
    def __init__(self, escrow_id: _Optional[int] = ..., host: _Optional[str] = ...) -> None: ...

class QuerySettledResponse(_message.Message):
    __slots__ = ("settled",)
    SETTLED_FIELD_NUMBER: _ClassVar[int]
    settled: _containers.RepeatedCompositeFieldContainer[_inference_pb2.Settled]
    def __init__(self, settled: _Optional[_Iterable[_Union[_inference_pb2.Settled, _Mapping]]] = ...) -> None: ...

class QueryShowingsRequest(_message.Message):
    __slots__ = ("host",)
    HOST_FIELD_NUMBER: _ClassVar[int]
    host: str
    def __init__(self, host: _Optional[str] = ...) -> None: ...

class QueryShowingsResponse(_message.Message):
    __slots__ = ("epoch", "showings")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SHOWINGS_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    showings: _containers.RepeatedCompositeFieldContainer[Showing]
    def __init__(self, epoch: _Optional[int] = ..., showings: _Optional[_Iterable[_Union[Showing, _Mapping]]] = ...) -> None: ...
