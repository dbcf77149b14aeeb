"""What a call of CometBFT's RPC says: its parameters, as JSON by POST or as texts in a URI.

In JSON, bytes are base64 (or hexadecimal where CometBFT has them so) and integers texts or numbers; in a URI, bytes are
0x and hexadecimal, or a text in quotes.  Source: CometBFT 0.38, RPC.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rules.errors import RuleError

_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")


class Params:
    """The parameters of one call, by name; `quoted` where they come from a URI."""

    def __init__(self, values: Mapping[str, Any], *, quoted: bool) -> None:
        self._values = values
        self._quoted = quoted

    @classmethod
    def of_json(cls, value: Any, names: Sequence[str]) -> Params:
        """Those of a JSON-RPC call: an object, or a list in the method's order.  RuleError request_invalid."""
        if value is None:
            return cls({}, quoted=False)
        if isinstance(value, list) and len(value) <= len(names):
            return cls(dict(zip(names, value, strict=False)), quoted=False)
        if isinstance(value, dict):
            return cls(value, quoted=False)
        raise RuleError("request_invalid", "params is an object, or a list that is not too long")

    def read_bytes(self, name: str, *, hexadecimal: bool = False) -> bytes:
        """Bytes, b"" where they are left out.  RuleError request_invalid."""
        text = self.read_text(name, quotes=False)
        try:
            if self._quoted and text.startswith('"'):
                return _unquote(text).encode()
            if self._quoted or hexadecimal:
                return bytes.fromhex(text.removeprefix("0x"))
            return b64decode(text, validate=True)
        except ValueError as error:
            raise RuleError("request_invalid", f"{name} is no encoding of bytes") from error

    def read_text(self, name: str, *, quotes: bool = True) -> str:
        """A text, "" where it is left out.  RuleError request_invalid."""
        value = self._values.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise RuleError("request_invalid", f"{name} is a text")
        return _unquote(value) if self._quoted and quotes and value.startswith('"') else value

    def read_int(self, name: str, default: int = 0) -> int:
        """A whole number of at most 18 digits.  RuleError request_invalid."""
        value = self._values.get(name)
        if value is None or value == "":
            return default
        text = str(value).strip('"')
        if isinstance(value, bool | float) or not _INTEGER.fullmatch(text):
            raise RuleError("request_invalid", f"{name} is a whole number")
        return int(text)

    def read_bool(self, name: str) -> bool:
        """True where it is given as true.  RuleError request_invalid."""
        value = self._values.get(name, False)
        if isinstance(value, bool):
            return value
        if value not in ("true", "false", "", None):
            raise RuleError("request_invalid", f"{name} is true or false")
        return bool(value == "true")


def _unquote(text: str) -> str:
    if len(text) < 2 or not text.endswith('"'):
        raise RuleError("request_invalid", "a text in a URI stands in quotes")
    return text[1:-1]
