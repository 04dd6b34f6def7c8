# SPDX-License-Identifier: GPL-2.0-only
"""Catalogues: folders in which each file is one entry, such as an architecture, a report format or a command.

A catalogue reads its folder at the first look-up, so importing it costs nothing. A look-up by name imports only that
entry. Each file defines the names of the catalogue's convention at module level; NAME, the entry's name, is always one
of them.

A file that breaks the convention costs only those who need its entry: they get a SetupError with file and line. Two
files with one name are an error for everybody.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar, cast

from lazymmu.support.errors import SetupError, UsageError
from lazymmu.support.suggestions import suggestion

E = TypeVar("E")


class Catalogue(Mapping[str, E], Generic[E]):
    """The entries of one folder by name. Iteration and length leave out broken entries; see `every`."""

    def __init__(
        self,
        package: str,
        kind: str,
        convention: Mapping[str, type | Callable[[Any], bool]],
        order: Callable[[Any], Any] | None = None,
    ) -> None:
        """Take the folder as a package name, and what one entry is called in messages.

        `convention` maps each name that a file must define to its type, or to a predicate of its value. `order` is the
        sort key of entries; without it they are in the order of their names.
        """
        self._package = package
        self._kind = kind
        self._convention = {"NAME": str, **convention}
        self._order = order or (lambda entry: entry.NAME)

    @cached_property
    def _files(self) -> list[Path]:
        folders = import_module(self._package).__path__
        return sorted(path for folder in folders for path in Path(folder).glob("*.py") if path.name[0] != "_")

    @cached_property
    def _found(self) -> tuple[dict[str, E], dict[str, SetupError]]:
        whole: dict[str, ModuleType] = {}
        broken: dict[str, SetupError] = {}
        for path in self._files:
            module = self._load(path.stem)
            if isinstance(module, SetupError):
                broken[path.stem] = module
            elif module.NAME in whole:
                first, second = whole[module.NAME].__file__, module.__file__
                raise SetupError(f"{second}: the {self._kind} `{module.NAME}` is also defined in {first}")
            else:
                whole[module.NAME] = module
        entries = cast("list[E]", sorted(whole.values(), key=self._order))
        return {cast("Any", entry).NAME: entry for entry in entries}, broken

    def _load(self, stem: str) -> ModuleType | SetupError:
        name = f"{self._package}.{stem}"
        try:
            module = import_module(name)
        except SyntaxError as error:
            source = f"\n    {error.text.strip()}" if error.text else ""
            return SetupError(f"{error.filename}:{error.lineno}: {error.msg}{source}")
        except Exception as error:  # noqa: BLE001  (an entry is foreign code: what it raises must not cost the others)
            where, step = name, error.__traceback__
            while step is not None:
                if (file := step.tb_frame.f_code.co_filename).endswith(f"{stem}.py"):
                    where = f"{file}:{step.tb_lineno}"
                step = step.tb_next
            return SetupError(f"{where}: {type(error).__name__}: {error}")
        for word, expected in self._convention.items():
            value = getattr(module, word, None)
            if not hasattr(module, word):
                wrong = f"1: the {self._kind} has no {word}"
            elif isinstance(value, expected) if isinstance(expected, type) else expected(value):
                continue
            else:
                wrong = f"{_line_of(module, word)}: {word} of the {self._kind} is {value!r}"
            rule = f"each {self._kind} defines {', '.join(self._convention)}"
            return SetupError(f"{module.__file__}:{wrong}", hint=rule)
        return module

    def _alone(self, name: str) -> E | None:
        """Return the entry of the one file that has this NAME as a literal, None if that fails. Imports no other."""
        line = re.compile(rf"^NAME\b.*= *[\"']{re.escape(name)}[\"']", re.MULTILINE)
        texts = ((path, path.read_text(encoding="utf-8", errors="replace")) for path in self._files)
        # Few files have the name at all, and to find that out is ten times as fast.
        files = [path for path, text in texts if name in text and line.search(text)]
        module = self._load(files[0].stem) if len(files) == 1 else None
        return None if isinstance(module, SetupError) else cast("E | None", module)

    def __getitem__(self, name: str) -> E:
        if "_found" not in vars(self) and (alone := self._alone(name)) is not None:
            return alone
        whole, broken = self._found
        if name not in whole and name.replace("-", "_") in broken:
            raise broken[name.replace("-", "_")]
        return whole[name]

    def __contains__(self, name: object) -> bool:
        return name in self._found[0]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found[0])

    def __len__(self) -> int:
        return len(self._found[0])

    def pick(self, name: str) -> E:
        """Return the entry that a user named. Raises UsageError if there is none, SetupError if its file is broken."""
        try:
            return self[name]
        except KeyError:
            guess = suggestion(name, self)
            raise UsageError(f"unknown {self._kind} `{name}`{guess}", hint=f"there is: {', '.join(self)}") from None

    @property
    def broken(self) -> Mapping[str, SetupError]:
        """The errors of the broken files, by file name without `.py`."""
        return self._found[1]

    def every(self) -> Mapping[str, E]:
        """Return all entries. Raises SetupError if any file of the folder is broken."""
        for error in self.broken.values():
            raise error
        return self._found[0]


def _line_of(module: ModuleType, word: str) -> int:
    """Return the line that defines a name of a module, 1 if it comes from elsewhere."""
    text = Path(str(module.__file__)).read_text(encoding="utf-8")
    found = re.search(rf"^(def )?{word}\b", text, re.MULTILINE)
    return text[: found.start()].count("\n") + 1 if found else 1
