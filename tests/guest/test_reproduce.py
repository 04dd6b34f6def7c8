# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu reproduce` runs what failed again, and says whether it ends as it did."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.guest.checkouts import Edit
from tests.guest.conftest import Lazymmu
from tests.guest.test_mutants import NOTICING, SAMPLE
from tests.headers import MERGED, NESTED_FLUSH

_SLIP = MERGED.replace(NESTED_FLUSH, ";")


def test_a_failure_is_reproduced_until_the_mistake_is_gone(lazymmu: Lazymmu, tmp_path: Path) -> None:
    text, out = tmp_path / "my.h", str(tmp_path / "out")
    text.write_text(_SLIP)
    flags = ("--arch", "arm64", "--header", str(text), "--out", out)
    done = lazymmu("run", "nesting/single", "nesting/deep", *flags)
    assert done.returncode == 1, done.stdout + done.stderr
    done = lazymmu("reproduce", out)
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.count("\n$ ") + done.stdout.startswith("$ ") == 1, "one cause, one command"
    assert "nesting/deep[depth=2] merged header on arm64: reproduced: fail again, for the same reason\n" in done.stdout
    case = "nesting/deep[depth=3]"
    assert lazymmu("reproduce", out, case).stdout.endswith(
        f"{case} merged header on arm64: reproduced: fail again, for the same reason\n"
    )
    text.write_text(MERGED)
    done = lazymmu("reproduce", out)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"note: since that run, {text} changed\n" in done.stdout
    assert "nesting/deep[depth=2] merged header on arm64: not reproduced: pass now, fail then\n" in done.stdout


def chosen(mutant: str) -> Edit:
    """Return the edit that makes a module with this mutant."""

    def edit(checkout: Path) -> None:
        build, choice = checkout / "guest" / "module" / "Kbuild", checkout / "guest" / "module" / "mutants" / "choose.c"
        first, rest = build.read_text().split("\n", 1)
        build.write_text(f"{first}\nLMM_MUTANTS := y\n{rest}")
        text = choice.read_text()
        assert text.count("static char *mutant;") == 1
        choice.write_text(text.replace("static char *mutant;", f'static char *mutant = "{mutant}";'))

    return edit


@pytest.mark.exhaustive
@pytest.mark.parametrize("mutant", SAMPLE)
def test_every_failure_of_a_mutant_is_reproduced(broken: Callable[..., Lazymmu], tmp_path: Path, mutant: str) -> None:
    lazymmu, out = broken(chosen(mutant)), tmp_path / "out"
    done = lazymmu("run", *NOTICING, "--arch", "s390x", "--arch", "x86_64", "--out", str(out))
    assert done.returncode == 1, done.stdout + done.stderr
    results = json.loads((out / "results.json").read_text())["results"]
    failed = Counter(one["scenario"] for one in results if one["outcome"] == "fail")
    assert failed
    for name, count in failed.items():
        done = lazymmu("reproduce", str(out), name)
        again = done.stdout.count(": reproduced: fail again, for the same reason\n")
        assert (done.returncode, again) == (1, count), done.stdout
