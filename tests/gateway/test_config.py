from pathlib import Path

import pytest

from chain_client.errors import PermanentError
from gateway.config import GatewayConfig, read_config
from gateway.policies import ANYWHERE, Territory
from tests.gateway.shop import HOSTS


def read(home: Path, file: str = "", environ: dict[str, str] | None = None, **flags: str) -> GatewayConfig:
    home.mkdir(exist_ok=True)
    (home / "gateway.toml").write_text(file)
    return read_config(flags, environ or {}, home)


def test_read_config__nothing_given__serves_anywhere_on_loopback(tmp_path: Path) -> None:
    config = read(tmp_path)
    assert (config.host, config.port, config.territory, config.networks) == ("127.0.0.1", 8080, ANYWHERE, ())
    assert config.deposit_ngonka == 10 * 10**9


def test_read_config__file_then_environment_then_flags__the_last_wins(tmp_path: Path) -> None:
    file = 'listen = "[::1]:1"\nregions = ["de", "FR"]\nmost_requests = 7\ndeposit = "2.5"\nhost_timeout = 9'
    config = read(
        tmp_path, file, {"GNK_GATEWAY_MOST_REQUESTS": "8", "GNK_GATEWAY_HOST_TIMEOUT": "11"}, host_timeout="12"
    )
    assert (config.host, config.port) == ("::1", 1)
    assert config.territory == Territory(regions=("DE", "FR"))
    assert (config.most_requests, config.host_timeout_s, config.deposit_ngonka) == (8, 12, 2_500_000_000)


def test_read_config__hosts_of_a_private_network__are_the_territory(tmp_path: Path) -> None:
    config = read(tmp_path, hosts=f"{HOSTS[1]}, {HOSTS[0]}", allow_network="10.0.0.0/8,::1/128")
    assert config.territory == Territory(hosts=HOSTS[:2])
    assert len(config.networks) == 2


@pytest.mark.parametrize("target", ["", "unix:/run/renderer.sock", "localhost:5000", "[::1]:5000"])
def test_read_config__a_sidecar_that_counts_prompts__is_taken_as_it_is(tmp_path: Path, target: str) -> None:
    assert read(tmp_path, environ={"GNK_GATEWAY_RENDERER": target}).renderer == target


def test_read_config__hosts_that_tell_their_tokens__only_where_somebody_can_read_them(tmp_path: Path) -> None:
    there = 'renderer = "unix:/run/renderer.sock"\n'
    assert not read(tmp_path, there).requires_tokens
    assert read(tmp_path, there + "require_tokens = true").requires_tokens
    assert read(tmp_path, there, require_tokens="true").requires_tokens


@pytest.mark.parametrize(
    ("file", "flags"),
    [
        ("unknown = 1", {}),
        ("", {"require_tokens": "true"}),
        ("", {"require_tokens": "often", "renderer": "localhost:1"}),
        ("", {"renderer": "/run/renderer.sock"}),
        ("", {"renderer": "unix:renderer.sock"}),
        ("", {"renderer": "localhost"}),
        ("listen = {}", {}),
        ("listen", {}),
        ("", {"listen": "localhost"}),
        ("", {"listen": "x:99999"}),
        ("", {"host_timeout": "0"}),
        ("", {"most_requests": "many"}),
        ("", {"metrics_port": "65536"}),
        ("", {"deposit": "1.0000000001"}),
        ("", {"deposit": "-1"}),
        ("", {"log_format": "xml"}),
    ],
)
def test_read_config__what_cannot_be_meant__is_refused(tmp_path: Path, file: str, flags: dict[str, str]) -> None:
    with pytest.raises(PermanentError) as caught:
        read(tmp_path, file, **flags)
    assert caught.value.code == "gateway_config_invalid"
