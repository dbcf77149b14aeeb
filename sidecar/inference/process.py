"""The process that runs one model on one device: `python -m sidecar.inference.process FOLDER DEVICE`.

It says hello, reads what is asked on its input, one JSON object a line, and answers with lines that carry the asker's
key.  One thread reads and another renders, so that a long conversation to tokenise stops no answer, and no word that
one may go on; all else happens between two steps.  It ends when its input closes or its parent dies; what goes wrong
unexpectedly ends it too, in whichever thread, and the parent starts another.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Generator, Mapping
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any, Final

import numpy as np
from transformers.utils.logging import disable_progress_bar

from sidecar.child import die_with_parent, take_output
from sidecar.errors import SidecarError
from sidecar.inference.answers import Answer
from sidecar.inference.attention import Cache
from sidecar.inference.batching import Span, plan_step
from sidecar.inference.network import Network, Part
from sidecar.inference.rendering import Tokenizer
from sidecar.inference.sampler import Floats, compute_logprobs, draw
from sidecar.inference.scoring import score_token
from sidecar.inference.tasks import (
    Alternative,
    DrawnToken,
    GenerateTask,
    Hello,
    Progress,
    decode_generate,
    decode_sampling,
    encode_error,
    encode_line,
    encode_progress,
)

MILLION: Final = 1_000_000
Reading = Generator[None, None, list[Any]]
"""A pass over given tokens, a piece at a time; what it returns answers the asker."""


class Speaker:
    """Lines to the parent, from several threads."""

    def __init__(self, answers: IO[bytes]) -> None:
        self._answers = answers
        self._lock = threading.Lock()

    def __call__(self, value: Mapping[str, Any]) -> None:
        with self._lock:
            self._answers.write(encode_line(value))
            self._answers.flush()


class Bench:
    """The requests of a model under way.  `say` writes one line to the parent."""

    def __init__(self, network: Network, tokenizer: Tokenizer, say: Speaker) -> None:
        self._network = network
        self._tokenizer = tokenizer
        self._max_tokens = network.count_tokens()
        self._say = say
        self._queue: deque[Answer] = deque()
        self._answers: dict[int, Answer] = {}
        self._caches: dict[int, Cache] = {}
        self._readings: dict[int, Reading] = {}
        self.is_held = False

    def take(self, asked: Mapping[str, Any]) -> None:
        """What the parent asks."""
        key = asked.get("key", 0)
        match asked["do"]:
            case "generate":
                self._begin(key, decode_generate(asked["task"]))
            case "allow":
                for answer in (*self._answers.values(), *self._queue):
                    if answer.key == key:
                        answer.allowance = max(answer.allowance, asked["allowance"])
            case "cancel":
                self._end(key)
            case "score":
                self._readings[key] = self._score(asked)
            case "embed":
                self._readings[key] = self._embed(asked)
            case "hold":
                self.is_held = True
                self._say({"held": True})
            case "resume":
                self.is_held = False

    def work(self) -> bool:
        """One step of the answers and one piece of a reading; False when there is nothing to do."""
        if self.is_held:
            return False
        self._admit()
        spans = plan_step([answer.standing for answer in self._answers.values()])
        if spans:
            self._step(spans)
        reading = next(iter(self._readings), None)
        if reading is not None:
            self._go_on_reading(reading)
        return bool(spans) or reading is not None

    # ---- answers ---------------------------------------------------------------------------------------------------

    def _begin(self, key: int, task: GenerateTask) -> None:
        self._queue.append(Answer(key, task, self._network.ends, self._network.max_context))

    def _admit(self) -> None:
        """Begin what waits, in order, as far as memory goes."""
        held = sum(answer.most_tokens for answer in self._answers.values())
        while self._queue:
            if self._answers and held + self._queue[0].most_tokens > self._max_tokens:
                return
            answer = self._queue.popleft()
            held += answer.most_tokens
            self._answers[answer.key], self._caches[answer.key] = answer, self._network.make_cache()

    def _step(self, spans: tuple[Span, ...]) -> None:
        parts = [
            Part(
                cache=self._caches[span.key],
                tokens=self._answers[span.key].get_tokens(span.first, span.count),
                first=span.first,
                rows=int(span.draws),
            )
            for span in spans
        ]
        try:
            logits_RV = iter(self._network.compute_logits(parts))
        except SidecarError as error:
            for span in spans:
                self._refuse(span.key, error)
            return
        told = []
        for span in spans:
            answer = self._answers[span.key]
            answer.computed += span.count
            try:
                progress = self._advance(answer, next(logits_RV) if span.draws else None)
            except SidecarError as error:
                self._refuse(span.key, error)
                continue
            told.append([span.key, encode_progress(progress)])
            if progress.finish_reason:
                self._end(span.key)
        self._say({"steps": told})

    def _advance(self, answer: Answer, logits_V: Floats | None) -> Progress:
        done = min(answer.computed, len(answer.task.prompt))
        if logits_V is None:
            return Progress(tokens=(), text="", prompt_done=done, finish_reason="")
        if not np.isfinite(logits_V.max()):
            raise SidecarError("engine_failed", f"token {len(answer.drawn)} of the answer")
        token = draw(logits_V, answer.task.sampling, len(answer.drawn), answer.drawn)
        drawn = self._describe(token, logits_V, answer.task)
        text = answer.add(token, drawn.text)
        return Progress(tokens=(drawn,), text=text, prompt_done=done, finish_reason=answer.finish_reason)

    def _describe(self, token: int, logits_V: Floats, task: GenerateTask) -> DrawnToken:
        text = self._tokenizer.get_bytes(token)
        if not task.logprobs:
            return DrawnToken(token=token, text=text)
        logprobs_V = compute_logprobs(logits_V)
        best = np.argpartition(-logprobs_V, task.top_logprobs)[: task.top_logprobs]
        top = [int(other) for other in best[np.lexsort((best, -logprobs_V[best]))]]
        return DrawnToken(
            token=token,
            text=text,
            logprob_micro=_to_micro(logprobs_V[token]),
            top=tuple(
                Alternative(
                    token=other,
                    logprob_micro=_to_micro(logprobs_V[other]),
                    text=self._tokenizer.get_bytes(other),
                )
                for other in top
            ),
        )

    def _refuse(self, key: int, error: SidecarError) -> None:
        self._end(key)
        self._say({"key": key, "error": encode_error(error)})

    def _end(self, key: int) -> None:
        """Forget a request, however far it is."""
        self._answers.pop(key, None)
        self._caches.pop(key, None)
        self._readings.pop(key, None)
        self._queue = deque(answer for answer in self._queue if answer.key != key)

    # ---- scores and embeddings -------------------------------------------------------------------------------------

    def _score(self, asked: Mapping[str, Any]) -> Reading:
        """(expected, gap_milli) of the answer's tokens."""
        prompt, answer, sampling = asked["prompt"], asked["answer"], decode_sampling(asked["sampling"])
        scores: list[tuple[int, int]] = []
        for logits_RV in self._network.read_logits([*prompt, *answer[:-1]], len(prompt) - 1):
            for logits_V in logits_RV:
                place = len(scores)
                score = score_token(logits_V, answer[:place], answer[place], sampling)
                scores.append((score.expected, score.gap_milli))
            yield
        return scores

    def _embed(self, asked: Mapping[str, Any]) -> Reading:
        """The mean of the last layer's outputs over all tokens, scaled to length 1."""
        sum_C = np.zeros(1)
        for hidden_NC in self._network.read_hidden(asked["tokens"]):
            sum_C = sum_C + hidden_NC.sum(axis=0, dtype=np.float64)
            yield
        return list((sum_C / np.linalg.norm(sum_C)).tolist())

    def _go_on_reading(self, key: int) -> None:
        try:
            next(self._readings[key])
        except StopIteration as end:
            self._end(key)
            self._say({"key": key, "answer": end.value})
        except SidecarError as error:
            self._refuse(key, error)


def read_input(lines: IO[bytes], inbox: SimpleQueue[Any], renders: SimpleQueue[Any]) -> None:
    """Pass on what is asked, what is to be rendered to `renders`, and None to both at the end."""
    for line in lines:
        asked = json.loads(line)
        (renders if asked["do"] == "render" else inbox).put(asked)
    renders.put(None)
    inbox.put(None)


def render_all(renders: SimpleQueue[Any], tokenizer: Tokenizer, say: Speaker) -> None:
    """Render one after the other until None comes."""
    while (asked := renders.get()) is not None:
        try:
            tokens = tokenizer.encode_chat(asked["chat"]) if "chat" in asked else tokenizer.encode(asked["text"])
        except SidecarError as error:
            say({"key": asked["key"], "error": encode_error(error)})
        else:
            say({"key": asked["key"], "answer": tokens})


def end_process(failure: threading.ExceptHookArgs) -> None:
    """Without one of its threads the process would hang."""
    sys.__excepthook__(failure.exc_type, failure.exc_value or failure.exc_type(), failure.exc_traceback)
    os._exit(1)


def main(folder: str, device: str) -> None:
    """Serve until the input ends.  What else is printed goes to stderr."""
    say = Speaker(take_output())
    disable_progress_bar()
    try:
        network, tokenizer = Network.open(Path(folder), device), Tokenizer.open(Path(folder))
    except SidecarError as error:
        say({"refused": encode_error(error)})
        return
    bench = Bench(network, tokenizer, say)
    hello = Hello(vocabulary=network.vocabulary, max_tokens=network.count_tokens(), embeds=True)
    say({"hello": {name: getattr(hello, name) for name in Hello.__slots__}})
    inbox: SimpleQueue[Any] = SimpleQueue()
    renders: SimpleQueue[Any] = SimpleQueue()
    threading.excepthook = end_process
    threading.Thread(target=render_all, args=(renders, tokenizer, say), daemon=True).start()
    threading.Thread(target=read_input, args=(sys.stdin.buffer, inbox, renders), daemon=True).start()
    busy = False
    while True:
        while not busy or not inbox.empty():
            asked = inbox.get()
            if asked is None:
                return
            bench.take(asked)
            busy = True
        busy = bench.work()


def _to_micro(logprob: np.float32) -> int:
    return min(0, round(float(logprob) * MILLION)) if np.isfinite(logprob) else -(1 << 40)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is the parent's to handle
    die_with_parent(int(os.environ["GNK_SIDECAR_PID"]))
    main(*sys.argv[1:])
