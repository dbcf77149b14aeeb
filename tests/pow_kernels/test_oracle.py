from __future__ import annotations

from hashlib import sha256
from typing import Any

import numpy as np
import pytest

from pow_kernels import oracle, spec
from pow_kernels.oracle import Oracle
from pow_kernels.spec import get_profile


def open_case(case: dict[str, Any]) -> Oracle:
    return Oracle(get_profile(case["profile"]), bytes.fromhex(case["sprint_seed"]), bytes.fromhex(case["host"]))


def digest_of_int8(values: oracle.Int) -> str:
    return sha256(values.astype(np.int8).tobytes()).hexdigest()


def test_evaluate__golden_case__gives_every_value_of_it(case: dict[str, Any]) -> None:
    results = open_case(case).evaluate([row["nonce"] for row in case["nonces"]])
    rows = [
        {"nonce": r.nonce, "tag": r.digest[:8].hex(), "dot": r.dot, "norm2": r.norm2, "accepted": r.accepted}
        for r in results
    ]
    assert rows == case["nonces"]
    assert sha256(results[0].output).hexdigest() == case["output_nonce0_sha256"]


def test_streams__golden_case__are_the_published_tensors(case: dict[str, Any]) -> None:
    function = open_case(case)
    profile = function.profile
    assert function.weights_key.hex() == case["weights_key"]
    assert function.target_key.hex() == case["target_key"]
    assert function.inputs_key.hex() == case["inputs_key"]
    head_VD = oracle.weight_stream(function.weights_key, spec.HEAD_TENSOR, profile.outputs, profile.width)
    assert digest_of_int8(head_VD) == case["head_sha256"]
    assert digest_of_int8(oracle.draw_layer(profile, function.weights_key, 0).q) == case["layer0_q_sha256"]
    assert digest_of_int8(oracle.int8_stream(function.target_key, 0, profile.outputs)) == case["target_sha256"]
    inputs = oracle.int8_stream(function.inputs_key, 0, profile.tokens * profile.width)
    assert digest_of_int8(inputs) == case["input_nonce0_sha256"]


def test_key_stream__zero_key_and_nonce__is_the_published_chacha20_block() -> None:
    expected = (
        "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
        "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586"
    )
    assert oracle.key_stream(bytes(32), 0, 64).tobytes().hex() == expected


def test_requantise__halves_and_limits__round_up_and_clamp() -> None:
    a = np.array([-3, -2, -1, 0, 1, 2, 3, 5000, -5000])
    assert oracle.requantise(a, spec.Scale(1, 1)).tolist() == [-1, -1, 0, 0, 1, 1, 2, 127, -127]


def test_norm__all_zero_row__stays_zero() -> None:
    assert not oracle.norm(np.zeros((2, 64), dtype=np.int64)).any()


@pytest.mark.parametrize("outputs", [4, 256, 2048, 8192])
def test_permutation__any_key__is_a_bijection(outputs: int) -> None:
    digest = sha256(str(outputs).encode()).digest()
    images = oracle.permutation(outputs, digest)
    assert sorted(images) == list(range(outputs))
    assert images != list(range(outputs))
