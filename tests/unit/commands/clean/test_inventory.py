# SPDX-License-Identifier: GPL-2.0-only
"""What the cache holds: sizes, limits, and whether an entry is whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from lazymmu.provision.cache import Cache
from lazymmu.provision.integrity import damage, elf
from lazymmu.provision.inventory import Entry, Limit, beyond, matches
from lazymmu.provision.pruning import inventory

from tests.unit.commands.clean.caches import file, module

_DAY = 86_400


def entry(number: int, size: int = 10) -> Entry:
    return Entry(Path(str(number)), size, 1000.0 * _DAY - number * _DAY)


def test_limits_keep_what_was_used_last() -> None:
    entries = [entry(number) for number in range(5)]
    now = 1000.0 * _DAY

    def names(limit: Limit) -> list[str]:
        return [removal.path.name for removal in beyond(entries, limit, now)]

    assert names(Limit()) == []
    assert names(Limit(entries=2)) == ["2", "3", "4"]
    assert names(Limit(size=30)) == ["3", "4"]
    assert names(Limit(size=29)) == ["2", "3", "4"]
    assert names(Limit(days=3)) == ["4"]
    assert str(Limit(entries=2, size=64_000_000, days=3)) == "2 entries, 64.0 MB, 3 days"


def test_sizes_count_nothing_twice(cache: Cache) -> None:
    stock = inventory(cache)
    assert stock.size("tool roots") == 1000
    assert stock.size("headers") == 2000
    every = sum(path.stat().st_size for path in cache.root.rglob("*") if path.is_file())
    assert stock.total() == every


def test_patterns_do_not_follow_links_and_say_so(tmp_path: Path) -> None:
    file(tmp_path / "a" / "x" / "one")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    unseen: set[Path] = set()
    assert list(matches(tmp_path, "*/x/*", unseen)) == [tmp_path / "a" / "x" / "one"]
    assert unseen == {tmp_path / "b"}


@pytest.mark.parametrize(
    ("make", "wrong"),
    [
        (module, None),
        (lambda path: module(path, machine=22), "is for s390x, not for arm64"),
        (lambda path: module(path, machine=40), "is for another machine, not for arm64"),
        (lambda path: module(path, size=127), "is cut short"),
        (lambda path: module(path, size=10), "is not an ELF file"),
        (lambda path: file(path, b""), "is not an ELF file"),
    ],
)
def test_a_module_is_looked_at(tmp_path: Path, make: Callable[[Path], Path], wrong: str | None) -> None:
    assert elf(make(tmp_path / "x.ko"), "arm64") == wrong


def test_what_went_meanwhile_is_not_damaged(tmp_path: Path) -> None:
    assert damage("modules", tmp_path / "gone.ko") is None
    assert damage("kernels", file(tmp_path / "a.vmlinuz", b"")) == "is empty"
    assert damage("KVM answers", file(tmp_path / "a", b"")) is not None


@pytest.mark.parametrize(
    ("data", "wrong"),
    [
        (b"0000000000000000 A fixed_percpu_data\nffff800080000000 t x.0\t[lazymmu]\n", None),
        (b"", "is empty"),
        (b"ffff800080000000 T _text\nffff8000", "is damaged: line 2 is no symbol"),
        (b"ffff800080000000 T _text\n" + bytes(100), "is damaged: line 2 is no symbol"),
        (b"_text\n", "is damaged: line 1 is no symbol"),
    ],
)
def test_symbols_are_looked_at(tmp_path: Path, data: bytes, wrong: str | None) -> None:
    assert damage("symbols", file(tmp_path / "a", data)) == wrong
