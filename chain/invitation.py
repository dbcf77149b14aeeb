"""What a node must be told to join a network: which one it is, whom to dial, and a block to trust.

    chain_id, genesis_sha256    which network; SHA-256 in hex of the genesis file
    genesis                     the genesis file's text
    peers                       ID@HOST:PORT of CometBFT's nodes
    rpc_servers                 http(s)://HOST:PORT of nodes whose headers are compared, for state sync
    trust_height, trust_hash    a block that whoever wrote this vouches for; 0 and "" to take every block instead

The file is checked against itself: a network is its genesis file, and no part of this can belong to another one.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from typing import Any, Final

from chain.engine.cometbft_home import StateSync
from chain.genesis import read_genesis
from rules.errors import RuleError

MAX_BYTES: Final = 64 << 20
_KINDS: Final[dict[str, type]] = {"peers": list, "rpc_servers": list, "trust_height": int}
_PEER: Final = re.compile(r"[0-9a-f]{40}@[A-Za-z0-9.:\[\]-]+:[0-9]{1,5}")
_SERVER: Final = re.compile(r"https?://[A-Za-z0-9.:\[\]/_-]+")
_HASH: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """All of it; hashes are lower-case hex."""

    chain_id: str
    genesis_sha256: str
    genesis: str
    peers: tuple[str, ...]
    rpc_servers: tuple[str, ...] = ()
    trust_height: int = 0
    trust_hash: str = ""

    @property
    def state_sync(self) -> StateSync | None:
        """How a new node starts from a snapshot; None where it takes every block."""
        if not self.trust_height:
            return None
        return StateSync(rpc_servers=self.rpc_servers, trust_height=self.trust_height, trust_hash=self.trust_hash)

    def encode(self) -> bytes:
        """The file."""
        return json.dumps(asdict(self), indent=2).encode() + b"\n"


def read_invitation(content: bytes) -> Invitation:
    """The invitation in a file's bytes.

    RuleError invitation_invalid where it cannot be read or contradicts itself, genesis_invalid for its genesis.
    """
    invitation = _parse(content)
    if sha256(invitation.genesis.encode()).hexdigest() != invitation.genesis_sha256:
        raise RuleError("invitation_invalid", "genesis_sha256 is not that of the genesis in it")
    found = read_genesis(invitation.genesis.encode()).chain_id
    if found != invitation.chain_id:
        raise RuleError("invitation_invalid", f"it is for {invitation.chain_id[:60]!r}, its genesis for {found!r}")
    _check_each("peers", invitation.peers, _PEER)
    _check_each("rpc_servers", invitation.rpc_servers, _SERVER)
    if not invitation.peers:
        raise RuleError("invitation_invalid", "it names no peers")
    if bool(invitation.trust_height) != bool(_HASH.fullmatch(invitation.trust_hash)) or invitation.trust_height < 0:
        raise RuleError("invitation_invalid", "trust_height and trust_hash go together: a height, 64 hex digits")
    if invitation.trust_height and not invitation.rpc_servers:
        raise RuleError("invitation_invalid", "a trusted block needs rpc_servers to ask for headers")
    return invitation


def _parse(content: bytes) -> Invitation:
    if len(content) > MAX_BYTES:
        raise RuleError("invitation_invalid", f"more than {MAX_BYTES} bytes")
    try:
        value: Any = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise RuleError("invitation_invalid", f"no JSON: {str(error)[:80]}") from error
    names = [field.name for field in fields(Invitation)]
    if not isinstance(value, dict) or not value.keys() <= set(names):
        raise RuleError("invitation_invalid", f"an invitation is an object of {', '.join(names)}")
    for name, part in value.items():
        kind = _KINDS.get(name, str)
        texts = part if isinstance(part, list) else []
        if type(part) is not kind or not all(isinstance(text, str) for text in texts):
            raise RuleError("invitation_invalid", f"{name} is no {'list of texts' if kind is list else kind.__name__}")
    given: dict[str, Any] = {name: tuple(part) if type(part) is list else part for name, part in value.items()}
    try:
        return Invitation(**given)
    except TypeError as error:
        raise RuleError("invitation_invalid", "chain_id, genesis_sha256, genesis and peers are needed") from error


def _check_each(name: str, entries: tuple[str, ...], pattern: re.Pattern[str]) -> None:
    for entry in entries:
        if not pattern.fullmatch(entry):
            raise RuleError("invitation_invalid", f"{entry[:80]!r} is none of {name}")
