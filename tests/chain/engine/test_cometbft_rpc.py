"""Broadcasting over a socket that answers as CometBFT does."""

import asyncio
import json
from base64 import b64encode
from pathlib import Path

import pytest

from chain.engine.application import CheckResult
from chain.engine.cometbft_rpc import broadcast_tx
from rules.errors import RuleError
from tests.chain.ledger import code_of

PASSED = {"code": 0, "data": "", "log": "", "codespace": "", "hash": "AB"}


def broadcast(tmp_path: Path, answer: bytes) -> tuple[CheckResult, dict[str, object]]:
    """The result where CometBFT says `answer`, and what it was asked."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        asked.append(await reader.readexactly(length))
        writer.write(answer)
        writer.close()

    async def run() -> CheckResult:
        async with await asyncio.start_unix_server(serve, tmp_path / "rpc"):
            return await broadcast_tx(tmp_path / "rpc", b"the transaction")

    return asyncio.run(run()), json.loads(asked[0])


def http(**answer: object) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + json.dumps({"id": 1, **answer}).encode()


def test_broadcast_tx__passed__is_what_check_tx_said(tmp_path: Path) -> None:
    result, asked = broadcast(tmp_path, http(result=PASSED))
    assert (result.code, result.log) == (0, "")
    assert asked["method"] == "broadcast_tx_sync"
    assert asked["params"] == {"tx": b64encode(b"the transaction").decode()}


def test_broadcast_tx__refused_by_check_tx__has_its_code(tmp_path: Path) -> None:
    refused = PASSED | {"code": 4, "log": "sequence_mismatch: no", "codespace": "gonka"}
    result, _ = broadcast(tmp_path, http(result=refused))
    assert (result.code, result.codespace, code_of(result)) == (4, "gonka", "sequence_mismatch")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ("tx already exists in cache", "tx_duplicate"),
        ("mempool is full: number of txs 10 (max: 10)", "mempool_full"),
        ("Tx too large. Max size is 5, but got 6", "tx_too_large"),
    ],
)
def test_broadcast_tx__refused_by_cometbft__has_our_code(tmp_path: Path, data: str, code: str) -> None:
    result, _ = broadcast(tmp_path, http(error={"code": -32603, "message": "Internal error", "data": data}))
    assert code_of(result) == code
    assert result.code > 0


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 500 No\r\n\r\n[]", http(), http(error={"data": "something new"})],
    ids=["nothing", "no body", "no object", "neither result nor error", "an error of its own"],
)
def test_broadcast_tx__no_answer__is_worth_another_try(tmp_path: Path, answer: bytes) -> None:
    with pytest.raises(RuleError, match="consensus_unreachable"):
        broadcast(tmp_path, answer)


def test_broadcast_tx__nobody_there__is_worth_another_try(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="consensus_unreachable"):
        asyncio.run(broadcast_tx(tmp_path / "rpc", b"", patience_s=1))
