"""The one message that changes parameters: named fields of one module, on the live values."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any, Final, get_type_hints

from google.protobuf.message import Message

from chain.context import Context
from chain.modules.handler import Handler, read_any
from chain.modules.params.state import get_live, set_live
from rules.addresses import decode_address, encode_address, module_address
from rules.errors import RuleError
from rules.params import Params
from wire.codec import read_record
from wire.gonka.params.v1.params_pb2 import Params as ParamsMessage
from wire.gonka.params.v1.tx_pb2 import MsgUpdateParams, MsgUpdateParamsResponse

AUTHORITY: Final = module_address("gov")
MODULES: Final = {name: kind for name, kind in get_type_hints(Params).items() if is_dataclass(kind)}
"""The record of each module's parameters, by the module's name."""
MESSAGES: Final[dict[str, type[Message]]] = {
    field.name: type(getattr(ParamsMessage(), field.name)) for field in ParamsMessage.DESCRIPTOR.fields
}
"""The message of each module's parameters, by the module's name."""


def apply_update_params(ctx: Context, message: MsgUpdateParams) -> MsgUpdateParamsResponse:
    """Change the fields that the mask names, and check the invariants on the whole.

    Raises: RuleError `unauthorized`, `params_field_unknown`, `params_invalid`, `tx_malformed`.
    """
    if decode_address(message.authority) != AUTHORITY:
        raise RuleError("unauthorized", f"only {encode_address(AUTHORITY)}, by a proposal, changes parameters")
    live = get_live(ctx.store)
    changed = change_params(live, message)
    if changed.beacon.kind != live.beacon.kind:
        raise RuleError("params_invalid", "beacon.kind is chosen at genesis")
    set_live(ctx.store, changed)
    for path in message.mask.paths:
        before = getattr(getattr(live, message.module), path)
        after = getattr(getattr(changed, message.module), path)
        ctx.emit("params_changed", name=f"{message.module}.{path}", before=before, after=after)
    return MsgUpdateParamsResponse()


def change_params(live: Params, message: MsgUpdateParams) -> Params:
    """`live` with the fields that the message names.  A field made of parts, as `threshold`, changes as a whole.

    Raises: RuleError `params_field_unknown` for another module or field, `params_invalid` for an empty mask, a field
    named twice or an invariant that does not hold, `tx_malformed` for params of another module.
    """
    kind: Any = MODULES.get(message.module)
    if kind is None:
        raise RuleError("params_field_unknown", f"module {message.module[:40]!r} is none of {', '.join(MODULES)}")
    paths = list(message.mask.paths)
    if not paths or len(set(paths)) != len(paths):
        raise RuleError("params_invalid", "the mask names at least one field, and each once")
    known = [f.name for f in fields(kind)]
    for path in paths:
        if path not in known:
            raise RuleError("params_field_unknown", f"{message.module}.{path[:80]}")
    given = read_record(kind, read_any(message.params, MESSAGES[message.module]))
    part = replace(getattr(live, message.module), **{path: getattr(given, path) for path in paths})
    return replace(live, **{message.module: part})


HANDLERS = (Handler(message=MsgUpdateParams, apply=apply_update_params, gas=50_000),)
