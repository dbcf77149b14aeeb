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
from pow_kernels.triton import acceptance, attention, gate, norm, product, sha256, stream

PRODUCT = dict(ROW_CLASS=12, OUTPUTS=2048, INNER=512, MULTIPLIER=43, SHIFT=12, LIMIT=127,
               BLOCK_M=128, BLOCK_N=128, BLOCK_K=64)
KERNELS = (
    (product.multiply.fn, "*i8 *i8 *i8 i32", PRODUCT),
    (gate.multiply_gated.fn, "*i8 *i8 *i8 i32", PRODUCT),
    (norm.add_and_norm, "*i16 *i8 *i8 i32", dict(GAIN=8, WIDTH=512, DIVIDEND=512 << 42, RADICAND_LIMIT=1 << 34,
     SHIFT=16, LIMIT=127, BLOCK_ROWS=4, BLOCK_D=512)),
    (attention.attend, "*i8 *i8 *i8 *i8 *i32 i32", dict(ASKING=3, TOKENS=4, HEADS=128, HEAD_DIM=88, MULTIPLIER=39,
     SHIFT=13, BLOCK_Q=16, BLOCK_J=32, BLOCK_E=128)),
    (stream.draw, "*i32 *i64 *i32 i32 i32", dict(NIBBLES=True, LANES=128)),
    (stream.draw, "*i32 *i64 *i32 i32 i32", dict(NIBBLES=False, LANES=128)),
    (sha256.compress, "*i32 *i32 *i32 *i32 i32 i32", dict(LANES=64)),
    (acceptance.judge, "*i8 *i32 *i8 *i64 *i64 *i64 *i8", dict(OUTPUTS=8192, LOW_BITS=6, HIGH_BITS=7, ROUNDS=6)),
)
for kernel, types, constants in KERNELS:
    free = [name for name in kernel.arg_names if name not in constants]
    signature = dict(zip(free, types.split(), strict=True)) | dict.fromkeys(constants, "constexpr")
    source = ASTSource(fn=kernel, signature={name: signature[name] for name in kernel.arg_names}, constexprs={
        (kernel.arg_names.index(name),): value for name, value in constants.items()})
    compiled = triton.compile(source, target=GPUTarget("cuda", int(sys.argv[1]), 32))
    print(kernel.__name__, len(compiled.asm["cubin"]), "s32.s8.s8" in compiled.asm["ptx"])
"""


@pytest.mark.slow
@pytest.mark.parametrize("capability", ["80", "90"])
def test_kernels__card_that_is_not_here__compile_and_use_its_int8_units(capability: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    command = [sys.executable, "-c", PROGRAM, capability]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert all(int(size) > 1000 for _, size, _ in rows)
    assert {name for name, _, on_units in rows if on_units == "True"} == {"multiply", "multiply_gated", "attend"}
