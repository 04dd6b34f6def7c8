# SPDX-License-Identifier: GPL-2.0-only
"""The rules of the tree: imports never go up, names are plain, each file has its licence line, no host is named."""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from lazymmu.support.project import ROOT

PACKAGE = ROOT / "harness" / "lazymmu"
# A room may import itself and those after it (docs/architecture.md).
LAYERS = (
    *("__main__", "cli", "commands", "pytest_plugin", "parser", "flags", "interface"),
    *("bench", "doctor", "shell", "debugger"),
    *("session", "reports"),
    *("results", "guests", "header", "provision", "scenario", "protocol", "subject", "architecture"),
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


@cache
def tracked() -> list[str]:
    return subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()


@cache
def trees() -> dict[Path, ast.Module]:
    return {path: ast.parse(path.read_text()) for path in sorted(PACKAGE.rglob("*.py"))}


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield each statement below a node; to walk all expressions, too, takes five times as long."""
    for block in ("body", "orelse", "handlers", "finalbody", "cases"):
        for inner in getattr(node, block, ()):
            yield inner
            yield from statements(inner)


def layer(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "lazymmu" and len(parts) > 1 else None


@cache
def imported(path: Path) -> set[str]:
    found = set()
    for node in statements(trees()[path]):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module] if node.module != "lazymmu" else [f"lazymmu.{alias.name}" for alias in node.names]
        found |= {name for module in names if (name := layer(module))}
    return found


def test_imports_never_go_up() -> None:
    rooms = {path: path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in trees()}
    below = {room: set(LAYERS[number:]) for number, room in enumerate(LAYERS)}
    assert {path for path, room in rooms.items() if room != "__init__" and not imported(path) <= below[room]} == set()


def names(tree: ast.Module) -> Iterator[tuple[str, bool]]:
    """Yield the name of each public function and of each class in lower case, and whether it is a class."""
    for node in (tree, *statements(tree)):
        for inner in node.body if isinstance(node, ast.Module | ast.ClassDef) else ():
            if isinstance(inner, ast.ClassDef):
                yield inner.name.lower().strip("_"), True
            elif isinstance(inner, ast.FunctionDef):
                yield inner.name.lower(), False


def test_names_are_words_of_the_field() -> None:
    private = []
    for path, tree in trees().items():
        module = path.parent.name if path.stem == "__init__" else path.stem
        for name, is_type in [(module, True), *names(tree)]:
            if name in PRIVATE_WORDS or (is_type and name in NO_MODULES_AND_CLASSES):
                private.append(f"{path}: {name}")
    assert private == []


def test_the_model_knows_nothing_of_guests() -> None:
    for path in (PACKAGE / "subject").rglob("*.py"):
        assert imported(path) <= {"subject", "support"}


def test_every_file_names_its_licence() -> None:
    sources = [name for name in tracked() if re.search(r"\.(py|c|h|sh|yaml|ini|toml|md)$", name)]
    assert len(sources) > 200
    line = "SPDX-License-Identifier: GPL-2.0-only"
    assert [name for name in sources if line not in "\n".join((ROOT / name).read_text().splitlines()[:3])] == []


def test_no_file_names_a_host_or_a_path_of_some_machine() -> None:
    hosts = r"(deb|security|snapshot)\.debian\." + r"org|pypi\." + r"org|python" + "hosted"
    named = re.compile((hosts + r"|/ro" + "ot/|/wo" + "rk/|shared/" + "(semantics|design|style)").encode())
    assert [name for name in tracked() if named.search((ROOT / name).read_bytes())] == []
