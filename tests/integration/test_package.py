# SPDX-License-Identifier: GPL-2.0-only
"""The package: what is in it, and that its command works without a checkout."""

import os
import subprocess
import tarfile
import zipfile
from importlib import metadata
from pathlib import Path

import lazymmu
import pytest
from lazymmu.support.project import ROOT

from tests.disks import read_only
from tests.package import TRACKED, build, install, run

DATA = ("guest/", "images/", "scenarios/")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("package") / "tree")


@pytest.fixture(scope="module")
def installed(built: Path) -> Path:
    return install(built)


def test_the_wheel_has_the_package_and_its_data_and_nothing_that_was_generated(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    package = {name.removeprefix("harness/") for name in TRACKED if name.startswith("harness/lazymmu/")}
    assert names == package | {f"lazymmu/data/{name}" for name in TRACKED if name.startswith(DATA)}


def test_the_source_distribution_has_what_is_tracked(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names - {"PKG-INFO"} == {name for name in TRACKED if not name.startswith(".ci/")}


def test_it_depends_on_what_a_checkout_installs(installed: Path) -> None:
    (folder,) = installed.glob("lib/python3*/site-packages/lazymmu-*.dist-info")
    lines = (ROOT / "requirements.txt").read_text().lower().splitlines()
    listed = [line for line in lines if not line.startswith("#")]
    # Extras are not installed unless asked for.
    needed = [one for one in metadata.Distribution.at(folder).requires or () if "extra ==" not in one]
    assert sorted(needed) == sorted(listed)


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        (["--version"], 0, f"lazymmu {lazymmu.__version__}\n"),
        (["list", "nesting"], 0, "nesting/single"),
        (["predict", "nesting/single", "--arch", "s390x"], 0, "nesting/single merged on s390x"),
        (["mutants", "--list"], 0, "NESTED_DISABLE_NO_FLUSH"),
        (["completion", "bash"], 0, "nesting/single"),
        (["completion", "zsh"], 0, "nesting/single"),
        (["completion", "tcsh"], 0, "s390x"),
        (["test"], 2, "needs a checkout"),
    ],
)
def test_the_installed_command_works_where_nothing_of_it_can_be_written(
    installed: Path, words: list[str], status: int, text: str
) -> None:
    done = run(installed, *words, prefix=tuple(read_only(installed)))
    assert (done.returncode, text in done.stdout + done.stderr) == (status, True), done.stdout + done.stderr


def test_bash_completes_commands_values_and_scenarios(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "completion").write_text(run(installed, "completion", "bash").stdout)
    script = """
    source completion
    for line in "$@"; do
        COMP_WORDS=(lazymmu $line) COMP_CWORD=$(set -- $line; echo $#)
        _shtab_lazymmu "" "${COMP_WORDS[COMP_CWORD]}"
        echo "${COMPREPLY[@]}"
    done
    """
    lines = ("surv", "run --arch s3", "run --no-s", "run nesting/sin", "run complet")
    command = ["bash", "-c", script, "bash", *lines]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["survey", "s390x", "--no-skip", "nesting/single", "completion"]


def test_pytest_finds_the_plug_in_which_does_nothing_unless_somebody_asks(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("description: x\nsteps: [enable, disable]\n")
    (tmp_path / "conftest.py").write_text(
        "import sys\ndef pytest_unconfigure():\n"
        "    print(sorted(name for name in sys.modules if name.startswith('lazymmu')))\n"
    )
    command = [str(installed / "bin/python"), "-m", "pytest", "-q", "-p", "no:cacheprovider", "--co"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    for flags, status, line in (
        ([], 5, "['lazymmu', 'lazymmu.pytest_plugin']"),
        (["--lazymmu", "--lazymmu-arch=s390x"], 0, "mine.yaml::mine:merged@s390x"),
    ):
        done = subprocess.run(
            [*command, *flags], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert (done.returncode, line in done.stdout.splitlines()) == (status, True), done.stdout + done.stderr
