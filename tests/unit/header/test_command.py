# SPDX-License-Identifier: GPL-2.0-only
"""`run --header` on the command line: what it selects, and which flags it excludes. No guest and no compiler."""

from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
from lazymmu.cli import main
from lazymmu.scenario import load
from lazymmu.session import header_run
from lazymmu.session.selection import Selection, units

from tests.headers import EXTENDED, MERGED
from tests.unit import examples


@pytest.fixture
def scenario(tmp_path: Path) -> str:
    examples.scenario(tmp_path, examples.NESTED)
    return str(tmp_path / "example.yaml")


@pytest.fixture
def merged(tmp_path: Path) -> str:
    (tmp_path / "merged.h").write_text(MERGED)
    return str(tmp_path / "merged.h")


def selected(scenario: str, header: str, **flags: Any) -> set[tuple[str, str, str, str]]:
    _, chosen = header_run.selected(Namespace(header=header, patch=None, tree=None), Selection(**flags))
    found = units(load([scenario], Path("scenarios")), chosen)
    return {(unit.api, unit.impl, unit.arch, unit.kernel) for unit in found}


def test_alone_it_selects_its_own_revision_on_all_default_architectures(scenario: str, merged: str) -> None:
    kernels = ("lts", "current")
    for given in ({}, {"kernels": kernels}):
        expected = {
            (arch, kernel) for arch in ("arm64", "s390x", "x86_64") for kernel in given.get("kernels", ("lts",))
        }
        assert selected(scenario, merged, **given) == {("merged", "header", *machine) for machine in expected}


def test_other_implementations_and_revisions_can_be_selected_too(scenario: str, merged: str, tmp_path: Path) -> None:
    (tmp_path / "ptes.h").write_text(EXTENDED)
    one = {entry[:2] for entry in selected(scenario, merged, impls=("header", "module"))}
    assert one == {("merged", "header"), ("merged", "module"), ("amended", "module")}
    every = {entry[:2] for entry in selected(scenario, str(tmp_path / "ptes.h"), apis=("all",))}
    assert every == {("merged", "header"), ("with-ptes", "header")}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--impl header", "--impl header needs a header"),
        ("--impl module --header merged.h", "--header merged.h: --impl module does not include it"),
        ("--header merged.h --api with-ptes", "--api with-ptes: merged.h is another revision: it has no"),
        ("--header merged.h --api v4", "that of v4 is nesting_level and active"),
        ("--header merged.h --api mergd", "unknown revision `mergd`"),
        ("--header .", "--header .:1:1: not a header file: it is a directory"),
        ("--header none.h", "--header none.h:1:1: cannot be read"),
        ("--header merged.h --resume x", "`--header` cannot be given with it"),
        ("--header none.h --watch", "--header none.h:1:1: cannot be read"),
        ("--header merged.h --patch x", "--header merged.h and --patch x cannot be given together"),
        ("--header merged.h --tree .", "--tree needs a patch"),
    ],
)
@pytest.mark.usefixtures("merged")
def test_a_combination_that_makes_no_sense_is_wrong_usage(
    scenario: str, flags: str, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(Path(scenario).parent)
    selects = [] if "--resume" in flags else [scenario]
    assert main(["run", *selects, *flags.split()]) == 2
    assert message in capsys.readouterr().err


def test_no_other_command_has_it(scenario: str, merged: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", scenario, "--header", merged]) == 2
    assert main(["predict", scenario, "--impl", "header"]) == 2
    assert "not the text of a header" in capsys.readouterr().err
