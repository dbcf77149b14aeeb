from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ModelsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ModelsResponse(_message.Message):
    __slots__ = ("models",)
    MODELS_FIELD_NUMBER: _ClassVar[int]
    models: _containers.RepeatedCompositeFieldContainer[LoadedModel]
    def __init__(self, models: _Optional[_Iterable[_Union[LoadedModel, _Mapping]]] = ...) -> None: ...

class LoadedModel(_message.Message):
    __slots__ = ("content_hash", "tokenizer_hash", "name", "max_context", "vocabulary", "engine", "device", "defined_sampler", "embeds", "max_requests", "running_requests")
    CONTENT_HASH_FIELD_NUMBER: _ClassVar[int]
    TOKENIZER_HASH_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    MAX_CONTEXT_FIELD_NUMBER: _ClassVar[int]
    VOCABULARY_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    DEFINED_SAMPLER_FIELD_NUMBER: _ClassVar[int]
    EMBEDS_FIELD_NUMBER: _ClassVar[int]
    MAX_REQUESTS_FIELD_NUMBER: _ClassVar[int]
    RUNNING_REQUESTS_FIELD_NUMBER: _ClassVar[int]
    content_hash: bytes
    tokenizer_hash: bytes
    name: str
    max_context: int
    vocabulary: int
    engine: str
    device: str
    defined_sampler: bool
    embeds: bool
    max_requests: int
    running_requests: int
    def __init__(self, content_hash: _Optional[bytes] = ..., tokenizer_hash: _Optional[bytes] = ..., name: _Optional[str] = ..., max_context: _Optional[int] = ..., vocabulary: _Optional[int] = ..., engine: _Optional[str] = ..., device: _Optional[str] = ..., defined_sampler: bool = ..., embeds: bool = ..., max_requests: _Optional[int] = ..., running_requests: _Optional[int] = ...) -> None: ...

class RenderRequest(_message.Message):
    __slots__ = ("content_hash", "chat", "text")
    CONTENT_HASH_FIELD_NUMBER: _ClassVar[int]
    CHAT_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    content_hash: bytes
    chat: str
    text: str
    def __init__(self, content_hash: _Optional[bytes] = ..., chat: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class RenderResponse(_message.Message):
    __slots__ = ("tokens",)
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    tokens: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, tokens: _Optional[_Iterable[int]] = ...) -> None: ...

class VocabularyRequest(_message.Message):
    __slots__ = ("content_hash", "first")
    CONTENT_HASH_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    content_hash: bytes
    first: int
    def __init__(self, content_hash: _Optional[bytes] = ..., first: _Optional[int] = ...) -> None: ...

class VocabularyResponse(_message.Message):
    __slots__ = ("texts", "ends")
    TEXTS_FIELD_NUMBER: _ClassVar[int]
    ENDS_FIELD_NUMBER: _ClassVar[int]
    texts: _containers.RepeatedScalarFieldContainer[bytes]
    ends: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, texts: _Optional[_Iterable[bytes]] = ..., ends: _Optional[_Iterable[int]] = ...) -> None: ...

class Sampling(_message.Message):
    __slots__ = ("temperature_milli", "top_k", "top_p_ppm", "frequency_penalty_milli", "presence_penalty_milli", "bias", "seed")
    TEMPERATURE_MILLI_FIELD_NUMBER: _ClassVar[int]
    TOP_K_FIELD_NUMBER: _ClassVar[int]
    TOP_P_PPM_FIELD_NUMBER: _ClassVar[int]
    FREQUENCY_PENALTY_MILLI_FIELD_NUMBER: _ClassVar[int]
    PRESENCE_PENALTY_MILLI_FIELD_NUMBER: _ClassVar[int]
    BIAS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    temperature_milli: int
    top_k: int
    top_p_ppm: int
    frequency_penalty_milli: int
    presence_penalty_milli: int
    bias: _containers.RepeatedCompositeFieldContainer[TokenBias]
    seed: bytes
    def __init__(self, temperature_milli: _Optional[int] = ..., top_k: _Optional[int] = ..., top_p_ppm: _Optional[int] = ..., frequency_penalty_milli: _Optional[int] = ..., presence_penalty_milli: _Optional[int] = ..., bias: _Optional[_Iterable[_Union[TokenBias, _Mapping]]] = ..., seed: _Optional[bytes] = ...) -> None: ...

class TokenBias(_message.Message):
    __slots__ = ("token", "bias_milli")
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    BIAS_MILLI_FIELD_NUMBER: _ClassVar[int]
    token: int
    bias_milli: int
    def __init__(self, token: _Optional[int] = ..., bias_milli: _Optional[int] = ...) -> None: ...

class GenerateRequest(_message.Message):
    __slots__ = ("request_id", "content_hash", "prompt", "sampling", "max_tokens", "stop", "top_logprobs", "logprobs", "allowance_tokens")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    CONTENT_HASH_FIELD_NUMBER: _ClassVar[int]
    PROMPT_FIELD_NUMBER: _ClassVar[int]
    SAMPLING_FIELD_NUMBER: _ClassVar[int]
    MAX_TOKENS_FIELD_NUMBER: _ClassVar[int]
    STOP_FIELD_NUMBER: _ClassVar[int]
    TOP_LOGPROBS_FIELD_NUMBER: _ClassVar[int]
    LOGPROBS_FIELD_NUMBER: _ClassVar[int]
    ALLOWANCE_TOKENS_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    content_hash: bytes
    prompt: _containers.RepeatedScalarFieldContainer[int]
    sampling: Sampling
    max_tokens: int
    stop: _containers.RepeatedScalarFieldContainer[str]
    top_logprobs: int
    logprobs: bool
    allowance_tokens: int
    def __init__(self, request_id: _Optional[str] = ..., content_hash: _Optional[bytes] = ..., prompt: _Optional[_Iterable[int]] = ..., sampling: _Optional[_Union[Sampling, _Mapping]] = ..., max_tokens: _Optional[int] = ..., stop: _Optional[_Iterable[str]] = ..., top_logprobs: _Optional[int] = ..., logprobs: bool = ..., allowance_tokens: _Optional[int] = ...) -> None: ...

class TokenLogprob(_message.Message):
    __slots__ = ("token", "logprob_micro", "text")
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    LOGPROB_MICRO_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    token: int
    logprob_micro: int
    text: bytes
    def __init__(self, token: _Optional[int] = ..., logprob_micro: _Optional[int] = ..., text: _Optional[bytes] = ...) -> None: ...

class GeneratedToken(_message.Message):
    __slots__ = ("token", "logprob_micro", "top", "text")
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    LOGPROB_MICRO_FIELD_NUMBER: _ClassVar[int]
    TOP_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    token: int
    logprob_micro: int
    top: _containers.RepeatedCompositeFieldContainer[TokenLogprob]
    text: bytes
    def __init__(self, token: _Optional[int] = ..., logprob_micro: _Optional[int] = ..., top: _Optional[_Iterable[_Union[TokenLogprob, _Mapping]]] = ..., text: _Optional[bytes] = ...) -> None: ...

class GenerateChunk(_message.Message):
    __slots__ = ("tokens", "text", "prompt_done", "finish_reason")
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    PROMPT_DONE_FIELD_NUMBER: _ClassVar[int]
    FINISH_REASON_FIELD_NUMBER: _ClassVar[int]
    tokens: _containers.RepeatedCompositeFieldContainer[GeneratedToken]
    text: str
    prompt_done: int
    finish_reason: str
    def __init__(self, tokens: _Optional[_Iterable[_Union[GeneratedToken, _Mapping]]] = ..., text: _Optional[str] = ..., prompt_done: _Optional[int] = ..., finish_reason: _Optional[str] = ...) -> None: ...

class AllowRequest(_message.Message):
    __slots__ = ("request_id", "allowance_tokens")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ALLOWANCE_TOKENS_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    allowance_tokens: int
    def __init__(self, request_id: _Optional[str] = ..., allowance_tokens: _Optional[int] = ...) -> None: ...

class AllowResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ScoreRequest(_message.Message):
    __slots__ = ("content_hash", "prompt", "answer", "sampling")
    CONTENT_HASH_FIELD_NUMBER: _ClassVar[int]
    PROMPT_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    SAMPLING_FIELD_NUMBER: _ClassVar[int]
    content_hash: bytes
    prompt: _containers.RepeatedScalarFieldContainer[int]
    answer: _containers.RepeatedScalarFieldContainer[int]
    sampling: Sampling
    def __init__(self, content_hash: _Optional[bytes] = ..., prompt: _Optional[_Iterable[int]] = ..., answer: _Optional[_Iterable[int]] = ..., sampling: _Optional[_Union[Sampling, _Mapping]] = ...) -> None: ...

class ScoreResponse(_message.Message):
    __slots__ = ("scores",)
    SCORES_FIELD_NUMBER: _ClassVar[int]
    scores: _containers.RepeatedCompositeFieldContainer[TokenScore]
    def __init__(self, scores: _Optional[_Iterable[_Union[TokenScore, _Mapping]]] = ...) -> None: ...

class TokenScore(_message.Message):
    __slots__ = ("expected", "gap_milli")
    EXPECTED_FIELD_NUMBER: _ClassVar[int]
    GAP_MILLI_FIELD_NUMBER: _ClassVar[int]
    expected: int
    gap_milli: int
    def __init__(self, expected: _Optional[int] = ..., gap_milli: _Optional[int] = ...) -> None: ...

class EmbedRequest(_message.Message):
    __slots__ = ("content_hash", "tokens")
    CONTENT_HASH_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    content_hash: bytes
    tokens: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, content_hash: _Optional[bytes] = ..., tokens: _Optional[_Iterable[int]] = ...) -> None: ...

class EmbedResponse(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, values: _Optional[_Iterable[float]] = ...) -> None: ...
