# SPDX-License-Identifier: GPL-2.0-only
"""A host for which no tool root can be had is refused by its name; what needs no guest works there all the same."""

import platform
from pathlib import Path

import pytest
from lazymmu.cli import main

REFUSED = "hosts of architecture ppc64le are not supported"


@pytest.fixture(autouse=True)
def foreign(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this host be of another architecture."""
    monkeypatch.setattr(platform, "machine", lambda: "ppc64le")


@pytest.mark.parametrize("command", [["run", "nesting/single"], ["setup"], ["bench"]])
def test_what_needs_guests_is_refused(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command) == 3
    told = capsys.readouterr()
    assert REFUSED in told.err + told.out
    assert "supported: x86_64, aarch64" in told.err + told.out


def test_the_doctor_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 3
    told = capsys.readouterr().out
    assert REFUSED in told
    # The other checks follow.
    assert "\nok       results " in told
    assert "a run cannot work: host" in told


@pytest.mark.parametrize("command", [["predict", "nesting/single"], ["lint"], ["list"], ["diff", "nesting/two-levels"]])
def test_what_needs_none_works(command: list[str]) -> None:
    assert main(command) == 0
