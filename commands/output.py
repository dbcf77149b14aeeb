"""What a command prints: one JSON value, or text that fits a terminal; coded errors on stderr; exit statuses."""

import errno
import json
import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeAlias

import click

from chain.engine.errors import EngineError
from chain.store.errors import StoreError
from chain_client.errors import ClientError, PermanentError, TransientError
from rules.errors import RuleError
from sidecar.errors import SidecarError

CodedError: TypeAlias = ClientError | EngineError | RuleError | SidecarError | StoreError
Json: TypeAlias = "str | int | float | bool | Mapping[str, Json] | Sequence[Json] | None"

EXIT_FAILED = 1  # somebody has to change something
EXIT_TRY_AGAIN = 3  # the same call may succeed later; 2 is a mistyped command
NARROWEST_COLUMN = 8
LONG_WORD = 40  # addresses and hashes are longer
ENDS_OF_ADDRESS = 13


def emit(value: Json, *, as_json: bool) -> None:
    """Print a result on stdout: as JSON, or as text made by `render`."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False) if as_json else render(value))


def render(value: Json, *, width: int | None = None) -> str:
    """Text for people: a mapping as aligned lines, a list of mappings as a table, or one after the other where a table
    is too wide, anything else as itself.

    One record that is too wide for a table is printed as a mapping, so that nothing of it is elided.  `width`
    is in characters; by default the terminal's, at least 80.
    """
    width = width or _find_width()
    if isinstance(value, Mapping):
        return _render_mapping(value, width)
    if isinstance(value, Sequence) and not isinstance(value, str):
        records = [item for item in value if isinstance(item, Mapping)]
        if records and len(records) == len(value):
            return _render_table(records, width)
        return "\n".join(_wrap(_cell(item), width, start=0, indent=2) for item in value) or "(none)"
    return _cell(value)


@contextmanager
def coded_errors(*, as_json: bool) -> Iterator[None]:
    """Turn a coded error into a message on stderr and an exit status, and so what the system refuses of a file.

    Anything else is our fault, but a reader of ours that has gone: that is click's to end quietly.
    """
    try:
        yield
    except (ClientError, EngineError, RuleError, SidecarError, StoreError) as error:
        _report(error, as_json=as_json)
        sys.exit(EXIT_TRY_AGAIN if isinstance(error, TransientError) else EXIT_FAILED)
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise
        reason = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        _report(PermanentError("file_unusable", reason), as_json=as_json)
        sys.exit(EXIT_FAILED)


def _report(error: CodedError, *, as_json: bool) -> None:
    """What it is, what happened in the case at hand, and what to do: three lines, wrapped, or one object."""
    if as_json:
        click.echo(json.dumps({"error": describe_error(error)}, ensure_ascii=False), err=True)
        return
    width = _find_width()
    click.echo(_wrap(f"error[{error.code}]: {error.fault.title}", width, start=0, indent=2), err=True)
    for line in error.detail.splitlines():
        click.echo(f"  {_wrap(line, width, start=2, indent=2)}", err=True)
    click.echo(_wrap(f"next: {error.fault.next_step}", width, start=0, indent=2), err=True)


def describe_error(error: CodedError) -> dict[str, Json]:
    """The object that --json prints under "error": code, message, next_step, details."""
    return {
        "code": error.code,
        "message": error.detail or error.fault.title,
        "next_step": error.fault.next_step,
        "details": {} if isinstance(error, EngineError | StoreError) else error.fields,
    }


def _render_mapping(record: Mapping[str, Json], width: int) -> str:
    longest = max((len(name) for name in record), default=0)
    lines: list[str] = []
    for name, value in record.items():
        nested = isinstance(value, Mapping) or (isinstance(value, Sequence) and not isinstance(value, str))
        if nested and value:
            lines.append(f"{name}:")
            lines.extend(f"  {line}" for line in render(value, width=width - 2).splitlines())
        else:
            lines.append(_render_pair(name.ljust(longest), _cell(value), width))
    return "\n".join(lines)


def _render_pair(name: str, text: str, width: int) -> str:
    """A name and its value; one with a word, such as a hash, that the line has no room for begins below the name."""
    column = len(name) + 2
    longest = max(map(len, text.split()), default=0)
    if column + longest > width:
        return f"{name.rstrip()}\n  {_wrap(text, width, start=2, indent=2)}"
    return f"{name}  {_wrap(text, width, start=column, indent=column)}"


def _wrap(text: str, width: int, *, start: int, indent: int) -> str:
    """The text in lines of `width`, the first from column `start`, the others from `indent`.

    What has no space, such as a hash, stays whole.
    """
    if start + len(text) <= width:
        return text
    lines = textwrap.wrap(
        text,
        max(width, indent + NARROWEST_COLUMN),
        initial_indent=" " * start,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines)[start:]


def _find_width() -> int:
    return max(80, shutil.get_terminal_size().columns)


def _render_table(records: Sequence[Mapping[str, Json]], width: int) -> str:
    columns = list(dict.fromkeys(name for record in records for name in record))
    rows = [columns, *([_cell(record.get(name, "")) for name in columns] for record in records)]
    wanted = [max(len(row[i]) for row in rows) for i in range(len(columns))]
    addresses = [i for i, size in enumerate(wanted) if size >= LONG_WORD and all(" " not in row[i] for row in rows)]
    widths = _fit(wanted, width, addresses)
    if _measure(widths) > width or (len(records) == 1 and _measure(wanted) > width):
        return "\n\n".join(_render_mapping(record, width) for record in records)
    return "\n".join(
        "  ".join(_elide(text, size).ljust(size) for text, size in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _fit(widths: list[int], width: int, addresses: Sequence[int]) -> list[int]:
    """Column widths that fit in `width` with two spaces between, taken from the widest column first, down to the
    narrowest.

    Of addresses and hashes, by column, both ends are enough: they give before anything else does.
    """
    fitted = list(widths)
    while _measure(fitted) > width and max(fitted) > NARROWEST_COLUMN:
        longer = [i for i in addresses if fitted[i] > ENDS_OF_ADDRESS]
        fitted[max(longer or range(len(fitted)), key=fitted.__getitem__)] -= 1
    return fitted


def _measure(widths: Sequence[int]) -> int:
    return sum(widths) + 2 * (len(widths) - 1)


def _elide(text: str, size: int) -> str:
    if len(text) <= size:
        return text
    tail = (size - 1) // 2
    return f"{text[: size - 1 - tail]}…{text[len(text) - tail :]}"


def _cell(value: Json) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping | Sequence) and not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False) if value else "(none)"
    return str(value)
