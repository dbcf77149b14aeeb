"""What can go wrong on the client's side, each with a code that never changes.

    ClientError             code, detail, typed fields
    ├── TransientError      the same call may succeed later, unchanged
    └── PermanentError      the same call fails again until somebody changes something

CLIENT_FAULTS is the one list of the client's own codes.  What the chain refuses keeps the chain's code (rules.errors).
"""

from dataclasses import dataclass

from rules.errors import CATALOGUE


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientFault:
    """An entry of the client's list of errors: `title` says what it means, `next_step` what to do."""

    title: str
    next_step: str


def _faults(entries: dict[str, tuple[str, str]]) -> dict[str, ClientFault]:
    return {code: ClientFault(title=title, next_step=next_step) for code, (title, next_step) in entries.items()}


CLIENT_FAULTS = _faults(
    {
        # the chain
        "chain_unreachable": (
            "no answer from the chain's address",
            "check that it runs, and that --chain, or `chain` in config.toml, is right",
        ),
        "chain_timed_out": ("the chain took too long to answer", "try again; then look at the load of its machine"),
        "chain_answer_invalid": ("the node's answer cannot be read", "check that --chain names a node of this network"),
        # transactions
        "tx_expired": ("the transaction reached its last height unused", "it can never apply now: do the same again"),
        "tx_refused": ("the chain refused, with a code that is not ours", "see what it says of the reason"),
        "tx_undecodable": ("this is no Cosmos transaction", "give raw bytes, hex, base64 or JSON of one transaction"),
        "tx_hash_invalid": ("a transaction's hash is 64 hex digits", "copy the `tx_hash` that a write printed"),
        "outbox_busy": ("another command sends from this account", "wait for it to end, then try again"),
        "outbox_unreadable": (
            "the record of sent transactions is damaged",
            "restore it from a backup, or move it away",
        ),
        "file_unusable": ("a file or directory cannot be used", "check path, permissions and the room on its disk"),
        "disk_write_failed": ("the disk does not take the file", "free space or fix the permissions; nothing changed"),
        # keys
        "mnemonic_wrong_length": ("not 12, 15, 18, 21 or 24 words", "give all the words, in their order"),
        "mnemonic_unknown_word": ("a word is not in the English BIP-39 list", "compare it with your written copy"),
        "mnemonic_wrong_checksum": ("the words do not fit together", "look for a wrong word, or two that are swapped"),
        "key_not_found": ("the keyring has no such key", "see `gnk keys list`, or make one with `gnk keys add NAME`"),
        "key_exists": ("the keyring has a key of this name", "choose another name, or delete that key first"),
        "host_unnamed": ("no host has named this serving key", "see `gnk host serving-key`, or use --on-behalf-of"),
        "key_name_invalid": ("not a name for a key", "use 1 to 64 letters, digits, - or _, a letter or digit first"),
        "key_file_corrupted": (
            "the key file is damaged",
            "restore a backup; or `gnk keys delete` it, and `gnk keys recover` it from its words",
        ),
        "wrong_passphrase": ("the passphrase does not open the key", "try again; otherwise recover it from its words"),
        "passphrase_missing": (
            "there is no passphrase, and nobody to ask for it",
            "give --passphrase-file, or set GNK_PASSPHRASE_FILE or GNK_PASSPHRASE",
        ),
        "passphrase_unusable": ("too short, or not the same twice", "use at least 8 characters, twice the same"),
        "keyring_unavailable": ("the desktop's keyring does not answer", "unlock it, or use --keyring file"),
        "armor_invalid": ("this is no exported key", "give the whole text from `gnk keys export`"),
        "consensus_key_unreadable": ("no consensus key in the file", "give CometBFT's priv_validator_key.json"),
        "beacon_key_unreadable": ("the file is no beacon secret", "restore it, or remove it to have a new one made"),
        # the host's daemon
        "journal_foreign": ("the journal is of another host or chain", "use one home for each host and chain"),
        "journal_unreadable": (
            "the journal is damaged, or no journal",
            "restore it, or move it away, which loses what it held",
        ),
        "home_locked": ("another daemon works in this home", "stop it, or give another --home"),
        "disk_full": (
            "the disk does not take the journal",
            "free space or fix its permissions; the daemon then goes on by itself",
        ),
        "sidecar_unreachable": ("no answer from the sidecar", "start it with `gnk sidecar start`; check --sidecar"),
        "sidecar_timed_out": ("the sidecar took too long to answer", "look at the load of its machine"),
        "sidecar_refused": ("the sidecar refuses the work", "see the reason, and the sidecar's log"),
        "sidecar_forgot": ("the sidecar lost its journal in the middle of a job", "nothing: what it gave is kept here"),
        "promise_unreadable": (
            "the file of promised reports is damaged",
            "nothing: it is set aside; where it was promised already, this epoch's reports are lost",
        ),
        "receipt_unplaceable": (
            "a receipt that was shown is in no tree of this journal where the chain expects it",
            "look for the journal of the process that answered; if there is none, name another serving key",
        ),
        "listen_failed": ("the address cannot be listened on", "check that it is free and yours to use"),
        # the gateway
        "usd_invalid": ("this is no amount of dollars", "write 10, 2.50 or 0.000001"),
        "customer_invalid": ("this names no customer", "use 1 to 64 letters, digits, . - and _"),
        "customer_unknown": ("no customer has this name", "see `gnk gateway balance`; `credit` makes a new one"),
        "api_key_unknown": ("no API key has this id", "see `gnk gateway key list`"),
        "price_unknown": ("the model has no price", "see `gnk gateway price list`"),
        "model_name_invalid": ("this names no model", "use 1 to 64 of a-z, 0-9, . - and _"),
        "period_invalid": ("this is no period", "write a month as 2026-11, or a day as 2026-11-23"),
        "network_invalid": ("this is no network", "write CIDR without host bits, such as 10.0.0.0/8 or ::1/128"),
        "gateway_config_invalid": (
            "a setting of the gateway cannot be used",
            "correct it: flags win over GNK_GATEWAY_*, and these over gateway.toml",
        ),
        "ledger_unbalanced": ("the gateway's sums do not agree", "stop the gateway, keep a copy, and report this"),
        # the operator
        "usage_invalid": ("the command is mistyped", "see its --help"),
        "config_invalid": ("a setting cannot be used", "correct it: flags win over GNK_*, and these over config.toml"),
        "confirmation_needed": (
            "nobody is there to confirm",
            "add --yes; where something is signed, --dry-run shows the plan only",
        ),
        "invitation_unreachable": ("the invitation cannot be fetched", "check the URL, or give the file"),
        "genesis_exists": ("the home has a genesis file already", "use another home, or remove the old chain yourself"),
        "network_directory_used": ("the directory holds something else", "name a new directory"),
        "process_ended": ("a process of the network ended by itself", "read its log; the last lines are above"),
        "demo_directory_used": ("the demo's directory holds something already", "name a new directory"),
        "demo_stalled": ("the demo did not get on in time", "see the logs it names; a loaded machine may be too slow"),
        "demo_failed": ("something that the demo must show did not happen", "see the lines above and the logs"),
        "backend_refused": ("the proof function fails its self-test here", "use another device, and report this one"),
        "rehearsal_failed": ("this machine would not pass the next Sprint as it is", "see the checks that failed"),
        "sprint_running": ("a Sprint is running", "rehearse when CLAIM has closed; `gnk sprint status` says when"),
        "code_unknown": ("there is no such error code", "see `gnk explain` for all of them"),
        "service_program_missing": ("there is no gnk to start", "name the program with --gnk"),
        "service_manager_unreachable": ("systemd does not answer", "log in as the services' user, or give --system"),
        # proofs for people
        "trust_mismatch": ("the proof has not the block that you trust", "have it made with --trust-height"),
        "trust_expired": ("the block that you trust is too old", "find the hash of a newer one"),
        "header_untrusted": ("the signatures do not reach the header", "do not believe it; ask another node"),
        "proof_unreadable": ("the file is no proof", "have it made again"),
        "ballot_missing": ("no such ballot has been counted", "wait for the end of the vote; see `gnk gov show`"),
        "rpc_unreachable": ("no answer from the node's RPC", "check that it runs with --rpc, and that --rpc is right"),
        "node_refused": ("the node refused the call", "see what it says; it may not keep the height"),
        "node_unreadable": ("the node's answer is not CometBFT's", "check --rpc: it is the RPC's address, not gRPC's"),
        "node_behind": ("the node makes no block", "see `gnk chain status`, then try again"),
        "declined": ("you said no", "do it again when you are sure"),
        "interrupted": ("you stopped waiting", "the next command that signs follows what is signed to its end"),
    }
)


class ClientError(Exception):
    """A failure seen by the client; raise one of its two kinds.

    `code` is a key of CLIENT_FAULTS or of the rules' CATALOGUE; `detail` says what happened in the case at hand,
    `fields` are the typed values in it.
    """

    def __init__(self, code: str, detail: str = "", **fields: int | str) -> None:
        self.code = code
        self.fault = CLIENT_FAULTS.get(code) or CATALOGUE[code]
        self.detail = detail
        self.fields = fields
        super().__init__(f"{code}: {detail or self.fault.title}")


class TransientError(ClientError):
    """The same call may succeed later, unchanged."""


class PermanentError(ClientError):
    """The same call fails again until somebody changes something."""
