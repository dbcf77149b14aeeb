"""Broadcasting through CometBFT: its JSON-RPC over a unix socket, one call of it.

Source: CometBFT 0.38, RPC, broadcast_tx_sync; JSON-RPC 2.0 over HTTP/1.1.
"""

import asyncio
import json
from base64 import b64encode
from pathlib import Path
from typing import Any, Final

from chain.engine.application import CheckResult
from rules.errors import RuleError
from wire.errors import CODESPACE

TIMEOUT_S: Final = 10
_REFUSALS: Final = {
    "tx already exists in cache": "tx_duplicate",
    "mempool is full": "mempool_full",
    "tx too large": "tx_too_large",
}


async def broadcast_tx(socket: Path, tx: bytes, *, patience_s: int = TIMEOUT_S) -> CheckResult:
    """Let `tx` wait in CometBFT's mempool if it passes CheckTx there; a CometBFT that is being started is waited for.

    Raises: RuleError `consensus_unreachable` where it does not answer within `patience_s` seconds: the transaction may
    wait, or not.
    """
    try:
        async with asyncio.timeout(patience_s):
            answer = await _call(socket, "broadcast_tx_sync", {"tx": b64encode(tx).decode()})
    except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError) as error:
        raise RuleError("consensus_unreachable", f"CometBFT does not answer: {type(error).__name__}") from error
    if "error" in answer:
        return _refuse(str(answer["error"].get("data", "")))
    result = answer["result"]
    return CheckResult(code=result["code"], codespace=result["codespace"], log=result["log"], gas_wanted=0, duty=False)


async def _call(socket: Path, method: str, params: dict[str, str]) -> dict[str, Any]:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    head = f"POST / HTTP/1.0\r\nHost: cometbft\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    reader, writer = await _connect(socket)
    try:
        writer.write(head.encode() + body)
        await reader.readuntil(b"\r\n\r\n")
        answer = json.loads(await reader.read())
    finally:
        writer.close()
    if not isinstance(answer, dict) or not isinstance(answer.get("error", answer.get("result")), dict):
        raise ValueError("no answer of JSON-RPC")
    return answer


async def _connect(socket: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    while True:
        try:
            return await asyncio.open_unix_connection(socket)
        except (FileNotFoundError, ConnectionRefusedError):
            await asyncio.sleep(1)


def _refuse(why: str) -> CheckResult:
    """What CometBFT refuses by itself, in our words."""
    code = next((code for start, code in _REFUSALS.items() if why.lower().startswith(start)), None)
    if code is None:
        raise RuleError("consensus_unreachable", why[:200])
    fault = RuleError(code, why[:200])
    return CheckResult(code=fault.fault.number, codespace=CODESPACE, log=str(fault), gas_wanted=0, duty=False)
