# SPDX-License-Identifier: GPL-2.0-only
"""The rules of the tree: data flows one way, every file has its licence line, and no host or machine is named."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from lazymmu.support.project import ROOT

PACKAGE = ROOT / "harness" / "lazymmu"
# A room may import itself and those after it (docs/architecture.md).
LAYERS = (
    *("__main__", "cli", "commands", "parser", "flags", "interface", "bench", "doctor", "shell", "session", "reports"),
    *("results", "guests", "header", "provision", "scenario", "protocol", "subject", "architectures", "architecture"),
    "support",
)
# Names that a reader would have to look up.
PRIVATE_WORDS = {
    *("absence", "answer", "answers", "carried", "carry", "causes", "damage", "doubt", "driver", "early"),
    *("examination", "find", "finished", "found", "guestlink", "incremental", "inuse", "journal", "lasting", "left"),
    *("listen", "one", "orders", "own", "patience", "said", "settle", "sharing", "shortcut", "situation", "spool"),
    *("supply", "told", "wake", "wanted", "work"),
}
# Those are good names of a function that returns a line or names.
NO_MODULES_AND_CLASSES = {"line", "names", "serialline"}
TRACKED = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()


def layer(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "lazymmu" and len(parts) > 1 else None


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module] if node.module != "lazymmu" else [f"lazymmu.{alias.name}" for alias in node.names]
        found |= {name for module in names if (name := layer(module))}
    return found


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_never_go_up(path: Path) -> None:
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if own == "__init__":
        return
    below = LAYERS[LAYERS.index(own) :]
    assert imported(path) <= set(below)


def names(tree: ast.Module) -> Iterator[tuple[str, bool]]:
    """Yield the name of each public function and of each class in lower case, and whether it is a class."""
    for node in ast.walk(tree):
        for inner in getattr(node, "body", ()) if isinstance(node, ast.Module | ast.ClassDef) else ():
            if isinstance(inner, ast.ClassDef):
                yield inner.name.lower().strip("_"), True
            elif isinstance(inner, ast.FunctionDef):
                yield inner.name.lower(), False


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_names_are_words_of_the_field(path: Path) -> None:
    module = path.parent.name if path.stem == "__init__" else path.stem
    found = [(module, True), *names(ast.parse(path.read_text()))]
    private = [
        name for name, is_type in found if name in PRIVATE_WORDS | (NO_MODULES_AND_CLASSES if is_type else set())
    ]
    assert private == []


def test_the_model_knows_nothing_of_guests() -> None:
    for path in (PACKAGE / "subject").rglob("*.py"):
        assert imported(path) <= {"subject", "support"}


def test_every_file_names_its_licence() -> None:
    sources = [name for name in TRACKED if re.search(r"\.(py|c|h|sh|yaml|ini|toml|md)$", name)]
    assert len(sources) > 200
    line = "SPDX-License-Identifier: GPL-2.0-only"
    assert [name for name in sources if line not in "\n".join((ROOT / name).read_text().splitlines()[:3])] == []


def test_no_file_names_a_host_or_a_path_of_some_machine() -> None:
    hosts = r"(deb|security|snapshot)\.debian\." + r"org|pypi\." + r"org|python" + "hosted"
    named = re.compile((hosts + r"|/ro" + "ot/|/wo" + "rk/|shared/" + "(semantics|design|style)").encode())
    assert [name for name in TRACKED if named.search((ROOT / name).read_bytes())] == []
