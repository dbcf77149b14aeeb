"""The operator's settings: config file, then GNK_* environment, then flags, each winning over the one before."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from chain_client.errors import PermanentError
from chain_client.keys.secret import Secret

KEYRINGS = ("file", "os")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything a command may ask of its surroundings, read once.

    `chain` and `sidecar` are gRPC targets (host:port or unix:PATH); an empty `chain_id` means the node's own, which
    every plan shows; `key` names the key that signs; `beacon_key` is the file with a validator's beacon secret; a
    passphrase left out is asked for, once.
    """

    home: Path
    chain: str = "127.0.0.1:9090"
    chain_id: str = ""
    keyring: str = "file"
    key: str = "host"
    sidecar: str = ""
    beacon_key: Path | None = None
    passphrase_file: Path | None = None
    passphrase: Secret | None = None


SETTINGS = tuple(field.name for field in fields(Config))


def read_config(flags: Mapping[str, str | None], environ: Mapping[str, str]) -> Config:
    """The settings of this call; `flags` holds what was given on the command line, by setting name.

    Raises config_invalid for an unreadable file, an unknown setting, a value that is no text, an unknown keyring, an
    address that gRPC would take for another, or nothing where there must be something.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    from_environment = {name: environ[f"GNK_{name.upper()}"] for name in SETTINGS if f"GNK_{name.upper()}" in environ}
    home = Path(given.get("home") or from_environment.get("home") or Path.home() / ".gonka").expanduser()
    merged = read_file(home / "config.toml") | from_environment | given
    if merged.get("keyring", "file") not in KEYRINGS:
        raise PermanentError("config_invalid", f"keyring is {merged['keyring']!r}; it can be {' or '.join(KEYRINGS)}")
    for name in ("chain", "sidecar", "key"):
        if merged.get(name, name) == "":
            raise PermanentError("config_invalid", f"{name} is empty", setting=name)
    for name in ("chain", "sidecar"):
        if name in merged and not is_target(merged[name]):
            reason = f"{name} is {merged[name]!r}; write HOST:PORT or unix:PATH"
            raise PermanentError("config_invalid", reason, setting=name)
    texts = {name: merged[name] for name in ("chain", "chain_id", "keyring", "key") if name in merged}
    return Config(
        home=home,
        sidecar=merged.get("sidecar") or f"unix:{home / 'sidecar.sock'}",
        beacon_key=Path(merged["beacon_key"]).expanduser() if "beacon_key" in merged else None,
        passphrase_file=Path(merged["passphrase_file"]).expanduser() if "passphrase_file" in merged else None,
        passphrase=Secret(merged["passphrase"]) if "passphrase" in merged else None,
        **texts,
    )


def is_target(text: str) -> bool:
    """Whether a text is HOST:PORT or unix:PATH.  gRPC itself takes a port modulo 2^16, and 443 where there is none."""
    if text.startswith("unix:"):
        return True
    host, _, port = text.rpartition(":")
    is_number = port.isascii() and port.isdigit() and len(port) <= 5
    return bool(host) and "://" not in text and is_number and 0 < int(port) < 2**16


def read_file(path: Path) -> dict[str, str]:
    """The settings in a TOML file, nothing where there is none.  A passphrase has no place in it."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise PermanentError("config_invalid", f"{path} cannot be read: {error}") from error
    for name, value in content.items():
        if name not in SETTINGS or name in {"home", "passphrase"}:
            raise PermanentError("config_invalid", f"{path} has a setting {name!r} that is not known", setting=name)
        if not isinstance(value, str):
            raise PermanentError("config_invalid", f"{path}: {name} must be text in quotes", setting=name)
    return content
