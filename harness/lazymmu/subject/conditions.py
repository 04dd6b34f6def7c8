# SPDX-License-Identifier: GPL-2.0-only
"""Notes which conditions of the model come true, and which come false, while it runs.

The rules of docs/semantics.md are conditions in the files of revisions, personalities and operations. These files are
loaded with a call around each condition. That must happen before any of them is imported, so only the command
`coverage` does it.
"""

import ast
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from msgspec import Struct

_FOLDER = Path(__file__).parent
_PACKAGE = __name__.rpartition(".")[0]
#: Files of this folder, and folders, with conditions.
_FILES = ("behaviour", "personality")
_FOLDERS = ("personalities", "revisions")
# The names under which the files find the functions that note.
_NOTE, _ENTER = "_note_condition", "_note_function"
# A condition for a call of this name is about a wrong scenario.
_REFUSES = "misplaced"


class Condition(Struct, frozen=True):
    """One condition, or one operand of an `and` or `or`."""

    #: The file, such as `personalities/xen`, and the function, such as `Xen.write`.
    file: str
    function: str
    text: str
    line: int


class Conditions:
    """The conditions of the files that were loaded, and which of them were met."""

    def __init__(self) -> None:
        self.known: list[Condition] = []
        #: (index in `known`, outcome, in force) and (file, function, in force), where that is the pair that follows.
        self.outcomes: set[tuple[int, bool, tuple[str, str]]] = set()
        self.entered: set[tuple[str, str, tuple[str, str]]] = set()
        #: The revision and the personality of the present run.
        self.in_force = ("", "")

    def note(self, index: int, value: Any) -> Any:
        """Note a condition's value and return it."""
        self.outcomes.add((index, bool(value), self.in_force))
        return value

    def enter(self, file: str, function: str) -> None:
        """Note that a function runs."""
        self.entered.add((file, function, self.in_force))

    def load(self) -> None:
        """From now on, import the model with its conditions noted. Call it before the model is imported."""
        sys.meta_path.insert(0, _Finder(self))

    def missed(self, name: str, chosen: Callable[[tuple[str, str]], str]) -> Iterator[tuple[Condition, bool]]:
        """Yield each condition and outcome that never came where it could.

        `chosen` takes from a revision and a personality the one that is meant, and `name` is what it has to be. It
        could come in every function that ran, and in every function of the file of that name.
        """
        entered = {(file, function) for file, function, pair in self.entered if chosen(pair) == name}
        came = {(index, outcome) for index, outcome, pair in self.outcomes if chosen(pair) == name}
        for index, condition in enumerate(self.known):
            own = condition.file.rpartition("/")[2].replace("_", "-") == name.replace("_", "-")
            if own or (condition.file, condition.function) in entered:
                yield from ((condition, outcome) for outcome in (True, False) if (index, outcome) not in came)


class _Finder(MetaPathFinder):
    """Finds the files with conditions."""

    def __init__(self, conditions: Conditions) -> None:
        self._conditions = conditions

    def find_spec(
        self, fullname: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return how to load a module; None if it is not one of those files."""
        name = fullname.removeprefix(f"{_PACKAGE}.").replace(".", "/")
        folder, _, _file = name.rpartition("/")
        if name not in _FILES and folder not in _FOLDERS:
            return None
        path = _FOLDER / f"{name}.py"
        loader = _Loader(fullname, str(path), name, self._conditions)
        return spec_from_file_location(fullname, path, loader=loader)


class _Loader(SourceFileLoader):
    """Compiles a file with a call around each condition."""

    def __init__(self, fullname: str, path: str, file: str, conditions: Conditions) -> None:
        super().__init__(fullname, path)
        self._file = file
        self._conditions = conditions

    def get_code(self, fullname: str) -> CodeType:
        """Return the code; no cached one."""
        tree = ast.parse(self.get_data(self.get_filename(fullname)))
        _Noting(self._file, self._conditions.known).visit(tree)
        return compile(ast.fix_missing_locations(tree), self.path, "exec")

    def exec_module(self, module: ModuleType) -> None:
        """Give the module the functions that note, and run it."""
        setattr(module, _NOTE, self._conditions.note)
        setattr(module, _ENTER, self._conditions.enter)
        super().exec_module(module)


class _Noting(ast.NodeTransformer):
    """Puts a call around each condition, and at the beginning of each function."""

    def __init__(self, file: str, known: list[Condition]) -> None:
        self._file = file
        self._known = known
        self._names: list[str] = []

    def _named(self, node: ast.ClassDef | ast.FunctionDef) -> ast.AST:
        self._names.append(node.name)
        self.generic_visit(node)
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node):
            words = (self._file, ".".join(self._names))
            node.body.insert(1, ast.Expr(_call(_ENTER, *map(ast.Constant, words))))
        self._names.pop()
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self._named(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._named(node)

    def visit_If(self, node: ast.If) -> ast.AST:
        if any(isinstance(part, ast.Attribute) and part.attr == _REFUSES for part in ast.walk(node.body[-1])):
            node.orelse = [self.visit(statement) for statement in node.orelse]
            return node
        self.generic_visit(node)
        node.test = self._noted(node.test)
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        node.test = self._noted(node.test)
        return node

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        node.ifs = [self._noted(test) for test in node.ifs]
        return node

    def visit_Return(self, node: ast.Return) -> ast.AST:
        if isinstance(node.value, ast.BoolOp):
            node.value = self._noted(node.value)
            return node
        return self.generic_visit(node)

    def _noted(self, test: ast.expr) -> ast.expr:
        if isinstance(test, ast.BoolOp):
            test.values = [self._noted(value) for value in test.values]
            return test
        self._known.append(Condition(self._file, ".".join(self._names), ast.unparse(test), test.lineno))
        return _call(_NOTE, ast.Constant(len(self._known) - 1), test)


def _call(function: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(function, ast.Load()), list(arguments), [])
