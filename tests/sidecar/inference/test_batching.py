"""Which tokens are computed next."""

from dataclasses import replace

import pytest

from sidecar.inference.batching import CHUNK, Span, Standing, is_waiting, plan_step

FRESH = Standing(key=1, prompt=10, known=10, computed=0, allowance=100)
RUNNING = Standing(key=2, prompt=10, known=14, computed=13, allowance=100)


@pytest.mark.parametrize(
    ("standings", "spans"),
    [
        pytest.param([], [], id="nothing to do"),
        pytest.param([FRESH], [(1, 0, 10, True)], id="a short prompt in one go, which draws the first token"),
        pytest.param([RUNNING], [(2, 13, 1, True)], id="an answer goes on by one token"),
        pytest.param([replace(FRESH, prompt=300, known=300, allowance=999)], [(1, 0, CHUNK, False)], id="a long one"),
        pytest.param([FRESH, RUNNING], [(1, 0, 10, True), (2, 13, 1, True)], id="prompt and answer together"),
        pytest.param([replace(FRESH, allowance=4)], [(1, 0, 4, False)], id="a prompt up to the allowance"),
        pytest.param([replace(FRESH, allowance=10)], [(1, 0, 9, False)], id="the last token of a prompt draws"),
        pytest.param([replace(FRESH, allowance=11)], [(1, 0, 10, True)], id="room for the prompt and one token"),
        pytest.param([replace(RUNNING, allowance=14)], [], id="an answer that used up its allowance"),
        pytest.param([replace(RUNNING, allowance=15)], [(2, 13, 1, True)], id="one more"),
        pytest.param([replace(FRESH, allowance=0)], [], id="no allowance"),
    ],
)
def test_plan_step(standings: list[Standing], spans: list[tuple[int, int, int, bool]]) -> None:
    wanted = tuple(Span(key=key, first=first, count=count, draws=draws) for key, first, count, draws in spans)
    assert plan_step(standings) == wanted


def test_plan_step__many_long_prompts__share_one_chunk_and_delay_no_answer() -> None:
    prompts = [Standing(key=key, prompt=100, known=100, computed=0, allowance=999) for key in range(3)]
    spans = plan_step([*prompts, RUNNING])
    assert [(span.key, span.count, span.draws) for span in spans] == [(0, 100, True), (1, 28, False), (2, 1, True)]


@pytest.mark.parametrize("allowance", range(1, 40))
@pytest.mark.parametrize("prompt", [1, 2, 7, 130])
def test_plan_step__repeated_until_it_waits__does_all_work_allowed_and_no_more(prompt: int, allowance: int) -> None:
    standing = Standing(key=1, prompt=prompt, known=prompt, computed=0, allowance=allowance)
    while not is_waiting(standing):
        (span,) = plan_step([standing])
        standing = replace(standing, computed=span.first + span.count, known=standing.known + span.draws)
    assert plan_step([standing]) == ()
    work = min(standing.computed, prompt) + standing.known - prompt
    assert work <= allowance
    assert work == allowance or allowance == prompt
