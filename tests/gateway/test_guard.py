import asyncio
import ipaddress
import socket

import aiohttp
import pytest
from aiohttp import web

from chain_client.errors import PermanentError
from gateway.guard import ForbiddenAddress, check_place, may_dial, open_session, parse_networks

FORBIDDEN = [
    ("127.0.0.1", "loopback"),
    ("10.1.2.3", "private"),
    ("172.16.0.1", "private"),
    ("192.168.1.1", "private"),
    ("169.254.169.254", "the metadata service of clouds"),
    ("100.64.0.1", "shared by carriers"),
    ("0.0.0.0", "this host"),
    ("224.0.0.1", "multicast"),
    ("239.255.255.250", "multicast"),
    ("255.255.255.255", "broadcast"),
    ("192.0.0.170", "reserved"),
    ("198.18.0.1", "benchmarks"),
    ("240.0.0.1", "reserved"),
    ("::1", "loopback"),
    ("::", "this host"),
    ("::127.0.0.1", "IPv4 within, as it once was"),
    ("::ffff:127.0.0.1", "IPv4 within"),
    ("::ffff:169.254.169.254", "IPv4 within"),
    ("64:ff9b::a9fe:a9fe", "IPv4 within, for NAT64"),
    ("2002:7f00:1::1", "IPv4 within, for 6to4"),
    ("2001:0:4136:e378:8000:63bf:3fff:fdd2", "IPv4 within, for Teredo"),
    ("fe80::1", "link-local"),
    ("fe80::1%eth0", "link-local with a zone"),
    ("fc00::1", "private"),
    ("fd00:ec2::254", "the metadata service of a cloud"),
    ("fec0::1", "site-local"),
    ("ff02::1", "multicast"),
    ("2001:db8::1", "documentation"),
    ("::ffff:0:7f00:1", "an IPv4 address, translated"),
    ("5f00::1", "segments of a network's own routing"),
    ("100:0:0:1::1", "a prefix of no use"),
    ("3fff::1", "for documents"),
    ("4000::1", "given to nobody"),
    (":::::", "no address"),
]


@pytest.mark.parametrize(("address", "what"), FORBIDDEN, ids=[f"{a} {w}" for a, w in FORBIDDEN])
def test_check_place__an_address_that_is_not_public__is_forbidden(address: str, what: str) -> None:
    with pytest.raises(ForbiddenAddress):
        check_place(address, ())


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1"])
def test_check_place__a_public_address__may_be_dialled(address: str) -> None:
    check_place(address, ())


def test_may_dial__a_network_that_was_allowed__and_no_other() -> None:
    allowed = parse_networks(["127.0.0.0/8", "fd00::/8"])
    for address, is_allowed in [
        ("127.0.0.1", True),
        ("::ffff:127.0.0.1", True),
        ("fd00::1", True),
        ("10.0.0.1", False),
    ]:
        assert may_dial(ipaddress.ip_address(address), allowed) is is_allowed


@pytest.mark.parametrize("text", ["10.0.0.1/8", "private", "300.0.0.0/8", ""])
def test_parse_networks__no_network__is_refused(text: str) -> None:
    with pytest.raises(PermanentError) as caught:
        parse_networks([text])
    assert caught.value.code == "network_invalid"


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1"])
def test_open_session__a_name_or_number_of_loopback__opens_no_socket(name: str) -> None:
    """Names are looked up and odd numbers understood by the system; the check is on what comes of it."""

    async def run() -> None:
        visits: list[str] = []

        async def visit(request: web.Request) -> web.Response:
            visits.append(request.path)
            return web.Response(text="secret")

        application = web.Application()
        application.router.add_get("/", visit)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        async with open_session((), connections=2) as session:
            with pytest.raises(aiohttp.ClientError):
                await session.get(f"http://{name}:{port}/")
        async with open_session(parse_networks(["127.0.0.0/8"]), connections=2) as session:
            response = await session.get(f"http://127.0.0.1:{port}/")
            assert await response.text() == "secret"
        assert visits == ["/"]
        await runner.cleanup()

    asyncio.run(run())


def test_open_session__a_name_that_changes_its_mind__is_judged_by_what_is_dialled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first look-up says a public address, the one that is dialled says loopback."""
    answers = iter(["1.1.1.1", "127.0.0.1"])

    def resolve(host: str, port: int, *_: object, **__: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert socket.getaddrinfo("host.example", 80)[0][4][0] == "1.1.1.1"

    async def run() -> None:
        async with open_session((), connections=2) as session:
            with pytest.raises(aiohttp.ClientConnectorError) as caught:
                await session.get("http://host.example:80/")
            assert isinstance(caught.value.os_error, ForbiddenAddress)

    asyncio.run(run())
