"""Inviting to a running chain, and joining with what came out."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from click.testing import Result
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from chain.process import GENESIS_FILE
from commands.network import NETWORK_FILE, find_invitation, group
from tests.chain.api.running import run_chain
from tests.chain.ledger import CHAIN_ID, make_genesis
from tests.chain.test_invitation import INVITATION, PEER, changed
from tests.commands.people import error_of, run, run_json


@pytest.fixture
def invitation(tmp_path: Path) -> Path:
    path = tmp_path / "invitation.json"
    path.write_bytes(INVITATION.encode())
    return path


def join(home: Path, source: Path, *more: str) -> Result:
    return run(group, "join", str(source), "--home", str(home), *more)


def test_describe__of_a_running_chain__vouches_for_its_newest_block(tmp_path: Path) -> None:
    with run_chain(tmp_path) as target:
        flags = ("--home", str(tmp_path), "--chain", target, "--peer", PEER)
        plain = json.loads(run(group, "describe", *flags).stdout)
        trusting = json.loads(run(group, "describe", *flags, "--rpc-server", "http://203.0.113.8:26657").stdout)
    assert (plain["chain_id"], plain["peers"], plain["trust_height"]) == (CHAIN_ID, [PEER], 0)
    assert trusting["trust_height"] > 0
    assert len(trusting["trust_hash"]) == 64


def test_describe__no_peers__is_refused_before_anybody_gets_it(tmp_path: Path) -> None:
    with run_chain(tmp_path) as target:
        assert error_of(run(group, "describe", "--home", str(tmp_path), "--chain", target)) == "invitation_invalid"
        result = run(group, "describe", "--home", str(tmp_path), "--chain", target, "--address", "203.0.113.7:26656")
    assert error_of(result) == "node_key_unreadable"


def test_join__an_empty_home__has_the_genesis_and_what_to_dial(tmp_path: Path, invitation: Path) -> None:
    home = tmp_path / "home"
    said = run_json(group, "join", str(invitation), "--home", str(home))
    assert said["starts_from"] == "a snapshot after block 1000"
    assert (home / GENESIS_FILE).read_bytes() == make_genesis()
    assert find_invitation(home) == INVITATION
    assert join(home, invitation).exit_code == 0


def test_join__another_block_to_trust__is_taken_in_place_of_the_one_in_the_file(
    tmp_path: Path, invitation: Path
) -> None:
    home = tmp_path / "home"
    assert join(home, invitation, "--trust-height", "7", "--trust-hash", "EF" * 32).exit_code == 0
    found = find_invitation(home)
    assert found is not None
    assert (found.trust_height, found.trust_hash) == (7, "ef" * 32)


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        (("--genesis-sha256", "00" * 32), "network_mismatch"),
        (("--genesis-sha256", ""), "network_mismatch"),
        (("--chain-id", "another-1"), "network_mismatch"),
        (("--trust-height", "7"), "config_invalid"),
        (("--trust-height", "7", "--trust-hash", "short"), "invitation_invalid"),
    ],
)
def test_join__what_does_not_match__is_refused_and_nothing_written(
    tmp_path: Path, invitation: Path, flags: tuple[str, ...], code: str
) -> None:
    home = tmp_path / "home"
    assert error_of(join(home, invitation, *flags)) == code
    assert not (home / GENESIS_FILE).exists()
    assert not (home / NETWORK_FILE).exists()


def test_join__a_home_of_another_network__is_refused(tmp_path: Path, invitation: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / GENESIS_FILE).write_text("{}")
    assert error_of(join(home, invitation)) == "network_mismatch"
    assert (home / GENESIS_FILE).read_text() == "{}"


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("nowhere.json", "file_unusable"),
        ("http://192.0.2.1/x", "config_invalid"),
        ("https://127.0.0.1:1/x", "invitation_unreachable"),
        ("https://[no-address/x", "invitation_unreachable"),
    ],
)
def test_join__a_source_that_cannot_be_had__is_a_coded_error(tmp_path: Path, source: str, code: str) -> None:
    assert error_of(run(group, "join", source, "--home", str(tmp_path))) == code


def test_join__an_invitation_that_was_tampered_with__is_refused(tmp_path: Path) -> None:
    path = tmp_path / "invitation.json"
    path.write_bytes(changed(genesis="{}"))
    assert error_of(join(tmp_path / "home", path)) == "invitation_invalid"


class Answers(BaseHTTPRequestHandler):
    """An invitation at /network.json, and ways to be led astray; over plain HTTP there is one too."""

    plain_port = 0

    def do_GET(self) -> None:
        target = {"/moved": "/network.json", "/astray": f"http://127.0.0.1:{self.plain_port}/network.json"}.get(
            self.path
        )
        if self.path == "/nonsense":
            self.wfile.write(b"this is no HTTP\r\n\r\n")
            return
        self.send_response(302 if target else 200)
        if target:
            self.send_header("Location", target)
        body = b"" if target else INVITATION.encode()
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A site of this machine, with a certificate that this test trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "site")]), datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (tmp_path / "cert").write_bytes(certificate.public_bytes(Encoding.PEM))
    (tmp_path / "key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    with serving() as plain, serving(context) as port:
        monkeypatch.setattr(Answers, "plain_port", plain)
        yield f"https://127.0.0.1:{port}"


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[int]:
    """The port of a server that answers, over TLS where there is a context."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("path", ["/network.json", "/moved"])
def test_join__by_https__is_as_from_a_file(tmp_path: Path, site: str, path: str) -> None:
    home = tmp_path / "home"
    assert run(group, "join", f"{site}{path}", "--home", str(home)).exit_code == 0
    assert find_invitation(home) == INVITATION


@pytest.mark.parametrize("path", ["/astray", "/nonsense"])
def test_join__a_site_that_leads_to_plain_http_or_answers_nonsense__is_refused(
    tmp_path: Path, site: str, path: str
) -> None:
    assert error_of(run(group, "join", f"{site}{path}", "--home", str(tmp_path / "home"))) == "invitation_unreachable"


def test_join__a_site_whose_certificate_nobody_knows__is_refused(
    tmp_path: Path, site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    result = run(group, "join", f"{site}/network.json", "--home", str(tmp_path / "home"))
    assert error_of(result) == "invitation_unreachable"
