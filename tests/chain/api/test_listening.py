"""Where a node answers, and that it stops."""

import urllib.error
from pathlib import Path

import pytest

from chain.api.listening import Interfaces
from tests.chain.api.asking import ask
from tests.chain.api.running import run_interfaces

FILES = ("grpc-address", "rest-address", "rpc-address")


def test_the_address_files_say_where_and_go_with_the_process(tmp_path: Path) -> None:
    with run_interfaces(tmp_path) as addresses:
        assert {name: (tmp_path / name).read_text().strip() for name in FILES} == {
            f"{name}-address": address for name, address in addresses.items()
        }
        assert ask(f"http://{addresses['rpc']}/health").status == 200
    assert not [name for name in FILES if (tmp_path / name).exists()]
    for name in ("rest", "rpc"):
        with pytest.raises(urllib.error.URLError):
            ask(f"http://{addresses[name]}/health")


def test_what_is_not_asked_for_is_nowhere(tmp_path: Path) -> None:
    with run_interfaces(tmp_path, Interfaces(grpc="127.0.0.1:0")) as addresses:
        assert set(addresses) == {"grpc"}


@pytest.mark.parametrize("address", ["127.0.0.1:99999", "127.0.0.1:x", "nowhere.invalid:0", "127.0.0.1"])
@pytest.mark.parametrize("name", ["rest", "rpc"])
def test_an_address_that_cannot_be_had_ends_the_start(tmp_path: Path, name: str, address: str) -> None:
    interfaces = Interfaces(grpc="127.0.0.1:0", **{name: address})
    with pytest.raises(OSError, match="cannot listen"), run_interfaces(tmp_path, interfaces):
        pass
    assert not (tmp_path / "grpc-address").exists()


def test_a_taken_port_ends_the_start(tmp_path: Path) -> None:
    with run_interfaces(tmp_path / "one") as taken:
        interfaces = Interfaces(grpc="127.0.0.1:0", rest=taken["rest"])
        with pytest.raises(OSError, match="cannot listen"), run_interfaces(tmp_path / "two", interfaces):
            pass
