"""Where the passphrase comes from: given, in a file, or asked for, and never asked for twice to open a key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chain_client.errors import PermanentError
from chain_client.keys.secret import Secret

SHORTEST: Final = 8

Prompt = Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PassphraseSource:
    """The ways to a passphrase, first to last: `given`, `file` (a systemd credential, say), `prompt`.

    `prompt` shows its argument and returns what was typed; None where nobody is there.
    """

    given: Secret | None = None
    file: Path | None = None
    prompt: Prompt | None = None

    def read(self, question: str) -> Secret:
        """The passphrase of an existing key.  Raises passphrase_missing."""
        return self._read_unasked() or Secret(self._ask(question))

    def choose(self, question: str) -> Secret:
        """The passphrase for a new key, typed twice if it is typed.

        Raises passphrase_missing; passphrase_unusable when shorter than 8 characters or not the same twice.
        """
        chosen = self._read_unasked()
        if chosen is None:
            chosen = Secret(self._ask(question))
            if chosen.reveal() != self._ask("The same again").encode():
                raise PermanentError("passphrase_unusable", "the two passphrases differ")
        if len(chosen.reveal().decode(errors="replace")) < SHORTEST:
            raise PermanentError("passphrase_unusable", f"a passphrase has at least {SHORTEST} characters")
        return chosen

    def _read_unasked(self) -> Secret | None:
        if self.given is not None:
            return self.given
        if self.file is None:
            return None
        try:
            return Secret(self.file.read_bytes().rstrip(b"\r\n"))
        except OSError as error:
            raise PermanentError("passphrase_missing", f"{self.file}: {error.strerror}", path=str(self.file)) from error

    def _ask(self, question: str) -> str:
        if self.prompt is None:
            raise PermanentError("passphrase_missing", "there is no terminal to ask at")
        return self.prompt(question)
