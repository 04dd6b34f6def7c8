# SPDX-License-Identifier: GPL-2.0-only
"""What shards on a cluster get of a command line."""

from lazymmu.commands import COMMANDS
from lazymmu.parser import command_parser
from lazymmu.reports.formats import FORMATS
from lazymmu.session import listed
from lazymmu.session.shards import cluster


def test_every_flag_of_run_is_passed_on_or_needed_here_or_refused() -> None:
    flags = {*vars(command_parser(COMMANDS.pick("run")).read([]))} - {"words", *FORMATS}
    assert flags == {*listed.SELECTING, *cluster.PASSED, *cluster.OWN, *cluster.REFUSED, *cluster.LISTS}
