"""Every kernel compiles for the cards it is meant for, though none is here: the compiler needs no card."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
import sys
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from pow_kernels.spec import PROFILES
from pow_kernels.triton import acceptance, attention, gate, norm, product, sha256, stream, tuning

def multiply(even):
    return [(kernel, "*i8 *i8 *i8 i32 I32 I32 i32 i32 i32", dict(EVEN=even, BLOCK_M=tile.m, BLOCK_N=tile.n,
             BLOCK_K=tile.k), dict(num_warps=tile.warps, num_stages=tile.stages))
            for kernel in (product.multiply, gate.multiply_gated) for tile in tuning.TILES]

KERNELS = [
    *multiply(True), *multiply(False)[-1:],
    (norm.add_and_norm, "*i16 *i8 *i8 i32", dict(GAIN=8, WIDTH=512, DIVIDEND=512 << 42, RADICAND_LIMIT=1 << 34,
     SHIFT=16, LIMIT=127, BLOCK_ROWS=4, BLOCK_D=512), {}),
    *[(attention.attend, "*i8 *i8 *i8 *i8 *i8 I32 i32", attention.build_constants(profile, asking), {})
      for profile in PROFILES.values() for asking in (profile.tokens - 1, 1)],
    (stream.draw, "*i32 *i64 *i32 i32 i32", dict(NIBBLES=True, LANES=128), {}),
    (stream.draw, "*i32 *i64 *i32 i32 i32", dict(NIBBLES=False, LANES=128), {}),
    (sha256.compress, "*i32 *i32 *i32 *i32 i32 i32", dict(LANES=64), {}),
    (acceptance.judge, "*i8 *i32 *i8 *i64 *i64 *i64 *i8", dict(OUTPUTS=8192, LOW_BITS=6, HIGH_BITS=7, ROUNDS=6),
     dict(num_warps=16)),
]
for kernel, types, constants, options in KERNELS:
    free = [name for name in kernel.arg_names if name not in constants]
    given = dict(zip(free, types.split(), strict=True))
    signature = {name: given[name].lower() if name in given else "constexpr" for name in kernel.arg_names}
    place = kernel.arg_names.index
    aligned = [name for name, kind in given.items() if kind[0] in "*I"]  # as the launcher finds them: multiples of 16
    source = ASTSource(fn=kernel, signature=signature, constexprs={(place(n),): v for n, v in constants.items()},
                       attrs={(place(name),): [["tt.divisibility", 16]] for name in aligned})
    compiled = triton.compile(source, target=GPUTarget("cuda", int(sys.argv[1]), 32), options=options)
    print(kernel.__name__, len(compiled.asm["cubin"]), "s32.s8.s8" in compiled.asm["ptx"], compiled.metadata.shared)
"""
SHARED_BYTES = {"80": 163 << 10, "90": 227 << 10}
"""What a program can have of a card's shared memory.  Source: CUDA C++ Programming Guide, "Compute Capabilities"."""


@pytest.mark.slow
@pytest.mark.parametrize("capability", ["80", "90"])
def test_kernels__card_that_is_not_here__compile_and_use_its_int8_units(capability: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    command = [sys.executable, "-c", PROGRAM, capability]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert all(int(size) > 1000 for _, size, _, _ in rows)
    assert {name for name, _, on_units, _ in rows if on_units == "True"} == {"multiply", "multiply_gated", "attend"}
    assert all(int(shared) <= SHARED_BYTES[capability] for _, _, _, shared in rows)
