# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu doctor`: shows what is there and what is missing. Exit status 3 if a run could not work."""

from __future__ import annotations

from argparse import Namespace

from lazymmu import flags as shared
from lazymmu.parser import Parser
from lazymmu.support.interrupts import importing

NAME = "doctor"
HELP = "show what is there, what is missing, whether a run can work"


def flags(parser: Parser) -> None:
    shared.kernel(parser)
    shared.offline(parser, "ask about a run that may not fetch anything")
    shared.json(parser, "the checks")


def main(arguments: Namespace) -> int:
    with importing():
        from lazymmu.doctor.run import doctor
    return doctor(arguments)
