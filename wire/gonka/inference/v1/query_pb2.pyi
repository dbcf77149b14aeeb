from cosmos.base.query.v1beta1 import pagination_pb2 as _pagination_pb2
from google.api import annotations_pb2 as _annotations_pb2
from wire.gonka.inference.v1 import inference_pb2 as _inference_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class QueryParamsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class QueryParamsResponse(_message.Message):
    __slots__ = ("params",)
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    params: _inference_pb2.Params
    def __init__(self, params: _Optional[_Union[_inference_pb2.Params, _Mapping]] = ...) -> None: ...

class QueryModelsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class QueryModelsResponse(_message.Message):
    __slots__ = ("models",)
    MODELS_FIELD_NUMBER: _ClassVar[int]
    models: _containers.RepeatedCompositeFieldContainer[_inference_pb2.Model]
    def __init__(self, models: _Optional[_Iterable[_Union[_inference_pb2.Model, _Mapping]]] = ...) -> None: ...

class QueryOfferRequest(_message.Message):
    __slots__ = ("host", "serving_pubkey")
    HOST_FIELD_NUMBER: _ClassVar[int]
    SERVING_PUBKEY_FIELD_NUMBER: _ClassVar[int]
    host: str
    serving_pubkey: bytes
    def __init__(self, host: _Optional[str] = ..., serving_pubkey: _Optional[bytes] = ...) -> None: ...

class QueryOfferResponse(_message.Message):
    __slots__ = ("offer",)
    OFFER_FIELD_NUMBER: _ClassVar[int]
    offer: _inference_pb2.Offer
    def __init__(self, offer: _Optional[_Union[_inference_pb2.Offer, _Mapping]] = ...) -> None: ...

class QueryOffersRequest(_message.Message):
    __slots__ = ("model_id", "pagination")
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    model_id: bytes
    pagination: _pagination_pb2.PageRequest
    def __init__(self, model_id: _Optional[bytes] = ..., pagination: _Optional[_Union[_pagination_pb2.PageRequest, _Mapping]] = ...) -> None: ...

class QueryOffersResponse(_message.Message):
    __slots__ = ("offers", "pagination")
    OFFERS_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    offers: _containers.RepeatedCompositeFieldContainer[_inference_pb2.Offer]
    pagination: _pagination_pb2.PageResponse
    def __init__(self, offers: _Optional[_Iterable[_Union[_inference_pb2.Offer, _Mapping]]] = ..., pagination: _Optional[_Union[_pagination_pb2.PageResponse, _Mapping]] = ...) -> None: ...

class QueryEscrowRequest(_message.Message):
    __slots__ = ("escrow_id",)
    ESCROW_ID_FIELD_NUMBER: _ClassVar[int]
    escrow_id: int
    def __init__(self, escrow_id: _Optional[int] = ...) -> None: ...

class QueryEscrowResponse(_message.Message):
    __slots__ = ("escrow",)
    ESCROW_FIELD_NUMBER: _ClassVar[int]
    escrow: _inference_pb2.Escrow
    def __init__(self, escrow: _Optional[_Union[_inference_pb2.Escrow, _Mapping]] = ...) -> None: ...

class QueryEscrowsRequest(_message.Message):
    __slots__ = ("developer", "host", "pagination")
    DEVELOPER_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    developer: str
    host: str
    pagination: _pagination_pb2.PageRequest
    def __init__(self, developer: _Optional[str] = ..., host: _Optional[str] = ..., pagination: _Optional[_Union[_pagination_pb2.PageRequest, _Mapping]] = ...) -> None: ...

class QueryEscrowsResponse(_message.Message):
    __slots__ = ("escrows", "pagination")
    ESCROWS_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    escrows: _containers.RepeatedCompositeFieldContainer[_inference_pb2.Escrow]
    pagination: _pagination_pb2.PageResponse
    def __init__(self, escrows: _Optional[_Iterable[_Union[_inference_pb2.Escrow, _Mapping]]] = ..., pagination: _Optional[_Union[_pagination_pb2.PageResponse, _Mapping]] = ...) -> None: ...
