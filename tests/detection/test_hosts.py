"""Cheats do what they are called."""

import torch

from detection.hosts import CHEATS, GROUP, HONEST, VERIFIERS, Cheat, quantise


def test_quantise__to_seven_steps_either_way__groups_have_fifteen_values_and_the_largest_stays() -> None:
    weight = torch.randn((3, 2 * GROUP), generator=torch.Generator().manual_seed(1))
    rounded = quantise(weight, 7)
    groups = rounded.reshape(-1, GROUP)
    largest = weight.reshape(-1, GROUP).abs().amax(1)
    assert all(len(group.unique()) <= 15 for group in groups)
    assert torch.allclose(groups.abs().amax(1), largest)
    assert (rounded - weight).abs().max() <= (largest / 14 * 1.001).max()


def test_hosts__of_the_study__have_names_of_their_own_and_every_cheat_is_tried() -> None:
    names = [host.name for host in (*HONEST, *CHEATS)]
    assert len(set(names)) == len(names)
    assert {host.cheat for host in CHEATS} == set(Cheat) - {Cheat.NONE}
    assert {host.dtype for host in HONEST} == {host.dtype for host in VERIFIERS} == {torch.float32, torch.bfloat16}
