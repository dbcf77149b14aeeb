"""The operator's settings: sidecar.toml, then GNK_SIDECAR_* environment, then flags, each winning over the last."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

from sidecar.errors import SidecarError
from sidecar.jobs import MAX_DEVICES

MAX_SOCKET_PATH: Final = 107
"""Bytes of a unix socket's path on Linux."""
LOG_FORMATS: Final = ("console", "json")
SWITCH: Final = ("true", "false")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """Files in PEM: the server's certificate and key, and the authority that signs the clients' certificates."""

    cert: Path
    key: Path
    client_ca: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class SidecarConfig:
    """Everything a sidecar asks of its surroundings.

    It listens on the unix socket, or, when `listen` names host:port, there and with mutual TLS only.  `models` is a
    folder of models to serve: those that `model` names, all where it names none; `vllm` is the interpreter of an
    environment with vLLM, which then computes instead of the embedded engine.  With `render_only` it turns requests
    into tokens and computes nothing: it uses no device and no weights.  `devices` are torch's names, one worker each, a
    name as often as wanted, or "all"; `threads` are CPU threads a worker, 0 for its share of the cores.  `profiles` are
    tested at start, and no others are computed; none means the device's usual ones.  `metrics_port` 0 serves no
    metrics.
    """

    state_dir: Path
    socket: Path
    listen: str
    tls: Tls | None
    models: Path | None
    model: tuple[str, ...]
    vllm: Path | None
    render_only: bool
    devices: tuple[str, ...]
    threads: int
    profiles: tuple[str, ...]
    metrics_port: int
    log_format: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The same as text, as it comes from file, environment and flags; every field is one setting."""

    state_dir: str = ""
    socket: str = ""
    listen: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    tls_client_ca: str = ""
    models: str = ""
    model: str = ""
    vllm: str = ""
    render_only: str = "false"
    devices: str = "all"
    threads: str = "0"
    profiles: str = ""
    metrics_port: str = "0"
    log_format: str = "console"


SETTINGS: Final = tuple(field.name for field in fields(Settings))


def read_config(flags: Mapping[str, str | None], environ: Mapping[str, str], home: Path) -> SidecarConfig:
    """The settings of this process; those not given lie in `home`.

    Raises sidecar_config_invalid, tls_incomplete, socket_path_too_long.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    variables = {name: f"GNK_SIDECAR_{name.upper()}" for name in SETTINGS}
    from_environment = {name: environ[variable] for name, variable in variables.items() if variable in environ}
    texts = Settings(**(read_file(home / "sidecar.toml") | from_environment | given))
    render_only = _read_choice("render_only", texts.render_only.lower(), SWITCH) == "true"
    if render_only and (texts.vllm or not texts.models):
        raise SidecarError("sidecar_config_invalid", "render_only goes with models, and without vllm")
    name = "renderer" if render_only else "sidecar"  # beside a sidecar that serves, in one home
    return SidecarConfig(
        state_dir=Path(texts.state_dir or home / name).expanduser(),
        socket=_read_socket(Path(texts.socket or home / f"{name}.sock").expanduser()),
        listen=texts.listen,
        tls=_read_tls(texts),
        models=Path(texts.models).expanduser() if texts.models else None,
        model=_read_names("model", texts.model) if texts.model else (),
        vllm=Path(texts.vllm).expanduser() if texts.vllm else None,
        render_only=render_only,
        devices=_read_names("devices", texts.devices),
        threads=_read_number("threads", texts.threads),
        profiles=_read_names("profiles", texts.profiles) if texts.profiles else (),
        metrics_port=_read_number("metrics_port", texts.metrics_port),
        log_format=_read_choice("log_format", texts.log_format, LOG_FORMATS),
    )


def read_file(path: Path) -> dict[str, str]:
    """The settings in a TOML file, numbers as text; nothing where there is no file."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise SidecarError("sidecar_config_invalid", f"{path} cannot be read: {error}") from error
    for name, value in content.items():
        if name not in SETTINGS or not isinstance(value, str | int):
            raise SidecarError("sidecar_config_invalid", f"{path} has no setting {name!r} of this kind", setting=name)
    return {name: str(value) for name, value in content.items()}


def _read_names(setting: str, text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if not all(names) or len(names) > MAX_DEVICES:
        raise SidecarError("sidecar_config_invalid", f"{setting} is {text!r}; give names with commas between them")
    return names


def _read_number(setting: str, text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise SidecarError("sidecar_config_invalid", f"{setting} is {text!r}; it is a whole number from 0 to 65535")
    return int(text)


def _read_choice(setting: str, text: str, choices: tuple[str, ...]) -> str:
    if text not in choices:
        raise SidecarError("sidecar_config_invalid", f"{setting} is {text!r}; it is {' or '.join(choices)}")
    return text


def _read_socket(path: Path) -> Path:
    length = len(os.fsencode(path))
    if length > MAX_SOCKET_PATH:
        raise SidecarError("socket_path_too_long", f"{path} has {length} bytes", length=length)
    return path


def _read_tls(texts: Settings) -> Tls | None:
    paths = (texts.tls_cert, texts.tls_key, texts.tls_client_ca)
    if not texts.listen and not any(paths):
        return None
    if not texts.listen or not all(paths):
        raise SidecarError("tls_incomplete", "--listen, --tls-cert, --tls-key and --tls-client-ca go together")
    cert, key, client_ca = (Path(path).expanduser() for path in paths)
    return Tls(cert=cert, key=key, client_ca=client_ca)
