# SPDX-License-Identifier: GPL-2.0-only
"""The mistake of each mutant, made in the model (`slips.txt`): an example notices it."""

import importlib
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache, reduce
from importlib.machinery import SourceFileLoader
from itertools import chain, islice
from pathlib import Path
from types import CodeType

import pytest
from lazymmu import subject
from lazymmu.session.mutants import Mutant, known, likeness
from lazymmu.subject.case import Case
from lazymmu.subject.personalities import PERSONALITIES
from lazymmu.subject.revisions import REVISIONS
from lazymmu.subject.trace import Trace
from msgspec import Struct

from .example import FILES, examples
from .notation import case

FOLDER = Path(subject.__file__).parent
_MODEL = f"{subject.__name__}."
_PARTS = ("behaviour", "personalit", "revision", "simulator")

Predict = Callable[[Case, str, str], Trace]


class Edit(Struct, frozen=True):
    """A mistake in a file of the model, or one of several places where it is made."""

    file: str
    right: str
    wrong: str

    def made(self, source: str) -> str:
        """Return the file's text with the mistake."""
        pattern = r"\n\s*".join(map(re.escape, self.right.split(" / ")))

        def wrong(found: re.Match[str]) -> str:
            line = source[source.rfind("\n", 0, found.start()) + 1 :]
            indentation = "\n" + " " * (len(line) - len(line.lstrip(" ")))
            return self.wrong.replace(" /> ", f"{indentation}    ").replace(" / ", indentation)

        changed, number = re.subn(pattern, wrong, source)
        assert number, f"{self.file}.py has no `{self.right}`"
        return changed


@cache
def slips() -> dict[str, list[Edit]]:
    """Return the mistakes of `slips.txt` by the mutants' names."""
    found: dict[str, list[Edit]] = {}
    for section in Path(__file__).with_name("slips.txt").read_text().split("\n\n[")[1:]:
        file, *lines = section.splitlines()
        for name, _, edit in (line.partition(" ") for line in lines):
            right, _, wrong = edit.partition(" =>")
            found.setdefault(name, []).append(Edit(file.rstrip("]"), right, wrong.lstrip()))
    return found


def mistaken_model(edits: Sequence[Edit], patch: pytest.MonkeyPatch) -> Predict:
    """Return `predict` of a model that is imported anew, with mistakes."""
    get_code = SourceFileLoader.get_code

    def mistaken_code(loader: SourceFileLoader, name: str) -> CodeType | None:
        here = [edit for edit in edits if edit.file == name.removeprefix(_MODEL).replace(".", "/")]
        if not here:
            return get_code(loader, name)
        source = reduce(lambda source, edit: edit.made(source), here, Path(loader.path).read_text())
        return compile(source, loader.path, "exec")

    patch.setattr(SourceFileLoader, "get_code", mistaken_code)
    for name, module in [*sys.modules.items()]:
        if name.startswith(tuple(_MODEL + part for part in _PARTS)):
            patch.delitem(sys.modules, name)
            patch.setattr(name, module)
    simulator = importlib.import_module(f"{_MODEL}simulator")
    # Entries that are looked up alone cost more, each time.
    assert [*simulator.REVISIONS, *simulator.PERSONALITIES] == [*REVISIONS, *PERSONALITIES]
    predict: Predict = simulator.predict
    return predict


def noticed(mutant: Mutant, edits: Sequence[Edit], predict: Predict) -> Iterator[str]:
    """Yield the differences that examples find. Those that fit the mistake come first."""
    of = {folder: name for folder, _, name in (edit.file.partition("/") for edit in edits)}
    of_api, of_arch = of.get("revisions", "").replace("_", "-"), of.get("personalities", "")
    about = [
        (f"{file} {example.what} {example.program}", example)
        for file in FILES
        for example in examples(file)
        if of_api in ("", example.api) and of_arch in ("", example.arch)
    ]
    fits = likeness(mutant, {text for text, _ in about})
    for _, example in sorted(about, key=lambda pair: fits[pair[0]], reverse=True):
        yield from example.differences(predict(case(example.program), example.api, example.arch))


def test_every_mistake_of_the_module_is_made_in_the_model() -> None:
    assert {*slips()} == {*known()}
    for edit in chain.from_iterable(slips().values()):
        source = (FOLDER / f"{edit.file}.py").read_text()
        assert edit.made(source) != source


def test_an_example_notices_each(everyday_or_all: Callable[[int, int], int]) -> None:
    unnoticed = []
    for mutant in islice(known().values(), 0, None, everyday_or_all(5, 1)):
        with pytest.MonkeyPatch.context() as patch:
            edits = slips()[mutant.name]
            unnoticed += [] if any(noticed(mutant, edits, mistaken_model(edits, patch))) else [mutant.name]
    assert unnoticed == []
