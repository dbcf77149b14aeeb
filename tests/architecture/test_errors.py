"""Every error raised has a code in a catalogue, and every code in a catalogue is raised."""

import ast
import re
from pathlib import Path

from chain_client.errors import CLIENT_FAULTS
from rules.errors import CATALOGUE

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ["rules", "wire", "pow_kernels", "sidecar", "chain", "chain_client", "commands"]
CODED = {"RuleError", "PermanentError", "TransientError", "ClientError"}
SOURCES = [p for package in PACKAGES for p in (ROOT / package).rglob("*.py") if "gonka" not in p.parts]


def find_raised() -> dict[str, str]:
    """Codes given as a literal to one of our error classes, with the file of each."""
    raised = {}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CODED and node.args:
                code = node.args[0]
                if isinstance(code, ast.Constant) and isinstance(code.value, str):
                    raised[code.value] = str(path.relative_to(ROOT))
    return raised


def test_every_raised_code_is_in_a_catalogue() -> None:
    raised = find_raised()
    assert len(raised) > 40
    unknown = {code: path for code, path in raised.items() if code not in CATALOGUE and code not in CLIENT_FAULTS}
    assert not unknown


def test_every_code_in_a_catalogue_is_used() -> None:
    catalogues = {"rules/errors.py", "chain_client/errors.py"}
    text = "\n".join(p.read_text() for p in SOURCES if str(p.relative_to(ROOT)) not in catalogues)
    words = set(re.findall(r"[\"']([a-z][a-z0-9_]+)[\"']", text))
    unused = sorted(code for code in [*CATALOGUE, *CLIENT_FAULTS] if code not in words)
    assert not unused


def test_the_two_catalogues_share_no_code() -> None:
    assert not set(CATALOGUE) & set(CLIENT_FAULTS)


def test_numbers_are_unique_and_never_zero() -> None:
    numbers = [fault.number for fault in CATALOGUE.values()]
    assert len(set(numbers)) == len(numbers)
    assert min(numbers) > 0
