"""An invitation is read whole, or refused with what is wrong with it."""

import json
from hashlib import sha256

import pytest

from chain.engine.cometbft_home import StateSync
from chain.invitation import MAX_BYTES, Invitation, read_invitation
from rules.errors import RuleError
from tests.chain.ledger import CHAIN_ID, make_genesis

GENESIS = make_genesis()
PEER = "ab" * 20 + "@203.0.113.7:26656"
INVITATION = Invitation(
    chain_id=CHAIN_ID,
    genesis_sha256=sha256(GENESIS).hexdigest(),
    genesis=GENESIS.decode(),
    peers=(PEER,),
    rpc_servers=("https://one.example:26657", "http://203.0.113.8:26657"),
    trust_height=1000,
    trust_hash="cd" * 32,
)


def changed(**changes: object) -> bytes:
    return json.dumps(json.loads(INVITATION.encode()) | changes).encode()


def test_read_invitation__what_was_written__comes_back() -> None:
    assert read_invitation(INVITATION.encode()) == INVITATION
    assert INVITATION.state_sync == StateSync(
        rpc_servers=INVITATION.rpc_servers, trust_height=1000, trust_hash="cd" * 32
    )


def test_read_invitation__no_block_to_trust__takes_every_block() -> None:
    plain = read_invitation(changed(rpc_servers=[], trust_height=0, trust_hash=""))
    assert plain.state_sync is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"genesis_sha256": "00" * 32}, "genesis_sha256"),
        ({"genesis": "{}"}, "genesis_sha256"),
        ({"chain_id": "another-1"}, "its genesis for"),
        ({"peers": []}, "no peers"),
        ({"peers": ["203.0.113.7:26656"]}, "none of peers"),
        ({"peers": [PEER + '"\nrpc = "']}, "none of peers"),
        ({"peers": PEER}, "list of texts"),
        ({"peers": [5]}, "list of texts"),
        ({"rpc_servers": ["ftp://one.example"]}, "none of rpc_servers"),
        ({"rpc_servers": []}, "rpc_servers to ask"),
        ({"trust_hash": ""}, "go together"),
        ({"trust_height": 0}, "go together"),
        ({"trust_height": -1}, "go together"),
        ({"trust_height": True}, "trust_height is no int"),
        ({"trust_hash": "zz" * 32}, "go together"),
        ({"moniker": "x"}, "an object of"),
    ],
)
def test_read_invitation__that_contradicts_itself__is_refused_with_the_reason(
    change: dict[str, object], says: str
) -> None:
    with pytest.raises(RuleError, match="invitation_invalid") as caught:
        read_invitation(changed(**change))
    assert says in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b"5", b"{}", b"[" * 100_000, b" " * (MAX_BYTES + 1)])
def test_read_invitation__no_invitation__is_refused(content: bytes) -> None:
    with pytest.raises(RuleError, match="invitation_invalid"):
        read_invitation(content)


def test_read_invitation__a_genesis_that_is_none__is_refused() -> None:
    with pytest.raises(RuleError, match="genesis_invalid"):
        read_invitation(changed(genesis="{}", genesis_sha256=sha256(b"{}").hexdigest()))
