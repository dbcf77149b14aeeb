"""What the interfaces over HTTP share: crowds, silent connections, floods of garbage."""

import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from chain.api.http import MAX_CONNECTIONS
from tests.chain.api.asking import TIMEOUT_S, ask
from tests.chain.api.running import run_interfaces
from tests.chain.api.test_cosmpy import connect


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    home: Path = tmp_path_factory.mktemp("chain")
    with run_interfaces(home) as found:
        yield found


def dial(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=TIMEOUT_S)


def test_a_crowd_of_silent_connections_is_bounded_and_the_chain_goes_on(addresses: Mapping[str, str]) -> None:
    with ExitStack() as crowd:
        for _ in range(MAX_CONNECTIONS + 150):  # those that come at once are counted a little late
            crowd.enter_context(dial(addresses["rpc"]))
        with dial(addresses["rpc"]) as turned_away:
            assert turned_away.recv(1) == b""
        before = connect(addresses["grpc"]).query_height()
        while connect(addresses["grpc"]).query_height() == before:
            time.sleep(0.02)
        assert ask(f"http://{addresses['rest']}/cosmos/base/node/v1beta1/status").status == 200
    await_health(addresses["rpc"])


def await_health(rpc: str) -> None:
    """Return once the node has seen that others are gone, and answers."""
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        try:
            assert ask(f"http://{rpc}/health").status == 200
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return


@pytest.mark.parametrize("name", ["rest", "rpc"])
@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00" * 1000,
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 5_000 + b"\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused_and_the_node_lives(addresses: Mapping[str, str], name: str, garbage: bytes) -> None:
    with dial(addresses[name]) as connection:
        connection.sendall(garbage)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(1 << 16)
    assert not answer or answer.split()[1][:1] in {b"4", b"5"}
    assert ask(f"http://{addresses['rpc']}/health").status == 200
