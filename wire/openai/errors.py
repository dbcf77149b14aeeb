"""What an API of ours refuses, in OpenAI's form, with a stable code and the right HTTP status.

    ApiError            code, message, param, seconds after which to try again

API_FAULTS is the one list of these codes, shared by a host's serving process and a gateway.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from rules.errors import CATALOGUE


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiFault:
    """An entry of the list: HTTP `status`, OpenAI's `type`, what it means, and what to do."""

    status: int
    type: str
    title: str
    next_step: str


API_FAULTS: dict[str, ApiFault] = {}


def _family(status: int, kind: str, entries: dict[str, tuple[str, str]]) -> None:
    for code, (title, next_step) in entries.items():
        API_FAULTS[code] = ApiFault(status=status, type=kind, title=title, next_step=next_step)


_family(
    400,
    "invalid_request_error",
    {
        "json_invalid": ("the body is no JSON object", "send one JSON object, UTF-8, without NaN or Infinity"),
        "json_too_deep": ("lists and objects lie too deep in each other, or are too many", "send something simpler"),
        "missing_required_parameter": ("something is missing", "add the field that `param` names"),
        "unknown_parameter": ("there is no such field", "leave out the field that `param` names"),
        "invalid_type": ("a field has the wrong type", "see /openapi.json for its type"),
        "invalid_value": ("a field has a value that it cannot have", "see /openapi.json for its range"),
        "unsupported_value": ("the value is OpenAI's, but not served here", "leave the field out"),
        "string_above_max_length": ("a text is too long", "shorten it"),
        "array_above_max_length": ("a list or an object has too many entries", "send fewer"),
        "header_invalid": ("a Gonka header cannot be read", "send base64 of the protobuf message"),
        "schema_invalid": ("a JSON schema is wrong, too deep or too large", "correct or simplify it"),
        "request_invalid": ("the request cannot be read", "check it against the service's description"),
    },
)
_family(
    404,
    "invalid_request_error",
    {
        "unknown_url": ("there is nothing at this address", "see /openapi.json for the paths"),
        "sample_not_found": ("nothing of this escrow is opened to this verifier now", "see the lots of the epoch"),
        "model_not_found": ("there is no such model here", "see /v1/models"),
    },
)
_family(
    405,
    "invalid_request_error",
    {"method_not_allowed": ("the path does not take this method", "see the Allow header")},
)
_family(
    408,
    "invalid_request_error",
    {"body_timed_out": ("the body did not arrive in time", "send it faster, or in smaller requests")},
)
_family(
    413,
    "invalid_request_error",
    {"body_too_large": ("the body is larger than the limit", "send less")},
)
_family(
    415,
    "invalid_request_error",
    {"content_type_invalid": ("the body is of another kind", "set Content-Type to application/json")},
)
_family(
    500,
    "server_error",
    {"internal": ("the node is wrong, not you", "see the node's log, and report it")},
)
_family(
    502,
    "server_error",
    {"stream_invalid": ("the server behind sent no stream of events", "try again; then look at its log")},
)

# what a host's serving process adds
_family(
    400,
    "invalid_request_error",
    {
        "context_length_exceeded": ("the prompt is longer than the model's context", "shorten the prompt"),
        "body_hash_wrong": ("the ticket is for another body", "sign the SHA-256 of the bytes that are sent"),
    },
)
_family(
    403,
    "invalid_request_error",
    {"host_foreign": ("the request is for another machine by its Host header", "call 127.0.0.1 or localhost")},
)
_family(
    401,
    "invalid_request_error",
    {"ticket_missing": ("the request brings no ticket", "ask a gateway; a host serves only who pays it")},
)
_family(
    402,
    "insufficient_quota",
    {
        "escrow_spent": ("the escrow's part for this host is used up", "top up the escrow, or open another"),
        "voucher_missing": ("no voucher came for the work done", "sign for what was delivered, and ask again"),
    },
)
_family(
    404,
    "invalid_request_error",
    {"receipt_unknown": ("this host keeps no receipt of the request", "show it on chain, if the host signed one")},
)
_family(
    409,
    "invalid_request_error",
    {
        "ticket_used": ("a request of this number was made already", "number each request anew"),
        "receipt_not_settled": ("the receipt hangs in no tree yet", "ask again when the next voucher has settled"),
    },
)
_family(
    422,
    "invalid_request_error",
    {"answer_malformed": ("the model's answer lacks the form asked for", "ask again, or say it in the prompt too")},
)
_family(429, "requests", {"queue_full": ("as many requests wait as may", "wait as long as Retry-After says")})
_family(502, "server_error", {"sidecar_failed": ("the sidecar cannot do it", "see the sidecar's log")})
_family(
    503,
    "server_error",
    {
        "sidecar_unavailable": ("no answer from the sidecar", "try again in a moment"),
        "server_stopping": ("the server is going down", "ask another one"),
        "chain_unavailable": ("the host has not heard from the chain for too long", "ask another host"),
        "journal_unavailable": ("the host's disk takes no entry", "ask another host; nothing is owed"),
    },
)
for _code, _status in {
    "address_invalid": 400,
    "tx_malformed": 400,
    "voucher_amount_wrong": 400,
    "signature_invalid": 401,
    "voucher_over_reserve": 402,
    "escrow_closed": 403,
    "voucher_foreign": 403,
    "escrow_unknown": 404,
    "voucher_lower": 409,
    "voucher_stale": 409,
}.items():
    _rule = CATALOGUE[_code]
    API_FAULTS[_code] = ApiFault(
        status=_status, type="invalid_request_error", title=_rule.title, next_step=_rule.next_step
    )

# what a gateway adds
_family(
    401,
    "invalid_request_error",
    {
        "key_missing": ("no API key", "send it as `Authorization: Bearer gnk-...`"),
        "invalid_api_key": ("the API key is unknown or revoked", "check the key, or ask for a new one"),
    },
)
_family(
    403,
    "invalid_request_error",
    {"model_forbidden": ("the key's policy does not allow the model", "ask for a model that /v1/models lists")},
)
_family(
    429,
    "insufficient_quota",
    {
        "insufficient_quota": ("the prepaid balance does not cover the request", "top up, or ask for fewer tokens"),
        "spend_cap_reached": ("the key has reached its spending cap", "ask for a higher cap"),
        "daily_cap_reached": ("the key has reached its cap for the day", "wait for midnight, UTC"),
    },
)
_family(
    429,
    "requests",
    {
        "rate_limit_exceeded": ("too many requests with this key", "wait as long as Retry-After says"),
        "gateway_full": ("the gateway has as many requests as it takes", "wait as long as Retry-After says"),
    },
)
_family(
    502,
    "server_error",
    {
        "host_unreachable": ("the host does not answer", "ask again: another host is asked first"),
        "host_silent": ("the host said nothing for too long", "ask again: another host is asked first"),
        "host_refused": ("the host refuses the request", "ask again: another host is asked first"),
        "host_answer_invalid": ("the host's answer cannot be read", "ask again: another host is asked first"),
        "host_count_wrong": ("the host counts tokens that cannot be", "ask again: another host is asked first"),
        "host_tokens_missing": ("the host does not tell its tokens", "ask again: another host is asked first"),
        "host_receipt_invalid": (
            "the host does not sign its answer as it must",
            "nothing: it is asked less",
        ),
        "host_receipt_missing": ("the host does not show a receipt it signed", "nothing: it is shown on chain"),
        "host_ended_early": ("the host broke its answer off", "ask again; what was delivered is charged"),
        "address_forbidden": ("the host's URL leads into a private network", "if it is yours, use --allow-network"),
    },
)
_family(
    503,
    "server_error",
    {
        "no_host": ("no host can take the request now", "try again in a moment"),
        "no_escrow": ("the gateway has no escrow for this model yet", "try again in a moment"),
        "policy_unserved": ("no host fits the key's policy", "widen the policy, or wait for hosts that fit"),
        "ledger_unavailable": ("the gateway's disk takes no entry", "try again later; nothing was charged"),
    },
)


class ApiError(Exception):
    """A refusal, or a failure, that an application is told of.

    `code` is a key of API_FAULTS; `message` says what happened in the case at hand; `param` names the field, as in
    `messages[0].content`; `retry_after_s` is sent as Retry-After where it is not None.
    """

    def __init__(
        self, code: str, message: str = "", *, param: str | None = None, retry_after_s: int | None = None
    ) -> None:
        self.code = code
        self.fault = API_FAULTS[code]
        self.message = message or self.fault.title
        self.param = param
        self.retry_after_s = retry_after_s
        super().__init__(f"{code}: {self.message}")

    @property
    def status(self) -> int:
        """The HTTP status, 4xx or 5xx."""
        return self.fault.status

    def headers(self) -> dict[str, str]:
        """The headers that go with it."""
        return {} if self.retry_after_s is None else {"Retry-After": str(self.retry_after_s)}

    def encode(self) -> str:
        """The body: {"error": {"message", "type", "param", "code"}}."""
        error = {"message": self.message, "type": self.fault.type, "param": self.param, "code": self.code}
        return json.dumps({"error": error})
