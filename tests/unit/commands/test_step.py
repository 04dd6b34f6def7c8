# SPDX-License-Identifier: GPL-2.0-only
"""`step` refuses what it cannot walk before a guest starts."""

import pytest
from lazymmu.cli import main


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["pause/nested"], "--arch"),
        (["pause/nested", "--arch", "vax"], "unknown architecture `vax`"),
        (["pause/nothing", "--arch", "arm64"], "pause/nothing"),
        (["nesting/deep", "--arch", "arm64"], "one of them is nesting/deep[depth="),
        (["pause/nested", "--arch", "arm64", "--until", "x"], "a step is a number, not `x`"),
        (["pause/nested", "--arch", "arm64", "--until", "99"], "there is no step 99"),
        (["pause/nested", "--arch", "arm64", "--api", "all"], "is several"),
        (["pause/nested", "--arch", "arm64", "--impl", "header"], "nothing is selected"),
        (["pause/nested", "--arch", "arm64", "--kernel", "lts", "--kernel", "current"], "one --kernel"),
    ],
)
def test_what_cannot_be_walked_is_refused(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["step", *words]) == 2
    assert message in capsys.readouterr().err
