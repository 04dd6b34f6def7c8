# SPDX-License-Identifier: GPL-2.0-only
"""One file in the folder of commands is all that the command line needs to know a new one."""

import re
from pathlib import Path

import pytest

from tests.guest.checkouts import checkout_with
from tests.unit.apart import run

SALUTE = '''\
"""`lazymmu salute`: greets."""
NAME = "salute"
HELP = "greet people"

def flags(parser):
    parser.add_argument("--name", default="everybody")

def main(arguments):
    import sys
    print("hello", arguments.name, *(name for name in sys.modules if name.startswith("lazymmu.commands.")))
    return 0
'''


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of this checkout with a new command and a file that defines none."""
    checkout = checkout_with({}, tmp_path_factory.mktemp("copy") / "checkout")
    folder = checkout / "harness/lazymmu/commands"
    (folder / "say_hello.py").write_text(SALUTE)
    (folder / "broken.py").write_text('NAME = "broken"\nHELP = None\n')
    return checkout


def test_a_new_command_is_in_the_help_and_runs_without_the_others(checkout: Path) -> None:
    assert re.search(r"(?m)^ *salute +greet people$", run(checkout, "--help").stdout)
    done = run(checkout, "salute", "--name", "Kevin")
    assert (done.returncode, done.stdout) == (0, "hello Kevin lazymmu.commands.say_hello\n")


def test_a_broken_file_fails_only_its_own_command(checkout: Path) -> None:
    assert run(checkout, "list", "nesting/single").returncode == 0
    done = run(checkout, "broken")
    assert done.returncode == 3
    message = "commands/broken.py:2: HELP of the command is None"
    assert message in done.stderr
    assert f"{message}\n" in run(checkout, "help").stdout
