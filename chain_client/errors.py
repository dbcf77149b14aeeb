"""What can go wrong on the client's side, each with a code that never changes.

ClientError
├── TransientError          the same call may succeed later
│   ├── ChainUnreachable    chain_unreachable
│   ├── ChainTimedOut       chain_timed_out
│   └── ChainBusy           chain_busy
└── PermanentError          the same call fails again until somebody acts
    ├── keys                mnemonic_*, key_*, passphrase_*, keyring_unavailable, armor_invalid
    ├── chain               wrong_chain_id, account_not_found, not_found, query_refused, chain_answer_invalid
    ├── transactions        tx_refused, tx_failed, tx_expired, tx_undecodable, outbox_foreign
    └── the operator        config_invalid, confirmation_needed, declined
"""

from collections.abc import Mapping
from typing import ClassVar


class ClientError(Exception):
    """A failure with a stable code, what happened, what to do next, and typed details.

    `code` is snake_case; `next_step` is one sentence an operator can act on; `details` holds strings and integers only.
    """

    code: str = "client_error"
    transient: ClassVar[bool] = False
    default_next_step: ClassVar[str] = ""

    def __init__(self, message: str, *, next_step: str = "", details: Mapping[str, str | int] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step or self.default_next_step
        self.details = dict(details or {})


class TransientError(ClientError):
    """The same call may succeed later, unchanged."""

    transient = True
    code = "transient_error"


class PermanentError(ClientError):
    """The same call fails again until somebody changes something."""

    code = "permanent_error"


class ChainUnreachable(TransientError):
    code = "chain_unreachable"
    default_next_step = "Check that the chain runs and that --chain names its gRPC address."


class ChainTimedOut(TransientError):
    code = "chain_timed_out"
    default_next_step = "Try again; if it stays so, look at the load of the chain's machine."


class ChainBusy(TransientError):
    code = "chain_busy"
    default_next_step = "Wait a block or two; the transaction is kept and sent again."


class MnemonicWrongLength(PermanentError):
    code = "mnemonic_wrong_length"
    default_next_step = "Give all the words in their order: 12, 15, 18, 21 or 24 of them."


class MnemonicUnknownWord(PermanentError):
    code = "mnemonic_unknown_word"
    default_next_step = "Compare the word with your written copy; all words come from the English BIP-39 list."


class MnemonicWrongChecksum(PermanentError):
    code = "mnemonic_wrong_checksum"
    default_next_step = "Every word is known, but one is wrong or two are swapped: compare them with your written copy."


class KeyNotFound(PermanentError):
    code = "key_not_found"
    default_next_step = "List the keys with `gnk keys list`, or make one with `gnk keys add NAME`."


class KeyExists(PermanentError):
    code = "key_exists"
    default_next_step = "Choose another name, or delete that key first."


class KeyNameInvalid(PermanentError):
    code = "key_name_invalid"
    default_next_step = "Use 1 to 64 letters, digits, '-' or '_'."


class KeyFileCorrupted(PermanentError):
    code = "key_file_corrupted"
    default_next_step = "Restore the file from a backup, or recover the key from its words with `gnk keys recover`."


class KeyWriteFailed(PermanentError):
    code = "key_write_failed"
    default_next_step = "Free disk space or fix the directory's permissions; nothing was changed."


class WrongPassphrase(PermanentError):
    code = "wrong_passphrase"
    default_next_step = "Try the passphrase again; without it the key can only be recovered from its words."


class PassphraseMissing(PermanentError):
    code = "passphrase_missing"
    default_next_step = "Run it in a terminal, or set GNK_PASSPHRASE_FILE or GNK_PASSPHRASE."


class PassphraseUnusable(PermanentError):
    code = "passphrase_unusable"
    default_next_step = "Use at least 8 characters, and the same ones both times."


class KeyringUnavailable(PermanentError):
    code = "keyring_unavailable"
    default_next_step = "Unlock the desktop's keyring, or use --keyring file."


class ArmorInvalid(PermanentError):
    code = "armor_invalid"
    default_next_step = "Give the whole text from `gnk keys export`, with its first and last line."


class WrongChainId(PermanentError):
    code = "wrong_chain_id"
    default_next_step = "Set --chain-id to the network's name, or --chain to a node of the network you meant."


class AccountNotFound(PermanentError):
    code = "account_not_found"
    default_next_step = "Send some GNK to this address first: an account exists once it has received something."


class NotFound(PermanentError):
    code = "not_found"
    default_next_step = "Check the name, number or hash you gave."


class QueryRefused(PermanentError):
    code = "query_refused"
    default_next_step = "Check the arguments; `gnk COMMAND --help` shows their form."


class ChainAnswerInvalid(PermanentError):
    code = "chain_answer_invalid"
    default_next_step = (
        "The node answered with something else than asked: check that --chain names a node of this network."
    )


class TxRefused(PermanentError):
    code = "tx_refused"
    default_next_step = "Nothing was applied.  `gnk explain CODE` says more about the chain's code."


class TxFailed(PermanentError):
    code = "tx_failed"
    default_next_step = "The fee was paid, nothing else applied.  `gnk explain CODE` says more about the chain's code."


class TxExpired(PermanentError):
    code = "tx_expired"
    default_next_step = "It can no longer be applied, so it is safe to do the same again."


class TxUndecodable(PermanentError):
    code = "tx_undecodable"
    default_next_step = "Give the raw bytes, hex, base64 or JSON of one Cosmos transaction."


class OutboxForeign(PermanentError):
    code = "outbox_foreign"
    default_next_step = "Use a home of its own for each chain and account."


class ConfigInvalid(PermanentError):
    code = "config_invalid"
    default_next_step = "Correct the setting; flags win over GNK_* variables, and these over the config file."


class ConfirmationNeeded(PermanentError):
    code = "confirmation_needed"
    default_next_step = "Run it in a terminal, or add --yes to confirm beforehand (--dry-run shows the plan only)."


class Declined(PermanentError):
    code = "declined"
    default_next_step = "Nothing was signed or sent."
