"""A sidecar that only renders: a process without a device, over a model without weights."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sidecar.conftest import SidecarProcess, build_start
from tests.sidecar.inference.conftest import Client, connect
from tests.sidecar.inference.tiny import make_tiny_model
from wire.gonka.sidecar.v1 import inference_pb2 as pb
from wire.gonka.sidecar.v1 import sidecar_pb2

NewSidecar = Callable[..., SidecarProcess]
LONG = "\u00fcber " * 150
CHATS: list[Any] = [
    {"messages": [{"role": "user", "content": "Hi"}]},
    {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": LONG}]},
        ]
    },
    {"messages": [{"role": "user", "content": "{}"}], "response_format": {"type": "json_object"}},
    {"messages": [{"role": "user", "content": "x"}], "tools": [{"type": "function", "function": {"name": "f"}}]},
]


def start(new_sidecar: NewSidecar, home: Path) -> SidecarProcess:
    socket = ("--socket", str(home / "sidecar.sock"))
    return new_sidecar("--render-only", "--models", str(home / "models"), *socket, home=home)


@pytest.fixture(scope="module")
def renderer(tmp_path_factory: pytest.TempPathFactory, new_sidecar: NewSidecar) -> Iterator[Client]:
    home = tmp_path_factory.mktemp("r")
    (make_tiny_model(home / "models") / "model.safetensors").unlink()
    with connect(start(new_sidecar, home).start()) as found:
        yield found


def test_models__no_weights_and_no_device__the_model_is_named_with_its_hashes(renderer: Client, client: Client) -> None:
    (found,) = renderer.stub.Models(pb.ModelsRequest(), timeout=10).models
    assert (found.engine, found.device, found.embeds, found.defined_sampler) == ("renderer", "none", False, False)
    assert (found.content_hash, found.tokenizer_hash) == (client.model.content_hash, client.model.tokenizer_hash)
    assert (found.max_context, found.vocabulary) == (client.model.max_context, client.model.vocabulary)
    assert renderer.sidecar.find_workers() == []


@pytest.mark.parametrize("prompt", [*map(json.dumps, CHATS), None], ids=["plain", "parts", "json", "tools", "text"])
def test_render__whatever_is_asked__the_tokens_of_a_sidecar_with_the_whole_model(
    renderer: Client, client: Client, prompt: str | None
) -> None:
    asked = {"text": LONG} if prompt is None else {"chat": prompt}
    request = pb.RenderRequest(content_hash=client.model.content_hash, **asked)
    both = [list(one.stub.Render(request, timeout=10).tokens) for one in (renderer, client)]
    assert both[0] == both[1] != []


def test_vocabulary__without_weights__is_that_of_a_sidecar_with_the_whole_model(
    renderer: Client, client: Client
) -> None:
    request = pb.VocabularyRequest(content_hash=client.model.content_hash)
    assert renderer.stub.Vocabulary(request, timeout=30) == client.stub.Vocabulary(request, timeout=30)


def test_render__a_bad_conversation__is_refused(renderer: Client) -> None:
    request = pb.RenderRequest(content_hash=renderer.model.content_hash, chat="{}")
    assert renderer.refuse(lambda: renderer.stub.Render(request, timeout=10)) == "chat_invalid"


def test_work__of_any_kind__is_refused_with_a_code(renderer: Client) -> None:
    stub, content_hash = renderer.stub, renderer.model.content_hash
    score = pb.ScoreRequest(content_hash=content_hash, prompt=[1], answer=[2])
    embed = pb.EmbedRequest(content_hash=content_hash, tokens=[1])
    sprint = build_start()
    assert renderer.refuse(lambda: renderer.generate("a")) == "generating_unsupported"
    assert renderer.refuse(lambda: stub.Score(score, timeout=10)) == "scoring_unsupported"
    assert renderer.refuse(lambda: stub.Embed(embed, timeout=10)) == "embedding_unsupported"
    assert renderer.refuse(lambda: renderer.sidecar.read_proofs(sprint)) == "profile_unknown"
    assert not renderer.sidecar.call("Capabilities", sidecar_pb2.CapabilitiesRequest()).devices


def test_start__another_template_than_the_manifest_lists__is_refused(tmp_path: Path, new_sidecar: NewSidecar) -> None:
    (make_tiny_model(tmp_path / "models") / "chat_template.jinja").write_text("x")
    sidecar = start(new_sidecar, tmp_path).launch()
    assert sidecar.process is not None
    assert sidecar.process.wait(60) == 1
    assert "error[model_hash_wrong]" in sidecar.log


def test_stop__a_signal__ends_it_in_order(tmp_path: Path, new_sidecar: NewSidecar) -> None:
    make_tiny_model(tmp_path / "models")
    assert start(new_sidecar, tmp_path).start().stop() == 0
