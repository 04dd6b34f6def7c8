# SPDX-License-Identifier: GPL-2.0-only
"""What is fetched ahead of a command."""

import subprocess
import sys

import pytest
from lazymmu.architecture import architectures, default_names
from lazymmu.provision.ahead import needs
from lazymmu.support.errors import UsageError

from tests.unit import apart

DEFAULT = default_names(), ("lts",)


@pytest.mark.parametrize(
    ("line", "needed"),
    [
        ("run", DEFAULT),
        ("setup --jobs=3 --odd --json -", DEFAULT),
        ("run --arch x86_64,s390x", (("s390x", "x86_64"), ("lts",))),
        ("run nesting --arch x86_64 --kernel current --arch=arm64", (("arm64", "x86_64"), ("current",))),
        ("run --arch all --kernel=lts --kernel next", (tuple(architectures()), ("lts", "next"))),
        ("run --kernel ~/linux --kernel ./out", ((), ())),
        ("run --kernel ~/linux --arch s390x", (("s390x",), ("~/linux",))),
        ("test", DEFAULT),
        ("test guest -k x --arch s390x", DEFAULT),
        ("test unit", ((), ())),
        ("run --offline", ((), ())),
        ("run --resume=results", ((), ())),
        ("setup --import file --arch arm64", ((), ())),
        ("run -h", ((), ())),
        ("list --arch arm64", ((), ())),
        ("", ((), ())),
    ],
)
def test_the_words_of_a_command_say_what_it_needs(line: str, needed: tuple[tuple[str, ...], tuple[str, ...]]) -> None:
    assert needs(line.split()) == needed


def test_an_unknown_architecture_is_no_reason_to_fetch_others() -> None:
    for line in ("run --arch arm64 --arch odd", "run --arch"):
        with pytest.raises(UsageError):
            needs(line.split())


def test_the_launcher_needs_the_standard_library_alone() -> None:
    program = "import lazymmu.provision.environment, sys; print(*sys.modules)"
    command = [sys.executable, "-S", "-P", "-c", program]
    done = subprocess.run(command, env=apart.environment(), capture_output=True, text=True, check=True)
    found = {name.partition(".")[0] for name in done.stdout.split() if not name.startswith("_sysconfigdata")}
    assert found - {*sys.stdlib_module_names, "__main__"} == {"lazymmu"}
