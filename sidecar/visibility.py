"""Which card a child process sees: its own and no other, which CUDA then calls cuda:0.

So no worker holds memory of another's card.  And only so a MIG slice can be used beside others: of all the slices that
CUDA_VISIBLE_DEVICES names, CUDA gives a process the first.
Source: NVIDIA, Multi-Instance GPU User Guide, "CUDA Device Enumeration".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

VARIABLE: Final = "CUDA_VISIBLE_DEVICES"
CARD: Final = "cuda:"
SLICE: Final = "MIG-"
ALONE: Final = "cuda:0"


def narrow(device: str, environ: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """What a child process calls a device, and the variables by which it sees no other; `device` is torch's name here.

    A name that stands for none of the visible cards stays as it is: the child says what is wrong with it.
    """
    number = device.removeprefix(CARD)
    if not device.startswith(CARD) or not number.isdecimal():
        return device, {}
    if VARIABLE not in environ:
        return ALONE, {VARIABLE: number}
    visible = list_visible(environ)
    return (ALONE, {VARIABLE: visible[int(number)]}) if int(number) < len(visible) else (device, {})


def list_visible(environ: Mapping[str, str]) -> tuple[str, ...]:
    """What CUDA_VISIBLE_DEVICES names, cards or slices, up to the first that names none, where CUDA stops reading."""
    names: list[str] = []
    for entry in environ.get(VARIABLE, "").split(","):
        name = entry.strip()
        if not name or name.startswith("-"):
            break
        names.append(name)
    return tuple(names)


def count_slices(environ: Mapping[str, str]) -> int:
    """MIG slices that are named; 0 where the names are of whole cards, which CUDA counts itself."""
    return sum(name.startswith(SLICE) for name in list_visible(environ))
