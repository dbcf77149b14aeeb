from amino import amino_pb2 as _amino_pb2
from cosmos.msg.v1 import msg_pb2 as _msg_pb2
from google.api import annotations_pb2 as _annotations_pb2
from wire.gonka.inference.v1 import inference_pb2 as _inference_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MsgCommitReports(_message.Message):
    __slots__ = ("host", "epoch", "commitment", "sender")
    HOST_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    COMMITMENT_FIELD_NUMBER: _ClassVar[int]
    SENDER_FIELD_NUMBER: _ClassVar[int]
    host: str
    epoch: int
    commitment: bytes
    sender: str
    def __init__(self, host: _Optional[str] = ..., epoch: _Optional[int] = ..., commitment: _Optional[bytes] = ..., sender: _Optional[str] = ...) -> None: ...

class MsgCommitReportsResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class MsgRevealReports(_message.Message):
    __slots__ = ("host", "epoch", "salt", "reports", "sender")
    HOST_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SALT_FIELD_NUMBER: _ClassVar[int]
    REPORTS_FIELD_NUMBER: _ClassVar[int]
    SENDER_FIELD_NUMBER: _ClassVar[int]
    host: str
    epoch: int
    salt: bytes
    reports: _containers.RepeatedCompositeFieldContainer[Report]
    sender: str
    def __init__(self, host: _Optional[str] = ..., epoch: _Optional[int] = ..., salt: _Optional[bytes] = ..., reports: _Optional[_Iterable[_Union[Report, _Mapping]]] = ..., sender: _Optional[str] = ...) -> None: ...

class MsgRevealReportsResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Report(_message.Message):
    __slots__ = ("escrow_id", "host", "tokens", "distance_ppm")
    ESCROW_ID_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_PPM_FIELD_NUMBER: _ClassVar[int]
    escrow_id: int
    host: str
    tokens: int
    distance_ppm: int
    def __init__(self, escrow_id: _Optional[int] = ..., host: _Optional[str] = ..., tokens: _Optional[int] = ..., distance_ppm: _Optional[int] = ...) -> None: ...

class ReportSet(_message.Message):
    __slots__ = ("commitment", "revealed", "reports")
    COMMITMENT_FIELD_NUMBER: _ClassVar[int]
    REVEALED_FIELD_NUMBER: _ClassVar[int]
    REPORTS_FIELD_NUMBER: _ClassVar[int]
    commitment: bytes
    revealed: bool
    reports: _containers.RepeatedCompositeFieldContainer[Report]
    def __init__(self, commitment: _Optional[bytes] = ..., revealed: bool = ..., reports: _Optional[_Iterable[_Union[Report, _Mapping]]] = ...) -> None: ...

class Lot(_message.Message):
    __slots__ = ("escrow_id", "host", "model_id", "samples", "seats")
    ESCROW_ID_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    SEATS_FIELD_NUMBER: _ClassVar[int]
    escrow_id: int
    host: str
    model_id: bytes
    samples: _containers.RepeatedCompositeFieldContainer[Sample]
    seats: _containers.RepeatedCompositeFieldContainer[CheckSeat]
    def __init__(self, escrow_id: _Optional[int] = ..., host: _Optional[str] = ..., model_id: _Optional[bytes] = ..., samples: _Optional[_Iterable[_Union[Sample, _Mapping]]] = ..., seats: _Optional[_Iterable[_Union[CheckSeat, _Mapping]]] = ...) -> None: ...

class Sample(_message.Message):
    __slots__ = ("serial", "root", "count", "positions")
    SERIAL_FIELD_NUMBER: _ClassVar[int]
    ROOT_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    serial: int
    root: bytes
    count: int
    positions: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, serial: _Optional[int] = ..., root: _Optional[bytes] = ..., count: _Optional[int] = ..., positions: _Optional[_Iterable[int]] = ...) -> None: ...

class CheckSeat(_message.Message):
    __slots__ = ("verifier", "count")
    VERIFIER_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    verifier: str
    count: int
    def __init__(self, verifier: _Optional[str] = ..., count: _Optional[int] = ...) -> None: ...

class Conduct(_message.Message):
    __slots__ = ("host", "model_id", "reputation", "wealth", "rounds", "verdict_epoch", "rate_ppm")
    HOST_FIELD_NUMBER: _ClassVar[int]
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    REPUTATION_FIELD_NUMBER: _ClassVar[int]
    WEALTH_FIELD_NUMBER: _ClassVar[int]
    ROUNDS_FIELD_NUMBER: _ClassVar[int]
    VERDICT_EPOCH_FIELD_NUMBER: _ClassVar[int]
    RATE_PPM_FIELD_NUMBER: _ClassVar[int]
    host: str
    model_id: bytes
    reputation: int
    wealth: bytes
    rounds: int
    verdict_epoch: int
    rate_ppm: int
    def __init__(self, host: _Optional[str] = ..., model_id: _Optional[bytes] = ..., reputation: _Optional[int] = ..., wealth: _Optional[bytes] = ..., rounds: _Optional[int] = ..., verdict_epoch: _Optional[int] = ..., rate_ppm: _Optional[int] = ...) -> None: ...

class QueryLotsRequest(_message.Message):
    __slots__ = ("host", "verifier")
    HOST_FIELD_NUMBER: _ClassVar[int]
    VERIFIER_FIELD_NUMBER: _ClassVar[int]
    host: str
    verifier: str
    def __init__(self, host: _Optional[str] = ..., verifier: _Optional[str] = ...) -> None: ...

class QueryLotsResponse(_message.Message):
    __slots__ = ("epoch", "lots", "reports", "revealed")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    LOTS_FIELD_NUMBER: _ClassVar[int]
    REPORTS_FIELD_NUMBER: _ClassVar[int]
    REVEALED_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    lots: _containers.RepeatedCompositeFieldContainer[Lot]
    reports: ReportSet
    revealed: _containers.RepeatedCompositeFieldContainer[RevealedReport]
    def __init__(self, epoch: _Optional[int] = ..., lots: _Optional[_Iterable[_Union[Lot, _Mapping]]] = ..., reports: _Optional[_Union[ReportSet, _Mapping]] = ..., revealed: _Optional[_Iterable[_Union[RevealedReport, _Mapping]]] = ...) -> None: ...

class RevealedReport(_message.Message):
    __slots__ = ("verifier", "report")
    VERIFIER_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    verifier: str
    report: Report
    def __init__(self, verifier: _Optional[str] = ..., report: _Optional[_Union[Report, _Mapping]] = ...) -> None: ...

class QueryConductRequest(_message.Message):
    __slots__ = ("host",)
    HOST_FIELD_NUMBER: _ClassVar[int]
    host: str
    def __init__(self, host: _Optional[str] = ...) -> None: ...

class QueryConductResponse(_message.Message):
    __slots__ = ("conduct",)
    CONDUCT_FIELD_NUMBER: _ClassVar[int]
    conduct: _containers.RepeatedCompositeFieldContainer[Conduct]
    def __init__(self, conduct: _Optional[_Iterable[_Union[Conduct, _Mapping]]] = ...) -> None: ...

class Sealed(_message.Message):
    __slots__ = ("one_time_key", "ciphertext")
    ONE_TIME_KEY_FIELD_NUMBER: _ClassVar[int]
    CIPHERTEXT_FIELD_NUMBER: _ClassVar[int]
    one_time_key: bytes
    ciphertext: bytes
    def __init__(self, one_time_key: _Optional[bytes] = ..., ciphertext: _Optional[bytes] = ...) -> None: ...

class Opening(_message.Message):
    __slots__ = ("samples",)
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    samples: _containers.RepeatedCompositeFieldContainer[OpenedSample]
    def __init__(self, samples: _Optional[_Iterable[_Union[OpenedSample, _Mapping]]] = ...) -> None: ...

class OpenedSample(_message.Message):
    __slots__ = ("requests", "siblings", "splits")
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    SIBLINGS_FIELD_NUMBER: _ClassVar[int]
    SPLITS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[OpenedRequest]
    siblings: _containers.RepeatedScalarFieldContainer[bytes]
    splits: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, requests: _Optional[_Iterable[_Union[OpenedRequest, _Mapping]]] = ..., siblings: _Optional[_Iterable[bytes]] = ..., splits: _Optional[_Iterable[int]] = ...) -> None: ...

class OpenedRequest(_message.Message):
    __slots__ = ("ticket", "body", "host_nonce", "salt", "answers")
    TICKET_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    HOST_NONCE_FIELD_NUMBER: _ClassVar[int]
    SALT_FIELD_NUMBER: _ClassVar[int]
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    ticket: _inference_pb2.Ticket
    body: bytes
    host_nonce: bytes
    salt: bytes
    answers: _containers.RepeatedCompositeFieldContainer[OpenedAnswer]
    def __init__(self, ticket: _Optional[_Union[_inference_pb2.Ticket, _Mapping]] = ..., body: _Optional[bytes] = ..., host_nonce: _Optional[bytes] = ..., salt: _Optional[bytes] = ..., answers: _Optional[_Iterable[_Union[OpenedAnswer, _Mapping]]] = ...) -> None: ...

class OpenedAnswer(_message.Message):
    __slots__ = ("tokens",)
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    tokens: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, tokens: _Optional[_Iterable[int]] = ...) -> None: ...
