# SPDX-License-Identifier: GPL-2.0-only
"""Builds of a module: with objects of the build before, and with a mistake in its list of revisions."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from lazymmu.provision.checksum import beside
from lazymmu.support.project import ROOT

from tests.guest import machines
from tests.guest.checkouts import appended, at_start_of
from tests.guest.conftest import Lazymmu
from tests.guest.faults import SOURCE

_ARCH = "s390x"


# Every day, test_header.py compares an edit's module with kbuild's, and unit tests say what is built again.
@pytest.mark.exhaustive
def test_one_edit_gives_what_a_whole_build_gives_and_only_that_is_announced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "source"
    shutil.copytree(SOURCE, source)
    made: list[Path] = []

    def build() -> bytes:
        made.append(machines.build(_ARCH, source=source, name="faults"))
        return made[-1].read_bytes()

    def forget() -> None:
        for path in made:
            path.unlink(missing_ok=True)
            beside(path).unlink(missing_ok=True)

    edited = source / "memory.c"
    try:
        edited.write_text(edited.read_text() + f"\nint lmm_{tmp_path.name};\n")
        first = build()
        edited.write_text(edited.read_text().replace(f"lmm_{tmp_path.name}", "lmm_another"))
        second = build()
        assert second != first
        forget()
        capsys.readouterr()
        # An edited header keeps no object.
        header = next(source.glob("*.h"))
        header.write_text(header.read_text() + "/* */")
        assert [build(), build()] == [second, second]
        assert capsys.readouterr().err == f"lazymmu: building the module for {_ARCH} (some 5 s)\n"
    finally:
        forget()


def test_a_revision_that_two_files_define_is_refused_with_its_name(broken: Callable[..., Lazymmu]) -> None:
    source = (ROOT / "guest/module/api_v3.c").read_text().replace("lmm_api_v3", "lmm_api_twice")
    done, _ = broken(appended("guest/module/api_twice.c", source)).run("nesting/single", "--arch", _ARCH)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "lazymmu: two files define v3" in done.stdout


def test_a_mistake_in_c_is_shown_in_the_users_file_and_once(broken: Callable[..., Lazymmu]) -> None:
    done, document = broken(at_start_of("merged_disable", "run->no_such = 1;")).run(
        "nesting/single", "nesting/two-levels", "--api", "merged", "--arch", _ARCH
    )
    assert done.returncode == 3, done.stdout + done.stderr
    assert document["summary"]["error"] == 2
    place = r"^        guest/module/api_merged\.c:\d+:5: error: .*no_such.*$"
    assert len(re.findall(place, done.stdout, re.MULTILINE)) == 1
    assert "          \trun->no_such = 1;\n          \t   ^\n" in done.stdout
    assert "gcc" not in done.stdout
    assert "/lazymmu/builds/" not in done.stdout
