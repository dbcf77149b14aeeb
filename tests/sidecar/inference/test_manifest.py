"""What may be in a model folder, and what its manifest binds."""

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from sidecar.errors import SidecarError
from sidecar.inference.manifest import (
    MANIFEST_FILE,
    build_manifest,
    find_models,
    list_files,
    read_manifest,
    verify_model,
    verify_rendering,
)
from tests.sidecar.inference.tiny import make_tiny_model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_tiny_model(tmp_path)


def change_json(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def change_listed_path(folder: Path, path: str) -> None:
    content = json.loads((folder / MANIFEST_FILE).read_text())
    content["files"][0]["path"] = path
    (folder / MANIFEST_FILE).write_text(json.dumps(content))


def change_listed_size(folder: Path, size: int) -> None:
    content = json.loads((folder / MANIFEST_FILE).read_text())
    content["files"][0]["bytes"] = size
    (folder / MANIFEST_FILE).write_text(json.dumps(content))


def link(folder: Path) -> None:
    (folder / "config.json").rename(folder.parent / "config.json")
    (folder / "config.json").symlink_to(folder.parent / "config.json")


def flip_a_weight(folder: Path) -> None:
    data = bytearray((folder / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (folder / "model.safetensors").write_bytes(data)


BAD: list[tuple[Callable[[Path], object], str, str]] = [
    (lambda f: (f / "pytorch_model.bin").write_bytes(pickle.dumps(print)), "model_has_pickle", "a pickle beside it"),
    (lambda f: (f / "X.PT").write_bytes(b""), "model_has_pickle", "a pickle in capitals"),
    (lambda f: (f / "sub").mkdir() or (f / "sub" / "a.pkl").touch(), "model_has_pickle", "a pickle in a folder below"),
    (lambda f: (f / "modeling_x.py").write_text("1"), "model_has_code", "code of its own"),
    (lambda f: change_json(f / "config.json", auto_map={"AutoModel": "x.Y"}), "model_has_code", "asks for remote code"),
    (lambda f: change_json(f / "tokenizer_config.json", auto_map={}), "model_has_code", "a tokenizer that asks for it"),
    (link, "model_path_unsafe", "a link to a file outside"),
    (lambda f: (f / "extra").symlink_to("/"), "model_path_unsafe", "a link to a folder outside"),
    (lambda f: os.mkfifo(f / "model2.safetensors"), "model_path_unsafe", "a pipe"),
    (lambda f: change_listed_path(f, "../config.json"), "model_path_unsafe", "a manifest that climbs out"),
    (lambda f: change_listed_path(f, "/etc/passwd"), "model_path_unsafe", "a manifest with an absolute path"),
    (flip_a_weight, "model_hash_wrong", "one bit of the weights"),
    (lambda f: (f / "chat_template.jinja").write_text("x"), "model_hash_wrong", "another template"),
    (lambda f: (f / "chat_template.jinja").unlink(), "model_hash_wrong", "a file less"),
    (lambda f: (f / "more.safetensors").write_bytes(b"x"), "model_hash_wrong", "weights that are not listed"),
    (lambda f: change_json(f / MANIFEST_FILE, max_context=9), "model_hash_wrong", "another limit"),
    (lambda f: change_json(f / MANIFEST_FILE, content_hash="00" * 32), "model_manifest_invalid", "another hash"),
    (lambda f: change_json(f / MANIFEST_FILE, files=7), "model_manifest_invalid", "no list of files"),
    (lambda f: change_json(f / MANIFEST_FILE, name="../x"), "model_name_invalid", "a name that climbs out"),
    (lambda f: (f / MANIFEST_FILE).write_text("[" * 100_000), "model_manifest_invalid", "deep JSON"),
    (lambda f: (f / MANIFEST_FILE).unlink(), "model_missing", "no manifest"),
    (lambda f: (f / "tokenizer.json").unlink(), "model_incomplete", "no tokenizer"),
    (lambda f: (f / "model.safetensors").unlink(), "model_incomplete", "no weights"),
    (lambda f: change_json(f / "config.json", model_type="mamba"), "model_unsupported", "an unknown family"),
    (lambda f: change_json(f / "config.json", max_position_embeddings="x"), "model_unsupported", "no limit"),
    (lambda f: change_json(f / "config.json", vocab_size=True), "model_unsupported", "a limit that is no number"),
    (lambda f: change_json(f / "config.json", vocab_size=10**30), "model_unsupported", "a limit that nothing has"),
    (lambda f: change_json(f / "config.json", model_type="mistral"), "model_unsupported", "a window that goes unsaid"),
    (lambda f: (f / "additional_chat_templates").mkdir(), "model_hash_wrong", "templates that are not listed"),
    (lambda f: (f / "adapter_config.json").touch(), "model_hash_wrong", "an adapter that is not listed"),
    (lambda f: change_json(f / MANIFEST_FILE, max_context=float("inf")), "model_manifest_invalid", "an endless limit"),
    (lambda f: change_listed_path(f, "\ud800"), "model_manifest_invalid", "a path that is no text"),
    (lambda f: change_listed_size(f, -1), "model_manifest_invalid", "a size below nothing"),
]


@pytest.mark.parametrize(("break_it", "code"), [pytest.param(b, c, id=words) for b, c, words in BAD])
def test_verify_model__something_is_wrong__is_refused(
    folder: Path, break_it: Callable[[Path], object], code: str
) -> None:
    verify_model(folder)
    break_it(folder)
    with pytest.raises(SidecarError) as refused:
        verify_model(folder)
    assert refused.value.code == code


OF_WEIGHTS = {"one bit of the weights", "weights that are not listed", "no weights"}


@pytest.mark.parametrize(("break_it", "code"), [pytest.param(b, c, id=w) for b, c, w in BAD if w not in OF_WEIGHTS])
def test_verify_rendering__anything_but_the_weights_is_wrong__is_refused(
    folder: Path, break_it: Callable[[Path], object], code: str
) -> None:
    (folder / "model.safetensors").unlink()
    assert verify_rendering(folder) == read_manifest(folder)
    break_it(folder)
    with pytest.raises(SidecarError) as refused:
        verify_rendering(folder)
    assert refused.value.code == code


@pytest.mark.parametrize("break_it", [pytest.param(b, id=words) for b, _, words in BAD if words in OF_WEIGHTS])
def test_verify_rendering__weights__are_not_looked_at(folder: Path, break_it: Callable[[Path], object]) -> None:
    break_it(folder)
    assert verify_rendering(folder) == read_manifest(folder)


def test_build_manifest__the_same_contents_elsewhere__the_same_hashes(tmp_path: Path) -> None:
    one, other = make_tiny_model(tmp_path / "a", "one"), make_tiny_model(tmp_path / "b", "other")
    assert build_manifest("x", one) == build_manifest("x", other)
    assert read_manifest(one).content_hash == read_manifest(other).content_hash


def test_content_hash__another_template__only_the_tokenizers_hash_changes(folder: Path) -> None:
    before = read_manifest(folder)
    (folder / "chat_template.jinja").write_text("x")
    after = build_manifest("tiny", folder)
    assert after.content_hash == before.content_hash
    assert after.tokenizer_hash != before.tokenizer_hash


def test_list_files__a_readme_beside__is_no_part_of_the_model(folder: Path) -> None:
    before = list_files(folder)
    (folder / "README.md").write_text("x")
    assert list_files(folder) == before
    assert MANIFEST_FILE not in before


def test_find_models__folders_without_a_manifest__are_passed_over(folder: Path) -> None:
    (folder.parent / ".import-x").mkdir()
    assert [manifest.name for manifest in find_models(folder.parent)] == ["tiny"]
    assert find_models(folder.parent / "nowhere") == ()
