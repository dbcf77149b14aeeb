"""What the architecture tests look at."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ["rules", "wire", "pow_kernels", "sidecar", "chain", "chain_client", "serving", "gateway", "commands"]
SOURCES = sorted(
    p for package in PACKAGES for p in (ROOT / package).rglob("*.py") if "gonka" not in p.relative_to(ROOT).parts
)
"""Every module of ours but the generated ones."""


def name_of(path: Path) -> str:
    """A path as it is within the repository."""
    return str(path.relative_to(ROOT))


def find_imported(tree: ast.AST) -> set[str]:
    """The top-level packages that a module imports, wherever in it."""
    modules: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            modules.add(node.module or "")
        elif isinstance(node, ast.Import):
            modules.update(alias.name for alias in node.names)
    return {module.partition(".")[0] for module in modules}
