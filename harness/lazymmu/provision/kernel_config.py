# SPDX-License-Identifier: GPL-2.0-only
"""Configurations of kernels: the fragments in `fragments/`, and what a kernel's .config has of them.

`needed.config` and each architecture's own file hold what the harness needs of any kernel. `small.config` completes a
small kernel, with a file in `small/` for an architecture that needs more, and each file in `debug/` is a word of
`lazymmu kernel build --debug`.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from lazymmu.architecture import architectures

_FOLDER = Path(__file__).with_name("fragments")
_NEEDED, _SMALL = _FOLDER / "needed.config", _FOLDER / "small.config"
_LINE = re.compile(r"^(?:CONFIG_(\w+)=(.*)|# CONFIG_(\w+) is not set)$", re.MULTILINE)
#: The value of an option that is not set.
OFF = "n"
# Where an option is defined, and the lines of Kconfig that say when it can be set.
_ENTRY = re.compile(r"^(?:menu)?config (\w+)$")
_DEPENDS = re.compile(r"^\s*depends on (.*)$")
_PROMPT = re.compile(r"^\s*(?:bool|tristate|int|hex|string|prompt)\s+\"")
_SYMBOL = re.compile(r"(!?)\b([A-Z][A-Z0-9_]+)\b")


def options(text: str) -> dict[str, str]:
    """Return option -> value for the lines of a .config or a fragment; `n` for those that are not set."""
    return {name or off: value if name else OFF for name, value, off in _LINE.findall(text)}


def read(file: Path) -> dict[str, str]:
    """Return the options of a file. Raises OSError."""
    return options(file.read_text(encoding="utf-8", errors="replace"))


def buildable() -> tuple[str, ...]:
    """Return the architectures for which user-built kernels can be built and run."""
    return tuple(arch for arch in architectures() if _of_arch(arch).is_file())


def debug_words() -> tuple[str, ...]:
    """Return the words of --debug."""
    return tuple(sorted(file.stem for file in (_FOLDER / "debug").glob("*.config")))


def debug_fragment(word: str) -> Path:
    """Return the fragment of a word of --debug."""
    return _FOLDER / "debug" / f"{word}.config"


def fragments(arch: str, debug: Iterable[str], own: Iterable[Path]) -> list[Path]:
    """Return the fragments of a small kernel in the order of merging; a later one takes precedence."""
    small = _FOLDER / "small" / f"{arch}.config"
    return [_NEEDED, _SMALL, _of_arch(arch), *([small] if small.is_file() else []), *map(debug_fragment, debug), *own]


def needed(arch: str) -> dict[str, str]:
    """Return what the harness needs of each kernel of an architecture."""
    return {**read(_NEEDED), **read(_of_arch(arch))}


def unmet(config: Mapping[str, str], wanted: Mapping[str, str]) -> dict[str, str]:
    """Return the wanted options that a .config has otherwise. It leaves out those that cannot be set there."""
    return {name: value for name, value in wanted.items() if config.get(name, OFF) != value}


def line(name: str, value: str) -> str:
    """Return an option as a line of a .config."""
    return f"# CONFIG_{name} is not set" if value == OFF else f"CONFIG_{name}={value}"


def _of_arch(arch: str) -> Path:
    return _FOLDER / f"{arch}.config"


class Definitions:
    """What the Kconfig files of a source tree say about options."""

    def __init__(self, source: Path, kbuild: str, names: Iterable[str]) -> None:
        """Look for the definitions of these options; `kbuild` is kbuild's name of the architecture."""
        wanted = set(names)
        #: Option -> the conditions under which it can be set, and whether a user can set it at all.
        self._found: dict[str, list[str]] = {}
        self._prompts: set[str] = set()
        for file in source.rglob("Kconfig*") if wanted else ():
            top, arch, *_ = (*file.relative_to(source).parts, "")
            if file.is_file() and (top != "arch" or arch == kbuild or arch.startswith("Kconfig")):
                self._read(file.read_text(encoding="utf-8", errors="replace"), wanted)

    def __contains__(self, name: str) -> bool:
        return name in self._found

    def _read(self, text: str, wanted: set[str]) -> None:
        """Note the definitions in one file. Conditions of a menu or an `if` around them count, too."""
        around: list[str] = []
        entry, of_menu = "", False
        for words in text.replace("\\\n", " ").splitlines():
            begin = _ENTRY.match(words)
            if begin:
                entry, of_menu = begin[1] if begin[1] in wanted else "", False
                if entry:
                    self._found.setdefault(entry, []).extend(condition for condition in around if condition)
            elif words.startswith("if "):
                around.append(words.removeprefix("if ").strip())
            elif words.startswith(("menu ", "choice")):
                around.append("")
                entry, of_menu = "", True
            elif words.startswith(("endif", "endmenu", "endchoice")) and around:
                around.pop()
                entry, of_menu = "", False
            elif (condition := _DEPENDS.match(words)) is not None:
                if of_menu and around:
                    around[-1] = " && ".join(filter(None, (around[-1], condition[1].strip())))
                elif entry:
                    self._found[entry].append(condition[1].strip())
            elif entry and _PROMPT.match(words):
                self._prompts.add(entry)

    def why(self, name: str, value: str, config: Mapping[str, str]) -> str:
        """Return why an option does not have the wanted value in a .config."""
        if name not in self._found:
            return "this tree has no such option"
        every = dict.fromkeys(" ".join(one.split()) for one in self._found[name])
        conditions = " && ".join(f"({one})" if "||" in one else one for one in every)
        if value == OFF:
            return "another option selects it"
        wrong: dict[str, list[str]] = {"off": [], "on": []}
        for excluded, symbol in dict.fromkeys(_SYMBOL.findall(conditions)):
            if (config.get(symbol, OFF) == OFF) != bool(excluded):
                wrong["on" if excluded else "off"].append(symbol)
        if any(wrong.values()):
            which = "; ".join(f"{state}: {', '.join(some)}" for state, some in wrong.items() if some)
            return f"it depends on {conditions}; {which}"
        if name not in self._prompts:
            return "only other options can select it"
        return f"it is {config.get(name, OFF)}" + (f" and depends on {conditions}" if conditions else "")
