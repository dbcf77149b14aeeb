"""Which engines there are, and which takes a request."""

from pathlib import Path

import pytest

from sidecar.config import read_config
from sidecar.errors import SidecarError
from sidecar.inference.roster import Roster, build_engines


def build(models: Path, *devices: str, **settings: str) -> Roster:
    config = read_config({"models": str(models), **settings}, {}, models)
    return Roster(build_engines(config, devices, 1, lambda: None))


def test_build_engines__all_models_on_two_devices__one_engine_each(models: Path) -> None:
    roster = build(models, "cuda:0", "cuda:1", "cuda:1")
    found = [(engine.spec.manifest.name, engine.spec.device) for engine in roster.engines]
    assert found == [("other", "cuda:0"), ("other", "cuda:1"), ("tiny", "cuda:0"), ("tiny", "cuda:1")]


def test_build_engines__one_is_named__only_that(models: Path) -> None:
    assert [engine.spec.manifest.name for engine in build(models, "cpu", model="tiny").engines] == ["tiny"]


def test_build_engines__no_folder_of_models__none(models: Path) -> None:
    assert build_engines(read_config({}, {}, models), ("cpu",), 1, lambda: None) == []


@pytest.mark.parametrize("settings", [{"model": "nobody"}, {"model": "tiny,nobody"}])
def test_build_engines__a_name_that_is_not_there__is_refused(models: Path, settings: dict[str, str]) -> None:
    with pytest.raises(SidecarError) as refused:
        build(models, "cpu", **settings)
    assert (refused.value.code, "nobody" in refused.value.detail) == ("model_missing", True)


def test_build_engines__an_empty_folder__is_refused(tmp_path: Path) -> None:
    with pytest.raises(SidecarError) as refused:
        build(tmp_path, "cpu")
    assert refused.value.code == "model_missing"


def test_find__two_devices__the_one_with_fewer_requests(models: Path) -> None:
    roster = build(models, "cuda:0", "cuda:1", model="tiny")
    content_hash = roster.engines[0].spec.manifest.content_hash
    assert roster.find(content_hash) is roster.engines[0]
    roster.engines[0]._questions[-1] = None  # type: ignore[attr-defined]
    assert roster.find(content_hash) is roster.engines[1]


def test_find__another_hash__is_refused(models: Path) -> None:
    with pytest.raises(SidecarError) as refused:
        build(models, "cpu").find(bytes(32))
    assert refused.value.code == "model_not_served"


def test_wants_device__nobody_asks__no_device_is_wanted(models: Path) -> None:
    assert not build(models, "cpu").wants_device("cpu")
