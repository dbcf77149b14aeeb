"""Changes of parameters as people write them: `stake.unbonding_epochs=3`, read against the live values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rules.errors import RuleError

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from wire.gonka.params.v1.params_pb2 import Params
    from wire.gonka.params.v1.tx_pb2 import MsgUpdateParams

TRUTHS = {"true": True, "yes": True, "false": False, "no": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One parameter by its path within the module, with its value before and after."""

    module: str
    path: str
    before: int | str | bool
    after: int | str | bool

    @property
    def line(self) -> str:
        """The change in one line: `stake.unbonding_epochs: 2 -> 3`."""
        return f"{self.module}.{self.path}: {self.before} -> {self.after}"


def parse_changes(words: tuple[str, ...], live: Params) -> tuple[Change, ...]:
    """The changes that the words ask for, in their order.

    Raises: RuleError `params_field_unknown` with the nearest names, `params_invalid` for a value of the wrong type, a
    value that is live already, or the same name twice.
    """
    changes = tuple(_parse_change(word, live) for word in words)
    names = [(c.module, c.path) for c in changes]
    if len(set(names)) < len(names):
        raise RuleError("params_invalid", "a parameter is named twice")
    return changes


def build_updates(changes: tuple[Change, ...], live: Params, authority: str) -> tuple[MsgUpdateParams, ...]:
    """One MsgUpdateParams for each module named, whose mask holds only what changes.

    `one_in` and `cos2_q64` are one parameter: naming either puts the whole `threshold` in the mask.
    """
    from wire.gonka.params.v1.tx_pb2 import MsgUpdateParams

    updates = []
    for module in dict.fromkeys(c.module for c in changes):
        message: Message = type(getattr(live, module))()
        message.CopyFrom(getattr(live, module))
        update = MsgUpdateParams(authority=authority, module=module)
        for change in (c for c in changes if c.module == module):
            owner, field = _locate(message, change.path)
            try:
                setattr(owner, field, change.after)
            except ValueError as error:
                raise RuleError("params_invalid", f"{change.module}.{change.path}: {error}") from error
            path = "threshold" if change.path.startswith("threshold.") else change.path
            if path not in update.mask.paths:
                update.mask.paths.append(path)
        update.params.Pack(message, type_url_prefix="/")
        updates.append(update)
    return tuple(updates)


def _parse_change(word: str, live: Params) -> Change:
    from commands.params import flatten, raise_unknown

    name, equals, text = word.partition("=")
    known = flatten(live)
    if not equals:
        raise RuleError("params_invalid", f"{word!r} has no value; write {name}=VALUE")
    if name not in known:
        raise_unknown(name, known)
    module, _, path = name.partition(".")
    before = known[name]
    after = _parse_value(name, text.strip(), before)
    if after == before:
        raise RuleError("params_invalid", f"{name} is {before} already")
    return Change(module=module, path=path, before=before, after=after)


def _parse_value(name: str, text: str, like: int | str | bool) -> int | str | bool:
    if isinstance(like, bool):
        if text.lower() not in TRUTHS:
            raise RuleError("params_invalid", f"{name} is true or false, not {text!r}")
        return TRUTHS[text.lower()]
    if isinstance(like, str):
        return text
    digits = text.replace("_", "")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 20):
        raise RuleError("params_invalid", f"{name} is a whole number of at most 20 digits, not {text[:40]!r}")
    return int(digits)


def _locate(message: Message, path: str) -> tuple[Message, str]:
    """The message that holds the field at `path`, and the field's own name."""
    *parents, field = path.split(".")
    for parent in parents:
        message = getattr(message, parent)
    return message, field
