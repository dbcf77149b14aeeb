"""What a model folder holds: the files that may be in it, their hashes, and the manifest that lists them.

Nothing here imports torch.  Weights are safetensors and nothing else; a folder with a pickle, with Python, with links
or with paths that climb out is refused, whether it is imported or served.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any, Final, TypeGuard

from rules.models import ModelFile, compute_content_hash, compute_tokenizer_hash
from sidecar.errors import SidecarError

MANIFEST_FILE: Final = "manifest.json"
TOKENIZER_FILES: Final = (
    "added_tokens.json",
    "chat_template.jinja",
    "merges.txt",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.json",
)
CONTENT_FILES: Final = ("config.json", "generation_config.json", "model.safetensors.index.json")
PICKLES: Final = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib", ".npy", ".npz", ".h5", ".msgpack")
CODE: Final = (".py", ".pyc", ".so", ".dll", ".dylib", ".sh")
UNLISTED: Final = ("additional_chat_templates", "chat_template.json", "adapter_config.json")
"""What a loader reads wherever it finds it, though no manifest lists it."""
LARGEST: Final = 1 << 31
REQUIRED: Final = ("config.json", "tokenizer.json")
FAMILIES: Final = ("llama", "mistral", "qwen2", "qwen3")
"""`model_type`s that the embedded engine computes exactly: rotary positions, full causal attention."""
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_WEIGHTS: Final = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.safetensors")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A model on disk.  `max_context` counts prompt and answer together, `vocabulary` the logits of a position."""

    name: str
    max_context: int
    vocabulary: int
    files: tuple[ModelFile, ...]

    @property
    def content_hash(self) -> bytes:
        """Names weights and configuration."""
        return compute_content_hash(file for file in self.files if file.path not in TOKENIZER_FILES)

    @property
    def tokenizer_hash(self) -> bytes:
        """Names tokenizer and chat template."""
        return compute_tokenizer_hash(file for file in self.files if file.path in TOKENIZER_FILES)


def check_name(name: str) -> str:
    """A name as it is: 1 to 64 of a-z, 0-9, dot, dash and underscore, a letter or digit first.  model_name_invalid."""
    if not _NAME.fullmatch(name):
        raise SidecarError("model_name_invalid", f"{name[:80]!r}")
    return name


def list_files(folder: Path) -> tuple[str, ...]:
    """The files of a model folder that make up the model, in order; others are not looked at.

    Raises model_missing, model_path_unsafe, model_has_pickle, model_has_code, model_incomplete.
    """
    wanted = _list_present(folder)
    if not any(name.endswith(".safetensors") for name in wanted):
        raise SidecarError("model_incomplete", f"{folder} lacks safetensors")
    return wanted


def _list_present(folder: Path) -> tuple[str, ...]:
    """The same, where weights may be missing."""
    if folder.is_symlink() or not folder.is_dir():
        raise SidecarError("model_missing", f"{folder} is no folder")
    for path in sorted(folder.rglob("*")):
        _check_path(path, path.relative_to(folder))
    names = sorted(path.name for path in folder.iterdir() if path.is_file())
    wanted = tuple(n for n in names if n in TOKENIZER_FILES or n in CONTENT_FILES or _WEIGHTS.fullmatch(n))
    missing = [name for name in REQUIRED if name not in wanted]
    if missing:
        raise SidecarError("model_incomplete", f"{folder} lacks {', '.join(missing)}")
    for name in wanted:
        if name.endswith(".json") and name not in {"tokenizer.json", "vocab.json"}:
            _check_remote_code(folder / name)
    return wanted


def build_manifest(name: str, folder: Path) -> Manifest:
    """The manifest of a checked folder, with every file read and hashed.

    Raises what `list_files` does, model_unsupported, model_hash_wrong.
    """
    files = tuple(_measure(folder, path) for path in list_files(folder))
    _check_unlisted(folder)
    return _describe(name, folder, files)


def _describe(name: str, folder: Path, files: tuple[ModelFile, ...]) -> Manifest:
    config = read_json(folder / "config.json")
    family, max_context, vocabulary = (
        config.get("model_type"),
        config.get("max_position_embeddings"),
        config.get("vocab_size"),
    )
    slides = config.get("use_sliding_window") or (family == "mistral" and config.get("sliding_window", True))
    if family not in FAMILIES or slides:
        raise SidecarError("model_unsupported", f"{family!r}; known, with full attention: {', '.join(FAMILIES)}")
    if not _is_count(max_context) or not _is_count(vocabulary):
        raise SidecarError("model_unsupported", "config.json names no max_position_embeddings and vocab_size")
    return Manifest(name=name, max_context=max_context, vocabulary=vocabulary, files=files)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Leave the manifest in its folder; a folder without one is no model yet."""
    content = {
        "name": manifest.name,
        "content_hash": manifest.content_hash.hex(),
        "tokenizer_hash": manifest.tokenizer_hash.hex(),
        "max_context": manifest.max_context,
        "vocabulary": manifest.vocabulary,
        "files": [{"path": f.path, "bytes": f.size, "sha256": f.sha256.hex()} for f in manifest.files],
    }
    (folder / MANIFEST_FILE).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> Manifest:
    """The manifest as it stands in a folder; no file is compared with it.

    Raises model_missing, model_manifest_invalid, model_path_unsafe.
    """
    if not (folder / MANIFEST_FILE).is_file():
        raise SidecarError("model_missing", f"{folder} has no {MANIFEST_FILE}")
    content = read_json(folder / MANIFEST_FILE)
    try:
        said = content["content_hash"], content["tokenizer_hash"]
        manifest = Manifest(
            name=check_name(content["name"]),
            max_context=int(content["max_context"]),
            vocabulary=int(content["vocabulary"]),
            files=tuple(_read_entry(folder, entry) for entry in content["files"]),
        )
        hashes = manifest.content_hash.hex(), manifest.tokenizer_hash.hex()
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise SidecarError("model_manifest_invalid", f"{folder / MANIFEST_FILE}: {error!r}") from error
    if said != hashes:
        raise SidecarError("model_manifest_invalid", f"{folder / MANIFEST_FILE}: its hashes are not of its files")
    return manifest


def verify_model(folder: Path) -> Manifest:
    """The manifest, after every file was read and found to be the one it lists, and no other file counts.

    Raises what `read_manifest` and `build_manifest` do, model_hash_wrong.
    """
    said = read_manifest(folder)
    found = build_manifest(said.name, folder)
    if found != said:
        wrong = sorted({file.path for file in {*found.files} ^ {*said.files}})
        raise SidecarError("model_hash_wrong", f"{folder}: {', '.join(wrong) or 'limits'} differ from the manifest")
    return found


def verify_rendering(folder: Path) -> Manifest:
    """The manifest, after every file but the weights was read and found to be the one it lists.

    The weights need not be there: prompts do not depend on them.  Raises what `verify_model` does.
    """
    said = read_manifest(folder)
    listed = {file for file in said.files if not file.path.endswith(".safetensors")}
    found = {_measure(folder, path) for path in _list_present(folder) if not path.endswith(".safetensors")}
    _check_unlisted(folder)
    if _describe(said.name, folder, said.files) != said or found != listed:
        wrong = sorted({file.path for file in found ^ listed})
        raise SidecarError("model_hash_wrong", f"{folder}: {', '.join(wrong) or 'limits'} differ from the manifest")
    return said


def find_models(models: Path) -> tuple[Manifest, ...]:
    """The manifests in a folder of models, by name.  Raises what `read_manifest` does."""
    if not models.is_dir():
        return ()
    folders = sorted(path for path in models.iterdir() if (path / MANIFEST_FILE).is_file())
    return tuple(read_manifest(folder) for folder in folders)


def read_ends(folder: Path) -> frozenset[int]:
    """The tokens that end a model's answers.  Raises model_manifest_invalid."""
    found = read_json(folder / "config.json").get("eos_token_id")
    if (folder / "generation_config.json").is_file():
        found = read_json(folder / "generation_config.json").get("eos_token_id", found)
    tokens = [found] if isinstance(found, int) else found or []
    return frozenset(token for token in tokens if isinstance(token, int))


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.  Raises model_manifest_invalid."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise SidecarError("model_manifest_invalid", f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise SidecarError("model_manifest_invalid", f"{path} is no JSON object")
    return content


def check_files(names: Iterable[str]) -> None:
    """Raises model_has_pickle or model_has_code for the first such name."""
    for name in names:
        suffix = Path(name).suffix.lower()
        if suffix in PICKLES:
            raise SidecarError("model_has_pickle", name)
        if suffix in CODE:
            raise SidecarError("model_has_code", name)


def _check_path(path: Path, relative: Path) -> None:
    if path.is_symlink() or not (path.is_file() or path.is_dir()):
        raise SidecarError("model_path_unsafe", f"{relative} is a link or no plain file")
    if path.is_file():
        check_files([str(relative)])


def _check_unlisted(folder: Path) -> None:
    """Raises model_hash_wrong for what would be read and that no hash names."""
    found = [name for name in UNLISTED if (folder / name).exists()]
    if found:
        raise SidecarError("model_hash_wrong", f"{folder}: {', '.join(found)} would be read, and no manifest lists it")


def _is_count(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 < value < LARGEST


def _check_remote_code(path: Path) -> None:
    content = read_json(path)
    if "auto_map" in content or "custom_pipelines" in content or "trust_remote_code" in content:
        raise SidecarError("model_has_code", f"{path.name} asks for code of its own")


def _measure(folder: Path, path: str) -> ModelFile:
    with (folder / path).open("rb") as stream:
        digest = file_digest(stream, "sha256").digest()
        return ModelFile(path=path, size=stream.tell(), sha256=digest)


def _read_entry(folder: Path, entry: Mapping[str, Any]) -> ModelFile:
    path = entry["path"]
    if not isinstance(path, str) or Path(path).name != path or path in {"", ".", ".."}:
        raise SidecarError("model_path_unsafe", f"{folder / MANIFEST_FILE} lists {path!r}")
    return ModelFile(path=path, size=int(entry["bytes"]), sha256=bytes.fromhex(entry["sha256"]))
