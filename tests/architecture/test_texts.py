"""What no file says: where packages come from, and paths of one machine.  What every page keeps: links that lead."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT, name_of

GENERATED = {"__pycache__", "build", "node_modules"}
BINARY = {".pyc", ".so", ".png", ".bin", ".mdb"}

REGISTRY = re.compile(
    r"https?://[a-z0-9.-]*(pypi|pythonhosted|npm(js)?|golang|goproxy|crates|rubygems|pytorch|anaconda|docker|ghcr|quay)\."
    r"|(?:proxy|sum)\.golang\.org|(?:pypi|test\.pypi)\.org|registry\.npmjs|--(?:extra-)?index-url"
)
MACHINE = re.compile(r"(?<![\w.])/(?:work|root|home/(?!me/)\w+|Users/\w+|tmp/team)/")
MENTIONED = re.compile(r"(?<![\w/.])(?:docs|deploy|examples|benchmarks|tests)/[\w/.-]+\.\w+")


def find_texts(folder: Path = ROOT) -> Iterator[Path]:
    """Every text file of the repository, without what tools make."""
    for path in sorted(folder.iterdir()):
        if path.name in GENERATED or path.suffix == ".egg-info" or (path.name.startswith(".") and path.name != ".ci"):
            continue
        if path.is_dir() and not path.is_symlink():
            yield from find_texts(path)
        elif path.is_file() and path.suffix not in BINARY:
            yield path


TEXTS = list(find_texts())
PAGES = [path for path in TEXTS if path.suffix == ".md"]


def find_lines(pattern: re.Pattern[str], text: str) -> list[str]:
    return [line.strip()[:160] for line in text.splitlines() if pattern.search(line)]


def test_the_repository_is_searched() -> None:
    names = {name_of(path) for path in TEXTS}
    assert {"README.md", ".ci/run", "constraints.txt", "rules/types.py", "tests/architecture/test_texts.py"} <= names


def test_no_file_names_the_address_of_a_registry() -> None:
    assert not {name_of(path): found for path in TEXTS if (found := find_lines(REGISTRY, path.read_text()))}


def test_no_file_names_a_path_of_one_machine() -> None:
    assert not {name_of(path): found for path in TEXTS if (found := find_lines(MACHINE, path.read_text()))}


@pytest.mark.parametrize(
    "line",
    [
        "https" + "://pypi" + ".org/simple",
        "http" + "://registry." + "npmjs.org",
        "GOPROXY=https" + "://proxy." + "golang.org",
        "https" + "://download." + "pytorch.org/whl",
        "pip install --extra-" + "index-url x",
    ],
)
def test_find_lines__a_registry__is_found(line: str) -> None:
    assert find_lines(REGISTRY, line) == [line]


@pytest.mark.parametrize(
    "line", ["cd /wo" + "rk/main", "see /ro" + "ot/x", "/ho" + "me/ann/.gonka", "/tmp/te" + "am/TEAM.md"]
)
def test_find_lines__a_path_of_one_machine__is_found(line: str) -> None:
    assert find_lines(MACHINE, line) == [line]


@pytest.mark.parametrize("line", ["~/.gonka", "/run/gonka", "m/44'/1200'/0'/0/0", "docs/work/x", "$HOME/work/"])
def test_find_lines__a_path_that_every_machine_has__passes(line: str) -> None:
    assert not find_lines(MACHINE, line)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text())
    assert not [target for target in targets if not (page.parent / target).exists()]


def test_files_that_are_mentioned_exist() -> None:
    missing = {
        (name_of(path), name)
        for path in TEXTS
        if path.suffix in {".md", ".py", ".proto"} and path.parts[-2] != "vectors"
        for name in MENTIONED.findall(path.read_text())
        if not (ROOT / name).exists()
    }
    assert not missing


def read_tree() -> set[str]:
    """The paths that the tree in ARCHITECTURE.md names."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    paths, folder = set(), ""
    for line in text.split("```")[1].strip().splitlines():
        names = re.split(r" {2,}", line.strip())[0].split()
        if not line.startswith(" "):
            folder = names[0]
            paths.add(folder)
        else:
            paths.update(folder + name for name in names)
    return paths


def test_the_architecture_page_names_what_exists() -> None:
    named = read_tree()
    assert {"cli.py", "rules/", "rules/power.py", "chain/modules/", "commands/demo/"} <= named
    assert not sorted(path for path in named if not (ROOT / path).exists())


def test_the_architecture_page_names_every_folder_of_modules() -> None:
    folders = {p.parent for p in TEXTS if p.name == "__init__.py" and "gonka" not in p.parts}
    outer = {name_of(folder) + "/" for folder in folders if len(folder.relative_to(ROOT).parts) <= 2}
    assert len(outer) > 10
    assert not outer - read_tree()


def test_the_architecture_page_names_every_module_of_the_chain() -> None:
    modules = {p.name for p in (ROOT / "chain" / "modules").iterdir() if p.is_dir() and not p.name.startswith("_")}
    line = re.search(r"modules/ +(.*)", (ROOT / "ARCHITECTURE.md").read_text())
    assert line
    assert set(line[1].split(", ")) == modules


def test_the_index_of_decisions_lists_each_once() -> None:
    folder = ROOT / "docs" / "adr"
    pages = sorted(path.name for path in folder.glob("[0-9]*.md"))
    assert len({name[:4] for name in pages}) == len(pages)
    assert re.findall(r"\]\(([^)]+)\)", (folder / "README.md").read_text()) == pages
