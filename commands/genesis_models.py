"""Models of a genesis file, described by the folders they were imported into."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from commands.amounts import parse_amount

if TYPE_CHECKING:
    from wire.gonka.inference.v1.inference_pb2 import Model


def read_model(text: str) -> Model:
    """The model that FOLDER:UNITS_IN:UNITS_OUT:AMOUNT describes: a folder of `gnk model import`, the units of a token
    read and written, and the price of 10^6 units.

    Raises: RuleError `model_invalid`, `amount_invalid`; SidecarError for a folder without a manifest.
    """
    from rules.errors import RuleError

    folder, *rest = text.rsplit(":", 3)
    if len(rest) != 3 or not all(number.isascii() and number.isdigit() and len(number) < 8 for number in rest[:2]):
        form = "FOLDER:UNITS_IN:UNITS_OUT:AMOUNT, such as ~/.gonka/models/tiny:1:4:0.01GNK"
        raise RuleError("model_invalid", f"{text!r} is not {form}")
    return build_model(Path(folder).expanduser(), (int(rest[0]), int(rest[1])), parse_amount(rest[2]))


def build_model(folder: Path, units: tuple[int, int], base_price: int) -> Model:
    """The model in a folder; `units` of a token read and written, `base_price` in ngonka for 10^6 units."""
    from sidecar.inference.manifest import read_manifest
    from wire.gonka.inference.v1.inference_pb2 import Model

    manifest = read_manifest(folder)
    return Model(
        name=manifest.name,
        content_hash=manifest.content_hash,
        tokenizer_hash=manifest.tokenizer_hash,
        units_per_token_in=units[0],
        units_per_token_out=units[1],
        max_context=manifest.max_context,
        base_price_ngonka=base_price,
    )
