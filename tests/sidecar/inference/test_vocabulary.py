"""What tokens add to a text, as a sidecar tells it."""

from __future__ import annotations

from pathlib import Path

from sidecar.inference.rendering import Pieces
from sidecar.inference.vocabulary import read_vocabulary
from tests.sidecar.inference.conftest import Client, list_tokens
from tests.sidecar.inference.tiny import END, VOCABULARY, make_tiny_model
from wire.gonka.sidecar.v1 import inference_pb2 as pb


def test_read_vocabulary__each_byte_a_token__special_ones_and_the_end_have_no_text(tmp_path: Path) -> None:
    found = read_vocabulary(make_tiny_model(tmp_path))
    assert found.texts == (*(bytes([byte]) for byte in range(256)), *[b""] * 4)
    assert found.ends == {END}


def test_read_vocabulary__what_an_engine_reads_without_a_template__is_the_same(tmp_path: Path) -> None:
    """vLLM's answers are made of text by the tokenizer's file alone."""
    folder = make_tiny_model(tmp_path)
    get_bytes = Pieces.open(folder).get_bytes
    assert read_vocabulary(folder).texts == tuple(map(get_bytes, range(VOCABULARY)))


def test_vocabulary__a_real_sidecar__spells_what_it_generates(client: Client) -> None:
    request = pb.VocabularyRequest(content_hash=client.model.content_hash)
    told = client.stub.Vocabulary(request, timeout=30)
    chunks = client.generate("v", max_tokens=40)
    spelled = b"".join(told.texts[token] for token in list_tokens(chunks))
    assert spelled.decode(errors="replace") == "".join(chunk.text for chunk in chunks)
    assert len(told.texts) == client.model.vocabulary == VOCABULARY
    assert list(told.ends) == [END]


def test_vocabulary__from_some_token_on__the_rest_and_nothing_past_the_last(client: Client) -> None:
    for first, count in [(250, 10), (VOCABULARY, 0), (10**6, 0)]:
        request = pb.VocabularyRequest(content_hash=client.model.content_hash, first=first)
        assert len(client.stub.Vocabulary(request, timeout=30).texts) == count


def test_vocabulary__another_model__is_refused(client: Client) -> None:
    request = pb.VocabularyRequest(content_hash=b"x" * 32)
    assert client.refuse(lambda: client.stub.Vocabulary(request, timeout=30)) == "model_not_served"
