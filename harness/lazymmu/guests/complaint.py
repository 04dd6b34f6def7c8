# SPDX-License-Identifier: GPL-2.0-only
"""Whether the guest's kernel complained while it worked on a request."""

from __future__ import annotations

from lazymmu.guests.findings.finding import Severity
from lazymmu.guests.findings.scan import findings_in
from lazymmu.protocol.agent_reply import AgentReply

# Worse than a warning (Linux: include/linux/kern_levels.h). WARN() has the level of harmless notes: found by its text.
_KERN_ERR = 3


def complaint(answer: AgentReply, *, warnings_allowed: bool = False) -> str | None:
    """Return what the kernel complained of, None when it did not; a WARN() may be allowed."""
    if not answer.foreign:
        return None
    found = [
        finding
        for finding in findings_in("\n".join(text for _, text in answer.foreign))
        if not (warnings_allowed and finding.severity is Severity.WARNING)
    ]
    told = [finding.title for finding in found] + [text for level, text in answer.foreign if level <= _KERN_ERR]
    return f"the guest's kernel complained: {told[0]}" if told else None
