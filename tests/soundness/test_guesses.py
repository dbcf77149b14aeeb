from __future__ import annotations

import numpy as np

from pow_kernels.spec import TINY
from pow_kernels.sprint import SprintFunction
from soundness.experiment import FREE, HOST, SEED
from soundness.guesses import LEARNT, measure_guesses
from soundness.variants import TRUE


def test_measure_guesses__tiny__has_the_scores_of_the_hits_and_every_guess_twice() -> None:
    usual, known = measure_guesses(TINY, 512)
    function = SprintFunction.open(sprint_seed=SEED, profile=TINY, host=HOST, backend="int8")
    hits = [n - LEARNT for n in function.search(LEARNT, 512).nonce]
    assert np.flatnonzero(usual[TRUE.name]["score"] > (TINY.cos2_q64 / 2**64) ** 0.5).tolist() == hits
    assert set(usual) == set(known) == {TRUE.name, *FREE}
    assert not np.allclose(usual[TRUE.name]["score"], known[TRUE.name]["score"])
    assert all(len(column) == 512 for columns in usual.values() for column in columns.values())
