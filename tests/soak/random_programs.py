# SPDX-License-Identifier: GPL-2.0-only
"""Compares the model with guests on random programs, in every revision and under every personality.

python -m tests.soak.random_programs [COUNT [SEED [ARCH ...]]]

A program that the model calls misplaced must be refused by the guest, with the line of a step. The first difference of
each guest is printed with its program, and ends that guest's part.
"""

import errno
import re
import sys
import time
from collections import Counter
from random import Random

from lazymmu.guests.agent_connection import AgentConnection
from lazymmu.protocol import program, report
from lazymmu.subject.personalities import PERSONALITIES
from lazymmu.subject.revisions import REVISIONS
from lazymmu.subject.simulator import predict
from lazymmu.subject.trace import Trace
from lazymmu.support.deadline import Deadline
from lazymmu.support.errors import GuestError, Misplaced

from tests.guest import machines, random_programs
from tests.unit.subject.notation import case

_REPLY = 60.0


def difference(connection: AgentConnection, text: str, api: str, personality: str, run: int) -> str:
    """Run one program of the notation; return what the guest and the model say differently, empty if nothing."""
    played = case(text)
    predicted: Trace | Misplaced
    try:
        predicted = predict(played, api, personality)
    except Misplaced as error:
        predicted = error
    lines = program.text(played, run=run, api=api, personality=personality).splitlines(keepends=True)
    connection.send("run", "".join(lines).encode())
    reply = connection.reply(Deadline.after(_REPLY))
    if isinstance(predicted, Misplaced):
        steps = {step.index for step in played.walk() if step.place == predicted.problems[0].place}
        said = (re.match(r"lazymmu: program line (\d+): .", record) for record in reply.records)
        refused = {int(lines[int(line[1]) - 1].split()[0]) for line in said if line}
        agree = reply.status == errno.EINVAL and len(refused) == 1 and refused <= steps
        return "" if agree else f"the model says {predicted}, the guest {reply.records[-3:]}"
    try:
        observed = report.parse(reply, played, run=run, api=api, personality=personality)
    except GuestError as error:
        return f"the guest says {error}: {reply.records[-3:]}"
    for step, seen in zip(predicted.steps, observed.steps, strict=False):
        if step != seen:
            return f"step {step.index}: the model says {step}, the guest {seen}"
    return "" if predicted == observed else f"the model says {predicted}, the guest {observed}"


def compare(connection: AgentConnection, count: int, seed: int) -> tuple[Counter[str], str]:
    """Run so many programs; return how many of each kind ran, and the first difference, empty if there is none."""
    chance = Random(seed)  # noqa: S311  (a fixed sequence, so that a difference comes again)
    counts: Counter[str] = Counter()
    for run in range(count):
        api, personality = chance.choice([*REVISIONS]), chance.choice([*PERSONALITIES])
        text = random_programs.well_formed(chance, api)
        found = difference(connection, text, api, personality, run)
        if found:
            return counts, f"program {run}, {api} as {personality}: {text}\n{found}"
        counts[f"{api} as {personality}"] += 1
    return counts, ""


def main(arguments: list[str]) -> int:
    """Compare on each guest, one after the other."""
    count, seed = (int(word) for word in (*arguments[:2], *("10000", "1")[len(arguments[:2]) :]))
    status = 0
    for arch in arguments[2:] or machines.ARCHES:
        with machines.ready(machines.machine(arch)) as connection:
            began = time.monotonic()
            counts, found = compare(connection, count, seed)
            seconds = time.monotonic() - began
            left = machines.alive(connection)
        print(f"{arch}: {counts.total()} programs in {len(counts)} pairs without a difference, {seconds:.0f} s")
        if found or left != [0, 0]:
            print(f"{arch}: {found or f'left behind: {left}'}")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
