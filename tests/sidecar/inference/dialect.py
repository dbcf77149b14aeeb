"""A child that speaks vLLM's dialect of OpenAI's completions, over a unix socket: what `python -m vllm...` is in tests.

The token after a context is (7 * its length + its last token) mod 251, so an answer is the same in any slices.
A prompt that begins with 255 ends the process after two tokens; one that begins with 254 is refused.
"""

import argparse
import asyncio
import json
import os

from aiohttp import web


async def health(request: web.Request) -> web.Response:
    return web.Response()


async def tokenize(request: web.Request) -> web.Response:
    asked = await request.json()
    if "messages" in asked:
        text = "".join(f"<{message['role']}>{message['content']}" for message in asked["messages"])
    else:
        text = asked["prompt"]
    if "refuse" in text:
        return web.json_response({"error": {"message": "no"}}, status=400)
    return web.json_response({"tokens": list(text.encode())})


async def complete(request: web.Request) -> web.StreamResponse:
    asked = await request.json()
    context = list(asked["prompt"])
    if context[0] == 254:
        return web.json_response({"error": {"message": "refused"}}, status=400)
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for place in range(asked["max_tokens"]):
        token = (7 * len(context) + context[-1]) % 251
        context.append(token)
        choice = {"index": 0, "text": "?", "token_ids": [token], "finish_reason": None, "logprobs": None}
        if "logprobs" in asked:
            top = {f"token_id:{token}": -0.5, "token_id:9": -1.25}
            choice["logprobs"] = {"token_logprobs": [-0.5], "top_logprobs": [top], "tokens": [f"token_id:{token}"]}
        if place + 1 == asked["max_tokens"]:
            choice["finish_reason"] = "length"
        await response.write(b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n")
        if asked["prompt"][0] == 255 and place == 1:
            await asyncio.sleep(0.1)
            os._exit(3)
    await response.write(b'data: {"choices": [], "usage": {}}\n\ndata: [DONE]\n\n')
    return response


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--uds", required=True)
    given, _ = parser.parse_known_args()
    app = web.Application()
    app.add_routes([web.get("/health", health), web.post("/tokenize", tokenize), web.post("/v1/completions", complete)])
    web.run_app(app, path=given.uds, print=None)


if __name__ == "__main__":
    main()
