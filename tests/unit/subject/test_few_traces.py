# SPDX-License-Identifier: GPL-2.0-only
"""The table "A few traces" of semantics.md is what the simulator predicts, cell by cell."""

import re

from lazymmu.support.project import ROOT

from tests.unit.rows import each_row

from .example import EVERY_ARCH
from .notation import final_state, play

#: Column -> the revisions and personalities that it is about: v3 and v4 are alike the proposal, with-ptes is alike
#: merged.
COLUMNS = (
    (("proposal", "v3", "v4"), EVERY_ARCH),
    (("amended",), tuple(arch for arch in EVERY_ARCH if arch != "s390x")),
    (("amended",), ("s390x",)),
    (("merged", "with-ptes"), EVERY_ARCH),
)
TABLE = (ROOT / "docs" / "semantics.md").read_text().partition("### A few traces\n")[2].partition("\n## ")[0]
ROWS = re.findall(r"^\| ([EDPR ]+) \| (.*) \| (.*) \| (.*) \| (.*) \|$", TABLE, re.MULTILINE)


@each_row(("program", "cells"), [(row[0], row[1:]) for row in ROWS])
def test_the_table_is_predicted(program: str, cells: tuple[str, ...]) -> None:
    for cell, (apis, arches) in zip(cells, COLUMNS, strict=True):
        hooks, *claims = cell.split(", ", 1)
        for api in apis:
            for arch in arches:
                trace = play(program, api, arch)
                assert trace.hooks == hooks.replace("none", "")
                main = trace.tasks["main"]
                for claim in re.findall(r"\(\d+,\d+\)|count \d+|\bactive|ends enabled", claims[0] if claims else ""):
                    number = [int(digits) for digits in re.findall(r"\d+", claim)]
                    if claim.startswith("("):
                        assert list(final_state(trace)) == number
                    elif number:
                        assert final_state(trace)[0] == number[0]
                    else:
                        assert main["active"] is True
