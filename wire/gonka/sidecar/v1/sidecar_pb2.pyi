from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Device(_message.Message):
    __slots__ = ("name", "model", "memory_bytes", "backend", "refused")
    NAME_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    BACKEND_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    name: str
    model: str
    memory_bytes: int
    backend: str
    refused: _containers.RepeatedCompositeFieldContainer[RefusedBackend]
    def __init__(self, name: _Optional[str] = ..., model: _Optional[str] = ..., memory_bytes: _Optional[int] = ..., backend: _Optional[str] = ..., refused: _Optional[_Iterable[_Union[RefusedBackend, _Mapping]]] = ...) -> None: ...

class RefusedBackend(_message.Message):
    __slots__ = ("backend", "reason")
    BACKEND_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    backend: str
    reason: str
    def __init__(self, backend: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class CapabilitiesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CapabilitiesResponse(_message.Message):
    __slots__ = ("version", "profiles", "devices")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PROFILES_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    version: str
    profiles: _containers.RepeatedScalarFieldContainer[str]
    devices: _containers.RepeatedCompositeFieldContainer[Device]
    def __init__(self, version: _Optional[str] = ..., profiles: _Optional[_Iterable[str]] = ..., devices: _Optional[_Iterable[_Union[Device, _Mapping]]] = ...) -> None: ...

class Work(_message.Message):
    __slots__ = ("sprint_seed", "profile", "cos2_q64")
    SPRINT_SEED_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    COS2_Q64_FIELD_NUMBER: _ClassVar[int]
    sprint_seed: bytes
    profile: str
    cos2_q64: int
    def __init__(self, sprint_seed: _Optional[bytes] = ..., profile: _Optional[str] = ..., cos2_q64: _Optional[int] = ...) -> None: ...

class StartSprintRequest(_message.Message):
    __slots__ = ("job_id", "work", "host", "deadline_unix_ms", "after_number")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    WORK_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    AFTER_NUMBER_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    work: Work
    host: bytes
    deadline_unix_ms: int
    after_number: int
    def __init__(self, job_id: _Optional[str] = ..., work: _Optional[_Union[Work, _Mapping]] = ..., host: _Optional[bytes] = ..., deadline_unix_ms: _Optional[int] = ..., after_number: _Optional[int] = ...) -> None: ...

class Proof(_message.Message):
    __slots__ = ("number", "nonce", "tag")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    TAG_FIELD_NUMBER: _ClassVar[int]
    number: int
    nonce: int
    tag: bytes
    def __init__(self, number: _Optional[int] = ..., nonce: _Optional[int] = ..., tag: _Optional[bytes] = ...) -> None: ...

class ProofBatch(_message.Message):
    __slots__ = ("proofs", "evaluated", "ended")
    PROOFS_FIELD_NUMBER: _ClassVar[int]
    EVALUATED_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    proofs: _containers.RepeatedCompositeFieldContainer[Proof]
    evaluated: int
    ended: bool
    def __init__(self, proofs: _Optional[_Iterable[_Union[Proof, _Mapping]]] = ..., evaluated: _Optional[int] = ..., ended: bool = ...) -> None: ...

class AckRequest(_message.Message):
    __slots__ = ("job_id", "up_to_number")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    UP_TO_NUMBER_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    up_to_number: int
    def __init__(self, job_id: _Optional[str] = ..., up_to_number: _Optional[int] = ...) -> None: ...

class AckResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class VerifyRequest(_message.Message):
    __slots__ = ("work", "host", "nonces", "tags", "stop_after", "deadline_unix_ms")
    WORK_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    NONCES_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    STOP_AFTER_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    work: Work
    host: bytes
    nonces: _containers.RepeatedScalarFieldContainer[int]
    tags: bytes
    stop_after: int
    deadline_unix_ms: int
    def __init__(self, work: _Optional[_Union[Work, _Mapping]] = ..., host: _Optional[bytes] = ..., nonces: _Optional[_Iterable[int]] = ..., tags: _Optional[bytes] = ..., stop_after: _Optional[int] = ..., deadline_unix_ms: _Optional[int] = ...) -> None: ...

class VerifyResponse(_message.Message):
    __slots__ = ("mismatched", "digest_tails")
    MISMATCHED_FIELD_NUMBER: _ClassVar[int]
    DIGEST_TAILS_FIELD_NUMBER: _ClassVar[int]
    mismatched: _containers.RepeatedScalarFieldContainer[int]
    digest_tails: bytes
    def __init__(self, mismatched: _Optional[_Iterable[int]] = ..., digest_tails: _Optional[bytes] = ...) -> None: ...

class StopRequest(_message.Message):
    __slots__ = ("job_id",)
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    def __init__(self, job_id: _Optional[str] = ...) -> None: ...

class StopResponse(_message.Message):
    __slots__ = ("last_number", "evaluated")
    LAST_NUMBER_FIELD_NUMBER: _ClassVar[int]
    EVALUATED_FIELD_NUMBER: _ClassVar[int]
    last_number: int
    evaluated: int
    def __init__(self, last_number: _Optional[int] = ..., evaluated: _Optional[int] = ...) -> None: ...

class StatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Job(_message.Message):
    __slots__ = ("job_id", "running", "last_number", "acked_number", "evaluated")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    LAST_NUMBER_FIELD_NUMBER: _ClassVar[int]
    ACKED_NUMBER_FIELD_NUMBER: _ClassVar[int]
    EVALUATED_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    running: bool
    last_number: int
    acked_number: int
    evaluated: int
    def __init__(self, job_id: _Optional[str] = ..., running: bool = ..., last_number: _Optional[int] = ..., acked_number: _Optional[int] = ..., evaluated: _Optional[int] = ...) -> None: ...

class StatusResponse(_message.Message):
    __slots__ = ("jobs", "uptime_ms", "proof_device_ms", "verify_device_ms", "device_up_ms")
    JOBS_FIELD_NUMBER: _ClassVar[int]
    UPTIME_MS_FIELD_NUMBER: _ClassVar[int]
    PROOF_DEVICE_MS_FIELD_NUMBER: _ClassVar[int]
    VERIFY_DEVICE_MS_FIELD_NUMBER: _ClassVar[int]
    DEVICE_UP_MS_FIELD_NUMBER: _ClassVar[int]
    jobs: _containers.RepeatedCompositeFieldContainer[Job]
    uptime_ms: int
    proof_device_ms: int
    verify_device_ms: int
    device_up_ms: int
    def __init__(self, jobs: _Optional[_Iterable[_Union[Job, _Mapping]]] = ..., uptime_ms: _Optional[int] = ..., proof_device_ms: _Optional[int] = ..., verify_device_ms: _Optional[int] = ..., device_up_ms: _Optional[int] = ...) -> None: ...
