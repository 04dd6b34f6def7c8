# SPDX-License-Identifier: GPL-2.0-only
"""What the recipes of CONTRIBUTING.md do not show of new files in a catalogue: help, own flags, and mistakes."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.guest.checkouts import appended, checkout_with
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
CSV = '''\
"""Comma-separated values."""
NAME = "csv"
FLAG = "--csv"
HELP = "write results as CSV; - is standard output"

def write(run, file):
    file.write(f"# {run.facts['command'][-1]}\\n")
    for result in run.results:
        file.write(f"{result.label()},{result.outcome}\\n")
'''
FILES = {
    "commands/say_hello.py": SALUTE,
    "commands/broken.py": 'NAME = "broken"\nHELP = None\n',
    "reports/formats/values.py": CSV,
    "reports/formats/broken_one.py": "NAME = = 1\n",
    "reports/formats/raising.py": CSV.replace("csv", "raising").replace("    file", "    6 / 0\n    file", 1),
}
# No kernel has such functions for s390x, so no guest is needed to say so.
RUN = ("run", "nesting/single", "--impl", "native", "--arch", "s390x", "--api", "merged")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this checkout with new files."""
    edits = [appended(f"harness/lazymmu/{name}", text) for name, text in FILES.items()]
    return checkout_with(edits, tmp_path_factory.mktemp("copy") / "checkout")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this checkout, to which each test adds a file that `added` removes."""
    return checkout_with((), tmp_path_factory.mktemp("plain") / "checkout")


@contextmanager
def added(checkout: Path, name: str, text: str) -> Iterator[None]:
    """Let a checkout have one more file for the length of a `with`."""
    file = checkout / "harness" / "lazymmu" / name
    assert not file.exists()
    file.write_text(text)
    try:
        yield
    finally:
        file.unlink()


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


def test_a_new_report_has_its_flag_in_the_help_and_is_written_beside_others(checkout: Path, home: Path) -> None:
    assert "write results as CSV" in " ".join(run(checkout, "run", "--help").stdout.split())
    done = run(checkout, *RUN, "--json", "-", "--csv", "r.csv", cwd=home)
    assert done.returncode == 3, done.stderr
    assert (home / "r.csv").read_text() == "# r.csv\nnesting/single merged native on s390x,error\n"
    assert json.loads(done.stdout)["summary"]["error"] == 1
    assert "1 error" in done.stderr


def test_a_broken_report_is_named_by_the_help_and_by_its_flag_and_one_that_raises_with_its_line(
    checkout: Path, home: Path
) -> None:
    message = "formats/broken_one.py:1: invalid syntax"
    assert message in run(checkout, "help", "run").stdout
    done = run(checkout, *RUN, "--broken-one", "x")
    assert (done.returncode, message in done.stderr) == (3, True)
    done = run(checkout, *RUN, "--raising", "r", cwd=home)
    assert (done.returncode, done.stderr.endswith("formats/raising.py:7\n")) == (3, True)


@pytest.mark.parametrize(("file", "key"), [("subject/revisions/mine.py", "api"), ("architectures/mine.toml", "arch")])
def test_who_needs_a_broken_file_gets_its_error(plain: Path, tmp_path: Path, file: str, key: str) -> None:
    broken = "NAME = 'mine'\n" if file.endswith(".py") else "cpu = 'max'\n"
    scenario = tmp_path / "mine.yaml"
    scenario.write_text(f"description: x\n{key}: [mine]\nsteps: [enable, disable]\n")
    with added(plain, file, broken):
        for words in (("nesting/single", f"--{key}", "all"), ("nesting/single", f"--{key}", "mine"), (str(scenario),)):
            done = run(plain, "predict", *words)
            assert done.returncode == 3
            assert f"{file}:1: the " in done.stderr


TABLE = r"""# SPDX-License-Identifier: GPL-2.0-only
rows:
  - like: die
    kind: bus-error
    begins: 'Fake bus error at (?P<place>\S+)'
    title: 'bus error{where}, bus {place}'
dump:
  - 'FR\d: '
program_counter: 'FPC : '
"""


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        (r"(?P<place>\S+)", r"(?P<place>\S+", "fake64.yaml:5:13: wrong regular expression 'Fake bus error at"),
        (r"FR\d: ", r"FR[\d: ", "fake64.yaml:8:5: wrong regular expression 'FR["),
        ("FPC : ", "FPC (: ", "fake64.yaml:9:18: wrong regular expression 'FPC ("),
        ("bus {place}", "bus {plaice}", "fake64.yaml:6:12: the title 'bus error{where}, bus {plaice}' names plaice"),
        ("rows", "rowz", "fake64.yaml:2:1: Object contains unknown field `rowz`"),
        ("kind", "kin", "fake64.yaml:3:5: Object contains unknown field `kin`"),
        ("kind:", "stages: 7\n    kind:", "fake64.yaml:4:13: Expected `array`, got `str`"),
        ("kind:", "kinds: 7\n    kind:", "fake64.yaml:3:5: Object contains unknown field `kinds`"),
        ("kind:", "like: die\n    kind:", "fake64.yaml:4:5: `like` is here twice (first in line 3)"),
        ("like: die", "like: dye", "fake64.yaml:3:11: no preset `dye` (known: trap, "),
        ("'FPC : '", "'FPC : ", "fake64.yaml:9:18: not YAML: `'` is not closed"),
        ("kind: bus-error", "", "fake64.yaml:3:5: Object missing required field `kind`"),
        (TABLE, "- 7", "fake64.yaml:1:1: a table of console lines is a mapping"),
    ],
)
def test_a_mistake_in_a_table_of_console_lines_is_named(plain: Path, right: str, wrong: str, message: str) -> None:
    with added(plain, "guests/findings/tables/fake64.yaml", TABLE.replace(right, wrong)):
        assert message in reading(plain)


def test_a_mistake_in_a_preset_is_named_though_no_row_is_like_it(tmp_path: Path) -> None:
    preset = appended("harness/lazymmu/guests/findings/presets.yaml", "late:\n  like: die\n  opens: maybe\n")
    assert re.search(r"presets.yaml:\d+:10: Expected `bool`", reading(checkout_with([preset], tmp_path / "checkout")))


def reading(checkout: Path) -> str:
    """Return the error that a broken table of this checkout causes."""
    read = "from lazymmu.guests.findings.table import whole_table; whole_table()"
    environment = {**os.environ, "PYTHONPATH": str(checkout / "harness")}
    done = subprocess.run(
        [sys.executable, "-P", "-c", read], capture_output=True, text=True, check=False, env=environment
    )
    assert f"SetupError: {checkout}" in done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("what = 'x'\npatterns = 7\n", "songs.toml:1: Expected `array`, got `int` - at `$.patterns`"),
        ("what = 'x'\npatterns = [\n", "songs.toml:2: Invalid value"),
        ("what = 'x'\npatterns = ['x']\nlimits = 7\n", "songs.toml:1: Object contains unknown field `limits`"),
    ],
)
def test_a_mistake_in_a_cache_kind_is_named(plain: Path, text: str, message: str) -> None:
    with added(plain, "provision/cache_kinds/songs.toml", text):
        done = run(plain, "clean", "--dry-run")
        assert (done.returncode, message in done.stderr) == (3, True), done.stderr
        assert run(plain, "predict", "nesting/single").returncode == 0
