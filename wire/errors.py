"""Rule codes on the wire: one table from a rule's code to its ABCI number and its gRPC status, and back.

An error travels as the text `code: detail`: a transaction's `log`, a gRPC status's details.
"""

from grpc import StatusCode

from rules.errors import CATALOGUE, RuleError

CODESPACE = "gonka"
"""The ABCI codespace of every number here."""

CODES = {fault.number: code for code, fault in CATALOGUE.items()}
"""Rule code by ABCI number."""

_STATUSES = {
    StatusCode.INVALID_ARGUMENT: {
        "tx_malformed", "message_unknown", "address_invalid", "tx_too_large", "memo_too_large", "amount_invalid",
        "request_invalid", "vote_weights_invalid", "vote_option_invalid", "params_invalid", "params_field_unknown",
        "params_wrong_message", "proposal_message_invalid", "grant_invalid",
        "genesis_invalid", "model_invalid", "offer_invalid", "policy_invalid", "serving_key_invalid",
        "receipts_invalid",
    },
    StatusCode.NOT_FOUND: {
        "account_unknown", "not_found", "host_unknown", "claim_missing", "commitment_missing", "proposal_unknown",
        "grant_missing", "model_unknown", "escrow_unknown", "showing_unknown",
    },
    StatusCode.UNAUTHENTICATED: {"signature_invalid"},
    StatusCode.PERMISSION_DENIED: {"unauthorized"},
    StatusCode.RESOURCE_EXHAUSTED: {"mempool_full", "node_busy"},
    StatusCode.ALREADY_EXISTS: {"tx_duplicate"},
    StatusCode.OUT_OF_RANGE: {"height_not_kept"},
    StatusCode.UNAVAILABLE: {"consensus_unreachable"},
    StatusCode.INTERNAL: {"internal"},
}  # fmt: skip
_STATUS_OF = {code: status for status, codes in _STATUSES.items() for code in codes}


def status_of(code: str) -> StatusCode:
    """The gRPC status of a rule code: FAILED_PRECONDITION where the table has no other."""
    return _STATUS_OF.get(code, StatusCode.FAILED_PRECONDITION)


def read_error(text: str) -> RuleError | None:
    """The refusal that `text` tells of, None where it tells of none."""
    code, _, detail = text.partition(": ")
    return RuleError(code, detail) if code in CATALOGUE else None
