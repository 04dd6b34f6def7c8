# SPDX-License-Identifier: GPL-2.0-only
"""A transport that is only a file of the catalogue carries real runs, and its own errors end them."""

import json
from collections.abc import Callable
from pathlib import Path

from tests.guest.checkouts import appended
from tests.guest.conftest import Lazymmu

_FOLDER = "harness/lazymmu/guests/transports"
_PIGEON = """
from lazymmu.guests.transports.serial import create

NAME = "pigeon"
HELP = "a bird in the guest"
"""
_REFUSING = """
from lazymmu.support.errors import SetupError

NAME = "refusing"
HELP = "a transport that cannot be set up"


def create(images, *, offline):
    raise SetupError("the pigeon is ill", hint="call a vet")
"""


def test_a_new_transport_runs_scenarios_or_ends_the_run_with_its_own_error(
    broken: Callable[..., Lazymmu], tmp_path: Path
) -> None:
    lazymmu = broken(appended(f"{_FOLDER}/pigeon.py", _PIGEON), appended(f"{_FOLDER}/refusing.py", _REFUSING))
    assert "pigeon (a bird in the guest), " in lazymmu("run", "--help", extra={"COLUMNS": "200"}).stdout
    flags = ("nesting/single", "--arch", "arm64", "--api", "merged", "--out", str(tmp_path / "out"))
    done, document = lazymmu.run(*flags, "--transport", "pigeon")
    assert done.returncode == 0, done.stderr
    assert document["summary"]["pass"] == 1
    assert json.loads((tmp_path / "out/run.json").read_text())["transport"] == "pigeon"
    done = lazymmu("run", "nesting/single", "--arch", "arm64", "--transport", "refusing")
    assert done.returncode == 3
    assert "the pigeon is ill\n  hint: call a vet" in done.stderr
