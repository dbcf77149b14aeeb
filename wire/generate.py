"""Generates wire/gonka from proto/.  `make proto` runs it; `--check` fails when the committed code is stale."""

from __future__ import annotations

import argparse
import filecmp
import shutil
import sys
import tempfile
from importlib import import_module
from pathlib import Path

from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from grpc_tools import protoc

import wire  # noqa: F401  # makes the Cosmos messages importable

ROOT = Path(__file__).resolve().parent.parent
IMPORTED = [
    "amino.amino_pb2",
    "cosmos.base.query.v1beta1.pagination_pb2",
    "cosmos.msg.v1.msg_pb2",
    "google.api.annotations_pb2",
    "google.protobuf.any_pb2",
    "google.protobuf.field_mask_pb2",
]


def write_descriptor_set(path: Path) -> None:
    """Writes what our .proto files import, with everything that imports in turn, as one FileDescriptorSet."""
    found: dict[str, bytes] = {}

    def add(descriptor: FileDescriptor) -> None:
        for dependency in descriptor.dependencies:
            add(dependency)
        found.setdefault(descriptor.name, descriptor.serialized_pb)

    for name in IMPORTED:
        add(import_module(name).DESCRIPTOR)
    path.write_bytes(
        FileDescriptorSet(file=[FileDescriptorProto.FromString(b) for b in found.values()]).SerializeToString()
    )


def generate(target: Path) -> None:
    """Generates messages, type stubs and gRPC stubs under `target`/wire/gonka, with the packages' `__init__.py`."""
    sources = sorted((ROOT / "proto" / "wire").rglob("*.proto"))
    includes = target / "imports.binpb"
    write_descriptor_set(includes)
    arguments = [
        "protoc",
        f"--proto_path={ROOT / 'proto'}",
        f"--descriptor_set_in={includes}",
        f"--python_out={target}",
        f"--pyi_out={target}",
    ]
    if protoc.main([*arguments, *map(str, sources)]) != 0:
        raise SystemExit("protoc failed")
    services = [s for s in sources if b"\nservice " in s.read_bytes()]
    if protoc.main([*arguments[:3], f"--grpc_python_out={target}", *map(str, services)]) != 0:
        raise SystemExit("protoc failed")
    includes.unlink()
    for folder in [target / "wire" / "gonka", *(target / "wire" / "gonka").rglob("*")]:
        if folder.is_dir():
            (folder / "__init__.py").touch()


def list_files(tree: Path) -> list[Path]:
    """The source files under `tree`, sorted, relative to it; the interpreter's caches left out."""
    return sorted(p.relative_to(tree) for p in tree.rglob("*.py*") if "__pycache__" not in p.parts)


def is_fresh(generated: Path, committed: Path) -> bool:
    """True when both trees hold the same files with the same bytes."""
    names = list_files(generated)
    return names == list_files(committed) and all(
        filecmp.cmp(generated / n, committed / n, shallow=False) for n in names
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when wire/gonka is stale")
    check = parser.parse_args().check
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        generated, committed = Path(folder) / "wire" / "gonka", ROOT / "wire" / "gonka"
        if check:
            if not is_fresh(generated, committed):
                sys.exit("wire/gonka is stale: run `make proto` and commit the result")
            return
        shutil.rmtree(committed, ignore_errors=True)
        shutil.copytree(generated, committed)


if __name__ == "__main__":
    main()
