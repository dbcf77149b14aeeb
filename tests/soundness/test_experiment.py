from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pow_kernels.spec import DEV32, TINY
from soundness.experiment import open_experiment, open_unsigned

FIRST = "first token only"


@pytest.mark.parametrize(("strong", "low", "high"), [(False, 0.05, 0.2), (True, 0.7, 1.0)])
def test_open_unsigned__first_token__knows_more_the_stronger_attention_is(
    strong: bool, low: float, high: float, tmp_path: Path
) -> None:
    experiment = open_unsigned(DEV32, 32, strong=strong)
    assert low < experiment.measure(tmp_path, 32)[FIRST]["correlation"].mean() < high
    signed = replace(experiment, name="signed", signed=True)
    assert abs(signed.measure(tmp_path, 32)[FIRST]["correlation"].mean()) < 0.05


def test_measure__a_run_that_was_stopped__goes_on_with_the_chunks_it_kept(tmp_path: Path) -> None:
    experiment = open_experiment(TINY, 8)
    first = experiment.measure(tmp_path, 8)
    (tmp_path / "tiny" / "8.part.npz").write_bytes(b"half a chunk")
    both = experiment.measure(tmp_path, 16)
    assert both[FIRST]["score"][:8].tolist() == first[FIRST]["score"].tolist()
    assert len(both[FIRST]["score"]) == 16
