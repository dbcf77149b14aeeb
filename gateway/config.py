"""The operator's settings: gateway.toml, then GNK_GATEWAY_* environment, then flags, each winning over the last."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

from chain_client.errors import PermanentError
from gateway.guard import Network, parse_networks
from gateway.policies import ANYWHERE, Policy, Territory, combine, make_policy

MOST: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayConfig:
    """Everything a gateway asks of its surroundings, beside chain and keys.

    It serves OpenAI's API at `host`:`port`, and metrics on loopback where `metrics_port` is not 0.  Requests never
    leave `territory`; hosts in `networks` may be dialled though they are private.  `deposit_ngonka` is what an escrow
    gets at a time, `host_timeout_s` how long a host may be silent, `most_requests` how many run at a time.  `renderer`
    is the gRPC target of the operator's own sidecar that counts prompts, empty where there is none; with it, a gateway
    that `requires_tokens` believes no host that does not tell the tokens of its answers.
    """

    host: str
    port: int
    metrics_port: int
    territory: Territory
    networks: tuple[Network, ...]
    deposit_ngonka: int
    host_timeout_s: int
    most_requests: int
    renderer: str
    requires_tokens: bool
    log_format: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The same as text, as it comes from file, environment and flags; every field is one setting.

    `hosts`, `regions` and `allow_network` are lists with commas between.
    """

    listen: str = "127.0.0.1:8080"
    metrics_port: str = "0"
    hosts: str = ""
    regions: str = ""
    allow_network: str = ""
    deposit: str = "10"
    host_timeout: str = "60"
    most_requests: str = "1000"
    renderer: str = ""
    require_tokens: str = "false"
    log_format: str = "console"


SETTINGS: Final = tuple(field.name for field in fields(Settings))
GNK_DECIMALS: Final = 9
SWITCH: Final = {"true": True, "false": False}


def read_config(flags: Mapping[str, str | None], environ: Mapping[str, str], home: Path) -> GatewayConfig:
    """The settings of this process.  Raises: PermanentError `gateway_config_invalid`, `network_invalid`; RuleError
    `policy_invalid`.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    variables = {name: f"GNK_GATEWAY_{name.upper()}" for name in SETTINGS}
    from_environment = {name: environ[variable] for name, variable in variables.items() if variable in environ}
    texts = Settings(**(read_file(home / "gateway.toml") | from_environment | given))
    host, port = _read_listen(texts.listen)
    own: Policy = make_policy(hosts=_read_names(texts.hosts), regions=_read_names(texts.regions))
    if texts.log_format not in {"console", "json"}:
        raise PermanentError("gateway_config_invalid", f"log_format is {texts.log_format!r}; it is console or json")
    return GatewayConfig(
        host=host,
        port=port,
        metrics_port=_read_number("metrics_port", texts.metrics_port, least=0, most=65535),
        territory=combine(ANYWHERE, own),
        networks=parse_networks(_read_names(texts.allow_network)),
        deposit_ngonka=_read_deposit(texts.deposit),
        host_timeout_s=_read_number("host_timeout", texts.host_timeout, least=1, most=3600),
        most_requests=_read_number("most_requests", texts.most_requests, least=1, most=MOST),
        renderer=_read_renderer(texts.renderer),
        requires_tokens=_read_requirement(texts.require_tokens.lower(), texts.renderer),
        log_format=texts.log_format,
    )


def read_file(path: Path) -> dict[str, str]:
    """The settings in a TOML file, numbers and lists as text; nothing where there is no file."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise PermanentError("gateway_config_invalid", f"{path} cannot be read: {error}") from error
    texts = {}
    for name, value in content.items():
        if name not in SETTINGS or not isinstance(value, str | int | list):
            raise PermanentError("gateway_config_invalid", f"{path} has no setting {name!r} of this kind", setting=name)
        texts[name] = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    return texts


def _read_names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",")) if text.strip() else ()


def _read_listen(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise PermanentError("gateway_config_invalid", f"listen is {text!r}; write HOST:PORT")
    return host.strip("[]"), int(port)


def _read_renderer(text: str) -> str:
    where, _, port = text.rpartition(":")
    if text and not text.startswith("unix:/") and not (where and port.isdecimal()):
        detail = f"renderer is {text!r}; write unix:/PATH, or HOST:PORT of a sidecar on this machine"
        raise PermanentError("gateway_config_invalid", detail)
    return text


def _read_requirement(text: str, renderer: str) -> bool:
    if text not in SWITCH or (SWITCH[text] and not renderer):
        raise PermanentError("gateway_config_invalid", "require_tokens is true or false, and true only with a renderer")
    return SWITCH[text]


def _read_number(setting: str, text: str, *, least: int, most: int) -> int:
    if not text.isdecimal() or not least <= int(text) <= most:
        detail = f"{setting} is {text!r}; it is a whole number from {least} to {most}"
        raise PermanentError("gateway_config_invalid", detail)
    return int(text)


def _read_deposit(text: str) -> int:
    whole, _, part = text.removesuffix("GNK").strip().partition(".")
    if not whole.isdecimal() or len(whole) > 9 or len(part) > GNK_DECIMALS or (part and not part.isdecimal()):
        raise PermanentError("gateway_config_invalid", f"deposit is {text!r}; write GNK, such as 10 or 2.5")
    return int(whole + part.ljust(GNK_DECIMALS, "0"))
