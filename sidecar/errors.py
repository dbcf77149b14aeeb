"""What a sidecar refuses, each with a code that never changes.

    SidecarError            code, detail, typed fields

SIDECAR_FAULTS is the one list of them: the gRPC status they travel under, a title, and the next step.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SidecarFault:
    """An entry of the list: `status` is the name of a gRPC status code, `next_step` says what to do."""

    status: str
    title: str
    next_step: str


def _family(status: str, entries: dict[str, tuple[str, str]]) -> dict[str, SidecarFault]:
    return {
        code: SidecarFault(status=status, title=title, next_step=next_step)
        for code, (title, next_step) in entries.items()
    }


SIDECAR_FAULTS: dict[str, SidecarFault] = {
    **_family(
        "INVALID_ARGUMENT",
        {
            "job_request_unreadable": ("the bytes are no such request", "build it from gonka.sidecar.v1"),
            "job_id_invalid": ("a job is named by 1 to 64 of a-z, 0-9 and -", "name it chain id, dash, epoch"),
            "job_seed_invalid": ("a Sprint's seed is 32 bytes", "take the seed from the chain"),
            "job_host_invalid": ("a host is 20 bytes", "give the account's address bytes, not its text"),
            "job_threshold_invalid": ("the acceptance bound is zero", "take cos2_q64 from the chain's parameters"),
            "job_deadline_invalid": (
                "the deadline lies more than two days ahead",
                "give milliseconds since 1970 as deadline_unix_ms",
            ),
            "profile_unknown": ("no device here computes this profile", "see `gnk sidecar status` for those it does"),
            "nonces_invalid": ("nonces must be 1 to 10,000 and strictly ascending", "sort them, and split long lists"),
            "tags_invalid": ("tags must be 8 bytes for each nonce", "give one tag for each nonce, in their order"),
            "request_id_invalid": ("a request is named by 1 to 64 of a-z, 0-9 and -", "draw a fresh name for each"),
            "prompt_invalid": ("a prompt is at least one token, all of the vocabulary", "take it from Render"),
            "prompt_too_long": ("prompt and answer do not fit the model's context", "shorten the prompt or the answer"),
            "max_tokens_invalid": ("an answer has at least one token", "ask for one or more"),
            "sampling_invalid": ("a field of Sampling is out of its range", "see docs/inference.md for the ranges"),
            "stop_invalid": ("too many stop strings, or one empty or too long", "give fewer and shorter ones"),
            "chat_invalid": ("the conversation cannot be rendered", "give messages with a role and a text"),
            "answer_invalid": ("the answer to score is empty or holds foreign tokens", "give the tokens as generated"),
        },
    ),
    **_family(
        "NOT_FOUND",
        {
            "job_unknown": ("no job of this name", "start it, or see `gnk sidecar status`"),
            "model_not_served": ("no model of this hash is served here", "see Models; start the sidecar with --models"),
            "request_unknown": ("no request of this name is running", "it has ended, or was never begun"),
        },
    ),
    **_family(
        "FAILED_PRECONDITION",
        {
            "job_deadline_passed": ("the deadline lies in the past", "check both clocks; start the next Sprint's job"),
            "request_id_taken": ("a request of this name is running", "draw a fresh name for each"),
            "generating_unsupported": ("this sidecar only renders", "ask one that was started without --render-only"),
            "scoring_unsupported": ("this engine scores no answers", "ask a host with the transformers engine"),
            "embedding_unsupported": ("this engine makes no embeddings", "ask for a model whose entry says embeds"),
            "job_differs": ("the job of this name has another seed, profile, bound or host", "choose another name"),
        },
    ),
    **_family(
        "OUT_OF_RANGE",
        {
            "proof_number_unknown": (
                "the job has no proof of this number",
                "the sidecar's journal is not the one that numbered it: start a job of another name",
            ),
        },
    ),
    **_family(
        "RESOURCE_EXHAUSTED",
        {
            "jobs_full": ("as many Sprint jobs as can run at once", "stop one, or wait for a deadline"),
            "engine_busy": ("as many requests as the engine takes", "send it again in a moment, or to another host"),
            "engine_out_of_memory": ("the device has too little memory for it", "ask for less, or in a moment"),
            "verifications_full": ("as many verifications as can wait at once", "send it again in a moment"),
            "journal_write_failed": (
                "the disk does not take the journal",
                "free space or mend the disk; the job then goes on by itself",
            ),
        },
    ),
    **_family(
        "DEADLINE_EXCEEDED",
        {"verification_late": ("not all nonces were recomputed by the deadline", "give it more time or more devices")},
    ),
    **_family(
        "UNAVAILABLE",
        {
            "engine_died": ("the engine's process ended in the middle of it", "send it again: another is starting"),
            "engine_starting": ("the engine is loading its model", "send it again in a moment"),
            "device_failed": ("the devices died over this work again and again", "see the sidecar's log"),
            "sidecar_stopping": ("the sidecar is going down", "call again when it is back: the journal keeps the job"),
        },
    ),
    **_family(
        "INTERNAL",
        {
            "engine_failed": ("the engine's numbers are not finite", "see the sidecar's log; verify the model's files"),
            "engine_refused": ("the engine of another make refused the request", "see the sidecar's log for its words"),
            "model_missing": ("there is no model here", "import one: `gnk model import`"),
            "model_exists": ("a model of this name is there already", "remove it first, or choose another --name"),
            "model_name_invalid": ("this names no model", "use 1 to 64 of a-z, 0-9, . - and _"),
            "model_source_unknown": (
                "this is no model folder, no GGUF file, and no package with one",
                "give a path, or the name of a package",
            ),
            "model_incomplete": ("config.json, tokenizer.json or the weights are missing", "fetch the whole model"),
            "model_unsupported": ("the engine does not know models like this", "choose a model of a known family"),
            "model_manifest_invalid": ("a JSON file of the model cannot be used", "import the model again"),
            "model_hash_wrong": ("a file is not the one that was imported", "remove the model and import it again"),
            "model_has_pickle": (
                "a pickle can run code when it is read",
                "take the model's safetensors; delete *.bin, *.pt and the like from the folder",
            ),
            "model_has_code": ("a model must bring no code of its own", "choose a model that needs no remote code"),
            "model_path_unsafe": (
                "a link, or a path that leads out of the folder",
                "copy the plain files into one folder: `cp -rL`",
            ),
            "journal_unreadable": (
                "the journal is damaged, or no journal",
                "restore it, or move it away, which loses what it held",
            ),
            "state_dir_in_use": ("another sidecar works in this directory", "stop it, or give another --state-dir"),
            "socket_in_use": ("another sidecar listens there", "stop it, or give another --socket"),
            "socket_path_too_long": ("a socket's path has at most 107 bytes", "give a shorter --socket"),
            "listen_failed": ("the address cannot be listened on", "check that it is free and yours to use"),
            "tls_incomplete": (
                "TCP needs mutual TLS",
                "give --tls-cert, --tls-key and --tls-client-ca, or use the unix socket",
            ),
            "no_device_usable": ("no device passed the self-test", "see the reasons, drivers and --devices"),
            "sidecar_config_invalid": (
                "a setting of the sidecar cannot be used",
                "correct it: flags win over GNK_SIDECAR_*, and these over sidecar.toml",
            ),
        },
    ),
}


class SidecarError(Exception):
    """A refusal by the sidecar.

    `code` is a key of SIDECAR_FAULTS; `detail` says what happened in the case at hand, `fields` are the values in it.
    """

    def __init__(self, code: str, detail: str = "", **fields: int | str) -> None:
        self.code = code
        self.fault = SIDECAR_FAULTS[code]
        self.detail = detail
        self.fields = fields
        super().__init__(f"{code}: {detail or self.fault.title}")
