"""The questions of the study."""

import itertools

from detection.prompts import SUBJECTS, TASKS, list_prompts


def test_list_prompts__all__are_different_and_neighbours_share_neither_task_nor_subject() -> None:
    prompts = list_prompts()
    assert len(set(prompts)) == len(prompts) == len(TASKS) * len(SUBJECTS)
    pairs = [
        [(task, subject) for task in TASKS for subject in SUBJECTS if task.format(subject) == p] for p in prompts[:40]
    ]
    for (before,), (after,) in itertools.pairwise(pairs):
        assert before[0] != after[0]
        assert before[1] != after[1]
