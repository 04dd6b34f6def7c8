# SPDX-License-Identifier: GPL-2.0-only
"""`run --watch` on a real guest: a verdict for each edit, of the scenario and of the module."""

from pathlib import Path

from tests.guest.checkouts import at_start_of, checkout_with
from tests.watching import watching


def test_each_edit_has_its_verdict_and_a_failed_build_does_not_end_the_watch(tmp_path: Path) -> None:
    checkout = checkout_with({}, tmp_path / "checkout")
    scenario, module = tmp_path / "mine.yaml", checkout / "guest/module/api_merged.c"
    scenario.write_text("description: x\nsteps: [enable, disable]\n")
    flags = ("--arch", "x86_64", "--api", "merged")
    with watching(checkout, tmp_path / "state", str(scenario), *flags) as watch:
        watch.until("1 pass, 0 fail")
        watch.until("--- watching")
        scenario.write_text("description: x\nsteps: [enable, enable, disable, disable]\nexpect: {hooks: efl}\n")
        assert f"--- changed: {scenario}" in watch.until("1 pass, 0 fail")
        source = module.read_text()
        at_start_of("merged_disable", "return;")(checkout)
        assert "--- changed: guest/module/api_merged.c" in watch.until("0 pass, 1 fail")
        module.write_text("this is no C\n")
        watch.until("api_merged.c:1:")
        module.write_text(source)
        watch.until("1 pass, 0 fail")
        assert watch.interrupt() == 130
