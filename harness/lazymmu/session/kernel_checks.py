# SPDX-License-Identifier: GPL-2.0-only
"""What the kernel's own checks say in its log while a program runs natively (docs/native.md).

The module counts these complaints where they come, so they are part of its report, and no trouble by themselves.
"""

import re
from collections.abc import Mapping

from msgspec.structs import replace

from lazymmu.protocol.agent_reply import AgentReply
from lazymmu.results.result import Unit
from lazymmu.subject.counters import ATOMIC_SLEEPS, WARNINGS
from lazymmu.subject.implementations import IMPLEMENTATIONS

# Counter -> the titles of its findings. The kernel's inline functions are compiled into the module's.
_COUNTED = {
    WARNINGS: r"WARNING in lmm_native_\w+ \[lazymmu\]",
    ATOMIC_SLEEPS: r"sleeping function called from invalid context at \S*\bapi_native\.c:\d+",
}


def take(unit: Unit, reply: AgentReply) -> tuple[AgentReply, Mapping[str, int]]:
    """Return a unit's reply without the complaints that the module counts, and how many there are by counter."""
    if not reply.foreign or not IMPLEMENTATIONS[unit.impl].hooks_only:
        return reply, {}
    from lazymmu.guests.findings.scan import findings_in

    counts: dict[str, int] = {}
    taken: set[int] = set()
    for finding in findings_in("\n".join(text for _, text in reply.foreign)):
        for counter, title in _COUNTED.items():
            if re.match(title, finding.title):
                counts[counter] = counts.get(counter, 0) + 1
                first = finding.line - 1
                taken.update(range(first, first + finding.text.count("\n") + 1))
    left = tuple(record for number, record in enumerate(reply.foreign) if number not in taken)
    return replace(reply, foreign=left), counts


def difference(unit: Unit, counters: Mapping[str, int], complaints: Mapping[str, int]) -> str:
    """Return in what a native unit's counters differ from the complaints in the log; empty if they agree."""
    # Any other implementation has checks of its own, which complain nowhere.
    for counter in _COUNTED if IMPLEMENTATIONS[unit.impl].hooks_only else ():
        said, counted = complaints.get(counter, 0), counters.get(counter, 0)
        # Of the complaints about sleep the module counts the first.
        if (bool(said) if counter == ATOMIC_SLEEPS else said) != counted:
            return f"the kernel's log has {said} complaints of what the module counts as {counted} {counter}"
    return ""
