from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from math import inf
from pathlib import Path

import pytest

from pow_kernels.backends import BackendError
from pow_kernels.triton.tuning import TILES, Tile, classify, find_tile, keep_tile, read_tile


class Bench:
    """Milliseconds by tile; what is not listed does not fit."""

    def __init__(self, *times_ms: float) -> None:
        self.times_ms = dict(zip(TILES, times_ms, strict=False))
        self.measured: list[Tile] = []

    def __call__(self, tile: Tile) -> float:
        self.measured.append(tile)
        return self.times_ms.get(tile, inf)


def test_find_tile__nothing_kept__is_the_fastest_that_fits_and_is_measured_once(tmp_path: Path) -> None:
    path, bench = tmp_path / "cache" / "tile.json", Bench(3.0, inf, 2.0)
    assert find_tile(path, bench) == TILES[2]
    assert bench.measured == list(TILES)
    again = Bench(1.0)
    assert find_tile(path, again) == TILES[2]
    assert again.measured == []


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"3", b"\xff\xfe", b'{"m": 1}', b'{"m": 1, "n": 1, "k": 1, "warps": 1, "stages": 1}', b"null"],
)
def test_find_tile__file_that_holds_no_tile_of_ours__measures_again_and_mends_it(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "tile.json"
    path.write_bytes(content)
    assert find_tile(path, Bench(5.0, 4.0)) == TILES[1]
    assert read_tile(path) == TILES[1]


def test_find_tile__no_tile_fits__is_refused_and_nothing_is_kept(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="no tile of the product's kernel fits this card"):
        find_tile(tmp_path / "tile.json", Bench())
    assert not list(tmp_path.iterdir())


def test_find_tile__folder_that_cannot_be_made__chooses_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert find_tile(tmp_path / "file" / "tile.json", Bench(5.0, 4.0)) == TILES[1]


def test_keep_tile__many_writers_at_once__leave_one_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "tile.json"
    with ThreadPoolExecutor(8) as pool:
        for _ in pool.map(lambda i: (keep_tile(path, TILES[i % len(TILES)]), read_tile(path)), range(200)):
            assert read_tile(path) in TILES
    assert [entry.name for entry in tmp_path.iterdir()] == ["tile.json"]


@pytest.mark.parametrize(("rows", "kind"), [(1, 0), (512, 0), (513, 1), (4096, 1), (4097, 2), (1 << 17, 2)])
def test_classify__rows__are_few_some_or_many(rows: int, kind: int) -> None:
    assert classify(rows) == kind
