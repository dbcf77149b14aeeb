"""What can go wrong between this node and CometBFT, each with a code that never changes.

    EngineError     code, detail; the state stands at the height it had

ENGINE_FAULTS is the one list of these codes, each with what it means and what to do.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineFault:
    """An entry of the list: `title` says what it means, `next_step` what to do."""

    title: str
    next_step: str


def _faults(entries: dict[str, tuple[str, str]]) -> dict[str, EngineFault]:
    return {code: EngineFault(title=title, next_step=next_step) for code, (title, next_step) in entries.items()}


ENGINE_FAULTS = _faults(
    {
        "cometbft_missing": (
            "there is no cometbft program",
            "GOBIN=$PWD/.bin CGO_ENABLED=0 go install github.com/cometbft/cometbft/cmd/cometbft@v0.38.25",
        ),
        "cometbft_failed": ("CometBFT ended again and again", "see its last lines in the log, and mend the cause"),
        "beacon_key_unreadable": ("the file is no beacon secret", "restore it, or remove it to have a new one made"),
        "upgrade_needed": (
            "the network goes on with a newer program",
            "install the version that knows this upgrade, and start again",
        ),
        "upgrade_failed": (
            "the upgrade's migration refused this state",
            "report it; nothing was changed: when all validators agree, start with --skip-upgrade NAME",
        ),
        "consensus_key_unreadable": ("no consensus key in the file", "give CometBFT's priv_validator_key.json"),
        "node_key_unreadable": ("CometBFT has no node key here", "start the chain once with --engine cometbft"),
        "consensus_key_exists": ("there is a consensus key already", "use it; a second one could sign a block twice"),
    }
)


class EngineError(Exception):
    """A failure of the engine; `code` is a key of ENGINE_FAULTS, `detail` says what happened in the case at hand."""

    def __init__(self, code: str, detail: str = "") -> None:
        self.code = code
        self.fault = ENGINE_FAULTS[code]
        self.detail = detail
        super().__init__(f"{code}: {detail or self.fault.title}")
