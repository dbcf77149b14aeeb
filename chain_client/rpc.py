"""A node asked over CometBFT's RPC, which both engines serve: state with proofs, headers with their signatures.

What it answers is checked by who uses it; here it is only read.
"""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode
from types import TracebackType
from typing import Any, Final

import aiohttp

from chain_client.errors import PermanentError, TransientError
from chain_client.light import LightBlock
from wire.headers_json import read_signed_header, read_validators

from tendermint.types.validator_pb2 import ValidatorSet

TIMEOUT_S: Final = 10
MAX_ANSWER_BYTES: Final = 16 << 20
_PAUSE_S: Final = 0.2
_VALIDATORS: Final = 100
_READ_ERRORS: Final = (KeyError, TypeError, ValueError, AttributeError, IndexError)


class RpcNode:
    """A node at a URL.  Use as an async context manager."""

    def __init__(self, url: str) -> None:
        self._url = url if "://" in url else f"http://{url}"
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> RpcNode:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def read_heights(self) -> tuple[int, int]:
        """The lowest height that the node has a header of, and the latest."""
        status = await self._call("status")
        try:
            sync = status["sync_info"]
            return int(sync["earliest_block_height"]), int(sync["latest_block_height"])
        except _READ_ERRORS as error:
            raise _unreadable("status") from error

    async def read_pair(self, key: bytes, height: int) -> tuple[int, bytes, bytes]:
        """Height, value (b"" for none) and the ICS-23 proof of what the state holds under a key; height 0: the latest.

        Raises: PermanentError `height_not_kept`, `node_refused`.
        """
        answer = await self._call("abci_query", path="/key", data=key.hex(), height=str(height), prove=True)
        try:
            response = answer["response"]
            if response["code"]:
                code = "height_not_kept" if response["log"].startswith("height_not_kept") else "node_refused"
                raise PermanentError(code, response["log"][:200])
            proof = b64decode(response["proofOps"]["ops"][0]["data"], validate=True)
            return int(response["height"]), b64decode(response["value"] or "", validate=True), proof
        except _READ_ERRORS as error:
            raise _unreadable("abci_query") from error

    async def wait_for(self, height: int) -> None:
        """Return once the node has the header of a height.  Raises: TransientError `node_behind`."""
        for _ in range(int(TIMEOUT_S // _PAUSE_S)):
            if (await self.read_heights())[1] >= height:
                return
            await asyncio.sleep(_PAUSE_S)
        raise TransientError("node_behind", f"no block {height} in {TIMEOUT_S} s")

    async def read_block(self, height: int) -> LightBlock:
        """A block's header, its commit, its validators and the next."""
        commit = await self._call("commit", height=str(height))
        try:
            signed = read_signed_header(commit["signed_header"])
        except _READ_ERRORS as error:
            raise _unreadable("commit") from error
        own = await self._read_validators(height)
        same = signed.header.validators_hash == signed.header.next_validators_hash
        return LightBlock(
            signed=signed, validators=own, next_validators=own if same else await self._read_validators(height + 1)
        )

    async def _read_validators(self, height: int) -> ValidatorSet:
        found = ValidatorSet()
        page = 1
        while True:
            answer = await self._call("validators", height=str(height), page=str(page), per_page=str(_VALIDATORS))
            try:
                part = read_validators(answer["validators"])
                found.validators.extend(part.validators)
                if len(found.validators) >= int(answer["total"]) or not part.validators:
                    return found
            except _READ_ERRORS as error:
                raise _unreadable("validators") from error
            page += 1

    async def _call(self, method: str, **params: Any) -> Any:
        if self._session is None:
            raise AssertionError("the node is used inside its context")
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        try:
            async with self._session.post(self._url, json=call) as response:
                answer = json.loads(await _read(response))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, RecursionError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise TransientError("rpc_unreachable", f"{self._url}: {reason[:200]}") from error
        if not isinstance(answer, dict) or ("error" not in answer and "result" not in answer):
            raise _unreadable(method)
        if answer.get("error"):
            raise PermanentError("node_refused", str(answer["error"])[:300])
        return answer["result"]


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The whole body; ValueError where it is longer than any good answer."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise ValueError(f"an answer of more than {MAX_ANSWER_BYTES} bytes")
    return bytes(body)


def _unreadable(method: str) -> PermanentError:
    return PermanentError("node_unreadable", f"its answer to {method}")
