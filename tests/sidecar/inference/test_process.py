"""The child that runs a model: what it answers line by line, and what it never does."""

import io
import json
import subprocess
import sys
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from sidecar.inference.network import Network
from sidecar.inference.process import Bench, read_input
from sidecar.inference.rendering import Tokenizer
from sidecar.inference.sampler import Sampling
from sidecar.inference.tasks import GenerateTask, encode_generate, encode_line
from tests.sidecar.inference.tiny import END, make_tiny_model

WATCHED = """
import json
import sys
seen = []

def watch(event, args):
    if event in ("pickle.find_class", "socket.connect", "socket.getaddrinfo", "socket.bind", "os.system",
                 "subprocess.Popen", "os.exec", "os.posix_spawn"):
        seen.append(event)
    elif event == "exec" and sys.argv[1] in str(getattr(args[0], "co_filename", "")):
        seen.append("exec of the model's code")
    elif event == "compile" and sys.argv[1] in str(args[1]):
        seen.append("compile of the model's code")
    elif event == "import" and args[1] and sys.argv[1] in str(args[1]):
        seen.append("import of the model's code")
"""
LOAD = """
from pathlib import Path
from sidecar.inference.network import Network
from sidecar.inference.process import Bench, read_input
from sidecar.inference.rendering import Tokenizer

sys.addaudithook(watch)
folder = Path(sys.argv[1])
network, tokenizer = Network.open(folder, "cpu"), Tokenizer.open(folder)
said = []
bench = Bench(network, tokenizer, said.append)
prompt = tokenizer.encode_chat('{"messages": [{"role": "user", "content": "Hi"}]}')
sampling = {"temperature_milli": 900, "top_k": 9, "top_p_ppm": 900000, "frequency_penalty_milli": 1,
            "presence_penalty_milli": 1, "bias": [], "seed": "00" * 32}
bench.take({"do": "generate", "key": 1, "task": {"prompt": prompt, "sampling": sampling, "max_tokens": 9,
            "stop": ["x"], "logprobs": True, "top_logprobs": 2, "allowance": 999}})
bench.take({"do": "score", "key": 2, "prompt": prompt, "answer": [65, 66], "sampling": sampling})
bench.take({"do": "embed", "key": 3, "tokens": prompt})
while bench.work():
    pass
assert {key for line in said for key in [line.get("key")]} == {None, 2, 3}, said
print(json.dumps(seen))
"""
CONTROL = """
import pickle, socket
sys.addaudithook(watch)
pickle.loads(pickle.dumps(print))
try:
    socket.create_connection(("127.0.0.1", 1), 0.1)
except OSError:
    pass
exec(compile("1", sys.argv[1] + "/modeling.py", "exec"))
print(json.dumps(seen))
"""


def run_watched(program: str, folder: Path) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", WATCHED + program, str(folder)], capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
    events: list[str] = json.loads(done.stdout.splitlines()[-1])
    return events


def test_loading_and_generating__every_call__unpickles_executes_connects_nothing(models: Path) -> None:
    assert run_watched(LOAD, models / "tiny") == []


def test_the_watch_sees_what_it_watches_for(tmp_path: Path) -> None:
    seen = run_watched(CONTROL, tmp_path)
    assert {"pickle.find_class", "socket.connect"} <= {*seen}
    assert any("compile" in event for event in seen)
    assert any("exec" in event for event in seen)


# ---- line by line --------------------------------------------------------------------------------------------------


class Recorder:
    """What a bench says."""

    def __init__(self, bench_of: Any) -> None:
        self.said: list[dict[str, Any]] = []
        self.bench: Bench = bench_of(self.said.append)

    def work(self) -> None:
        while self.bench.work():
            pass

    def list_tokens(self, key: int) -> list[int]:
        steps = [progress for line in self.said for k, progress in line.get("steps", ()) if k == key]
        return [token[0] for progress in steps for token in progress["tokens"]]


@pytest.fixture
def recorder(models: Path) -> Recorder:
    network, tokenizer = Network.open(models / "tiny", "cpu"), Tokenizer.open(models / "tiny")
    return Recorder(lambda say: Bench(network, tokenizer, say))


def build_task(prompt: tuple[int, ...] = (1, 2, 3), **changes: Any) -> dict[str, Any]:
    sampling = Sampling(
        temperature_milli=1000,
        top_k=0,
        top_p_ppm=0,
        frequency_penalty_milli=0,
        presence_penalty_milli=0,
        bias=((END, -100_000),),
        seed=bytes(32),
    )
    fields: dict[str, Any] = {
        "prompt": prompt,
        "sampling": sampling,
        "max_tokens": 8,
        "stop": (),
        "logprobs": False,
        "top_logprobs": 0,
        "allowance": 1000,
    }
    return encode_generate(GenerateTask(**fields | changes))


def test_work__requests_that_come_and_go__answers_are_those_of_each_alone(recorder: Recorder) -> None:
    prompts = {key: tuple((key * 37 + i) % 256 for i in range(key * 29 + 1)) for key in range(1, 7)}
    alone = {}
    for key, prompt in prompts.items():
        recorder.bench.take({"do": "generate", "key": key, "task": build_task(prompt)})
        recorder.work()
        alone[key] = recorder.list_tokens(key)
    recorder.said.clear()
    for key, prompt in prompts.items():
        recorder.bench.take({"do": "generate", "key": key, "task": build_task(prompt)})
        recorder.bench.work()
        recorder.bench.work()
    recorder.work()
    assert {key: recorder.list_tokens(key) for key in prompts} == alone
    assert all(len(tokens) == 8 for tokens in alone.values())


def test_work__a_request_that_waits_for_its_allowance__lets_the_others_go_on(recorder: Recorder) -> None:
    recorder.bench.take({"do": "generate", "key": 1, "task": build_task(allowance=5)})
    recorder.bench.take({"do": "generate", "key": 2, "task": build_task()})
    recorder.work()
    assert (len(recorder.list_tokens(1)), len(recorder.list_tokens(2))) == (2, 8)
    recorder.bench.take({"do": "allow", "key": 1, "allowance": 6})
    recorder.work()
    assert len(recorder.list_tokens(1)) == 3
    recorder.bench.take({"do": "allow", "key": 1, "allowance": 600})
    recorder.work()
    assert recorder.list_tokens(1) == recorder.list_tokens(2)


def test_work__held__nothing_is_done_until_resumed(recorder: Recorder) -> None:
    recorder.bench.take({"do": "generate", "key": 1, "task": build_task()})
    recorder.bench.take({"do": "hold"})
    recorder.work()
    assert recorder.said == [{"held": True}]
    recorder.bench.take({"do": "resume"})
    recorder.work()
    assert len(recorder.list_tokens(1)) == 8


def test_work__cancelled__no_more_of_it(recorder: Recorder) -> None:
    recorder.bench.take({"do": "generate", "key": 1, "task": build_task()})
    recorder.bench.work()
    recorder.bench.take({"do": "cancel", "key": 1})
    recorder.work()
    assert len(recorder.list_tokens(1)) == 1


def test_work__numbers_that_are_not_finite__the_request_is_refused_and_the_rest_go_on(recorder: Recorder) -> None:
    recorder.bench.take({"do": "generate", "key": 1, "task": build_task()})
    compute = recorder.bench._network.compute_logits
    recorder.bench._network.compute_logits = lambda parts: compute(parts) * float("nan")  # type: ignore[method-assign]
    recorder.bench.work()
    recorder.bench._network.compute_logits = compute  # type: ignore[method-assign]
    recorder.bench.take({"do": "generate", "key": 2, "task": build_task()})
    recorder.work()
    (refused,) = [line for line in recorder.said if "error" in line]
    assert (refused["key"], refused["error"][0]) == (1, "engine_failed")
    assert len(recorder.list_tokens(2)) == 8


def test_work__no_memory_for_a_step__its_requests_are_refused_and_later_ones_served(recorder: Recorder) -> None:
    import torch

    def fail(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    recorder.bench.take({"do": "generate", "key": 1, "task": build_task()})
    model = recorder.bench._network._model
    handle = model.register_forward_pre_hook(fail)
    inner = model.base_model.register_forward_pre_hook(fail)
    recorder.bench.work()
    handle.remove()
    inner.remove()
    assert recorder.said == [{"key": 1, "error": ["engine_out_of_memory", "CUDA out of memory"]}]
    recorder.bench.take({"do": "generate", "key": 2, "task": build_task()})
    recorder.work()
    assert len(recorder.list_tokens(2)) == 8


def test_work__more_than_memory_holds__waits_for_its_turn(recorder: Recorder) -> None:
    recorder.bench._max_tokens = 30
    for key in (1, 2, 3):
        recorder.bench.take({"do": "generate", "key": key, "task": build_task()})
    recorder.bench.work()
    assert [len(recorder.list_tokens(key)) for key in (1, 2, 3)] == [1, 1, 0]
    recorder.work()
    assert [len(recorder.list_tokens(key)) for key in (1, 2, 3)] == [8, 8, 8]


def test_main__a_model_that_is_not_what_it_was__is_refused(tmp_path: Path) -> None:
    folder = make_tiny_model(tmp_path)
    (folder / "config.json").write_text((folder / "config.json").read_text() + " ")
    code = (
        "import os, runpy, sys; os.environ['GNK_SIDECAR_PID'] = str(os.getppid());"
        f"sys.argv = ['x', {str(folder)!r}, 'cpu']; runpy.run_module('sidecar.inference.process', run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert json.loads(done.stdout)["refused"][0] == "model_hash_wrong"


def test_read_input__a_long_conversation_is_rendered__an_answer_may_go_on_meanwhile() -> None:
    inbox: SimpleQueue[Any] = SimpleQueue()
    renders: SimpleQueue[Any] = SimpleQueue()
    asked = [{"do": "render", "key": 1, "text": "x"}, {"do": "allow", "key": 2, "allowance": 9}]
    read_input(io.BytesIO(b"".join(map(encode_line, asked))), inbox, renders)
    assert [inbox.get(), inbox.get()] == [asked[1], None]
    assert [renders.get(), renders.get()] == [asked[0], None]
