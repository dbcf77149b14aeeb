"""What can go wrong with the store, its blocks and its proofs, each with a code that never changes.

    StoreError      code, detail; the store stands at the height it had

STORE_FAULTS is the one list of these codes, each with what it means and what to do.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFault:
    """An entry of the list: `title` says what it means, `next_step` what to do."""

    title: str
    next_step: str


def _faults(entries: dict[str, tuple[str, str]]) -> dict[str, StoreFault]:
    return {code: StoreFault(title=title, next_step=next_step) for code, (title, next_step) in entries.items()}


STORE_FAULTS = _faults(
    {
        "store_full": ("the disk or the store's size limit is full", "make room or raise the limit, then start again"),
        "store_locked": ("another process uses this home", "stop it, or use another home"),
        "store_forbidden": ("the files are not this user's to write", "run as their owner, or fix the permissions"),
        "backup_exists": ("there is something already where the copy would go", "name a new directory"),
        "store_unreadable": ("the files are no store of this program", "restore a backup, or sync anew"),
        "store_write_failed": ("the disk did not take a write", "look at the disk; nothing of the block was kept"),
        "store_foreign": ("the store belongs to another chain", "use one home for each chain"),
        "block_unreadable": ("this is no line of a block log", "export the log again"),
        "block_mismatch": ("a block does not follow, or comes to another app hash", "report it with the block log"),
        "blocks_forgotten": ("the log no longer has its first blocks", "take them from a node that keeps all blocks"),
        "snapshot_malformed": ("this is no snapshot, or none of ours", "take a snapshot of another node"),
        "snapshot_mismatch": ("a snapshot's pairs do not come to the app hash", "take a snapshot of another node"),
        "height_not_kept": ("the state at this height is not kept", "ask for a recent height, or for none"),
        "nothing_to_prove": ("the state is empty", "wait for the first block"),
        "proof_invalid": ("the proof does not show what it should", "do not believe it; ask another node"),
    }
)


class StoreError(Exception):
    """A failure of the store; `code` is a key of STORE_FAULTS, `detail` says what happened in the case at hand."""

    def __init__(self, code: str, detail: str = "") -> None:
        self.code = code
        self.fault = STORE_FAULTS[code]
        self.detail = detail
        super().__init__(f"{code}: {detail or self.fault.title}")
