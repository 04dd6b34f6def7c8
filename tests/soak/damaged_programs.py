# SPDX-License-Identifier: GPL-2.0-only
"""Sends damaged programs to guests: the module refuses each with one line, or runs it and reports it whole.

python -m tests.soak.damaged_programs [COUNT [SEED [ARCH ...]]]

The first wrong answer of each guest is printed with its program, and ends that guest's part. Each hundredth of the
count prints a line with the rate so far.
"""

import errno
import re
import sys
import time
import zlib
from random import Random

from lazymmu.guests.agent_connection import AgentConnection
from lazymmu.protocol import program
from lazymmu.protocol.agent_reply import AgentReply
from lazymmu.subject.personalities import PERSONALITIES
from lazymmu.subject.revisions import REVISIONS
from lazymmu.support.deadline import Deadline

from tests.guest import machines, random_programs
from tests.unit.subject.notation import case

_REPLY = 60.0
# Lines of progress for each guest.
_PARTS = 100


def is_whole(records: tuple[str, ...]) -> bool:
    """Return whether the records of a reply are one report, from its first line to its checksum."""
    lines = [record.removeprefix("lazymmu: ") + "\n" for record in records if record.startswith("lazymmu: run ")]
    crc = zlib.crc32("".join(lines[:-1]).encode())
    return bool(lines) and " begin " in lines[0] and lines[-1].endswith(f" end lines={len(lines) - 1} crc={crc:08x}\n")


def is_refusal(reply: AgentReply) -> bool:
    """Return whether a reply is EINVAL with one line that names the line of the program."""
    said = [record for record in reply.records if record.startswith("lazymmu: ")]
    return (
        reply.status == errno.EINVAL
        and len(said) == 1
        and bool(re.match(r"lazymmu: program line [1-9]\d*: .", said[0]))
    )


def refusals(connection: AgentConnection, count: int, chance: Random) -> tuple[int, str]:
    """Send so many damaged programs; return how many were refused, and the first wrong answer, empty if none was."""
    refused = 0
    for number in range(count):
        api, personality = chance.choice([*REVISIONS]), chance.choice([*PERSONALITIES])
        played = case(random_programs.well_formed(chance, api))
        damaged = random_programs.damaged(chance, program.text(played, run=1, api=api, personality=personality))
        connection.send("run", damaged)
        reply = connection.reply(Deadline.after(_REPLY))
        if not (is_refusal(reply) if reply.status else is_whole(reply.records)):
            return refused, f"program {number}: {damaged!r}\nstatus {reply.status}: {reply.records}"
        refused += reply.status != 0
    return refused, ""


def main(arguments: list[str]) -> int:
    """Damage programs for each guest, one guest after the other."""
    count, seed = (int(word) for word in (*arguments[:2], *("1000000", "1")[len(arguments[:2]) :]))
    status = 0
    for arch in arguments[2:] or machines.ARCHES:
        chance = Random(seed)  # noqa: S311  (a fixed sequence, so that a wrong answer comes again)
        with machines.ready(machines.machine(arch)) as connection:
            began = time.monotonic()
            sent = refused = 0
            wrong = ""
            while sent < count and not wrong:
                part = min(-(-count // _PARTS), count - sent)
                more, wrong = refusals(connection, part, chance)
                sent, refused = sent + part, refused + more
                seconds = time.monotonic() - began
                print(f"{arch}: {sent} sent, {refused} refused, {seconds:.0f} s", flush=True)
            left = machines.alive(connection)
        if wrong or left != [0, 0]:
            print(f"{arch}: {wrong or f'left behind: {left}'}")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
