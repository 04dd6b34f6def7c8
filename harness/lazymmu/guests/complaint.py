# SPDX-License-Identifier: GPL-2.0-only
"""Complaints of the guest's kernel while it worked on a request."""

from __future__ import annotations

from lazymmu.guests.findings.finding import Severity
from lazymmu.guests.findings.scan import findings_in
from lazymmu.protocol.agent_reply import AgentReply

# Worse than a warning (Linux: include/linux/kern_levels.h). A WARN() has the level of a harmless note, so the findings
# have to recognise its text.
_KERN_ERR = 3


def complaint(reply: AgentReply, *, warnings_allowed: bool = False) -> str | None:
    """Return what the kernel complained of, None if it did not. `warnings_allowed` ignores WARN()s."""
    if not reply.foreign:
        return None
    complaints = [
        finding.title
        for finding in findings_in("\n".join(text for _, text in reply.foreign))
        if not (warnings_allowed and finding.severity is Severity.WARNING)
    ]
    complaints += [text for level, text in reply.foreign if level <= _KERN_ERR]
    return f"the guest's kernel complained: {complaints[0]}" if complaints else None
