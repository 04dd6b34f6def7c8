# SPDX-License-Identifier: GPL-2.0-only
"""Which base a patch is applied to, and why it fits no other."""

import hashlib
from pathlib import Path

import pytest
from lazymmu.header.bases import Base, Nearest, NoBase, nearest
from lazymmu.header.hunks import changes
from lazymmu.header.mails import Mail

from tests.headers import MERGED, NESTED_FLUSH, OF_7_0
from tests.patches import PGTABLE, diff, tree

PATCH = diff(MERGED, MERGED.replace(NESTED_FLUSH, ""))
FUZZY = MERGED.replace(
    "mine->enable_count -= 1;\n\tif (mine->enable_count) {", "mine->enable_count--;\n\tif (mine->enable_count) {"
)


def found(folder: Path, *groups: dict[str, str], patch: str = PATCH) -> Nearest:
    for number, group in enumerate(groups):
        for name, text in group.items():
            tree(folder / f"{number}{name}", text)
    bases = [[Base(name, folder / f"{number}{name}") for name in group] for number, group in enumerate(groups)]
    return nearest(PGTABLE, changes("x", Mail("", patch)), bases, lambda base: base.fetch(None, offline=True))  # type: ignore[arg-type]


def test_the_least_fuzz_and_then_the_least_offset_is_nearest(tmp_path: Path) -> None:
    assert FUZZY != MERGED
    place = found(tmp_path, {"fuzzy": FUZZY, "moved": f"\n\n{MERGED}", "near": f"\n{MERGED}"})
    assert (place.base.name, place.quality()) == ("near", "moved by up to 1 line")
    assert place.fit.text == f"\n{MERGED}".replace(NESTED_FLUSH, "")
    assert found(tmp_path / "f", {"fuzzy": FUZZY}).quality() == "every hunk at its line, 2 lines of context left out"
    assert found(tmp_path / "g", {"same": MERGED}).quality() == "every hunk at its line"


def test_the_file_that_git_names_is_nearer_than_any(tmp_path: Path) -> None:
    name = hashlib.sha1(b"blob %d\0" % len(f"\n{MERGED}") + f"\n{MERGED}".encode()).hexdigest()[:12]  # noqa: S324
    patch = PATCH.replace("---", f"index {name}..0000000 100644\n---", 1)
    place = found(tmp_path, {"same": MERGED, "git": f"\n{MERGED}"}, patch=patch)
    assert (place.base.name, place.quality()) == ("git", "exactly the file that the patch was made for")


def test_a_damaged_mail_is_not_said_to_fit_the_file_that_git_names_exactly(tmp_path: Path) -> None:
    name = hashlib.sha1(b"blob %d\0" % len(FUZZY) + FUZZY.encode()).hexdigest()[:12]  # noqa: S324
    patch = PATCH.replace("---", f"index {name}..0000000 100644\n---", 1)
    expected = "the file that the patch was made for, 2 lines of context left out"
    assert found(tmp_path, {"git": FUZZY}, patch=patch).quality() == expected


def test_a_later_group_is_tried_only_if_no_earlier_one_fits(tmp_path: Path) -> None:
    assert found(tmp_path, {}, {"moved": f"\n{MERGED}"}, {"same": MERGED}).base.name == "moved"
    assert found(tmp_path / "b", {"other": OF_7_0.replace("flush", "f")}, {"same": MERGED}).base.name == "same"


def test_every_base_that_does_not_fit_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "0empty").mkdir()
    with pytest.raises(NoBase) as caught:
        found(tmp_path, {"has": MERGED.replace(NESTED_FLUSH, ""), "other": MERGED.replace("enable_count", "x")})
    assert caught.value.tried["has"] == "the patch is already in it"
    assert caught.value.tried["other"].startswith("hunk 1 of 1, `@@ -")
    with pytest.raises(NoBase) as caught:
        nearest(PGTABLE, changes("x", Mail("", PATCH)), [[Base("empty", tmp_path / "0empty")]], lambda _: None)
    assert caught.value.tried == {"empty": "it has no such file"}
