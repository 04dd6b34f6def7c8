# SPDX-License-Identifier: GPL-2.0-only
"""Rows for the standard error of QEMU, and of the sandbox that starts it.

Sources: QEMU's util/error-report.c (the prefix), accel/kvm/kvm-all.c, target/*/kvm/kvm.c, system/{cpus,runstate}.c,
cpu-target.c, glib's gtestutils.c, glibc's assert.c and malloc.c. QEMU's warnings are no findings.
"""

from __future__ import annotations

from functools import partial

from lazymmu.guests.findings.finding import Severity
from lazymmu.guests.findings.row import LINE, REST, Row

# Its name, and the argument that is to blame.
_NAME = r"(?:qemu-system-\w+: )?(?:-[\w-]+ \S+: )?"
_qemu = partial(Row, severity=Severity.FATAL, report="qemu", extent=LINE, varies=False)

ROWS = (
    _qemu("kvm-msr", _NAME + r"error: failed to (?P<what>[gs]et MSR \w+)", "KVM cannot {what}", weight=3),
    _qemu(
        "kvm-unavailable",
        _NAME + r"Could not access KVM kernel module: (?P<what>.+)",
        "KVM cannot be used: {what}",
    ),
    _qemu(
        "kvm-unavailable",
        _NAME + r"failed to initialize kvm: (?P<what>.+)",
        "KVM cannot be used: {what}",
        stages=(2,),
    ),
    _qemu(
        "kvm-internal-error",
        r"KVM internal error\. Suberror: (?P<code>\d+)",
        "KVM internal error {code}",
        extent=REST,
    ),
    _qemu(
        "kvm-entry-failed",
        r"KVM: entry failed, hardware error (?P<code>\w+)",
        "KVM cannot enter the guest: hardware error {code}",
        extent=REST,
    ),
    _qemu("kvm-run-failed", _NAME + r"error: kvm run failed (?P<what>.+)", "KVM run failed: {what}", extent=REST),
    _qemu("qemu-fatal", r"qemu: fatal: (?P<what>.+)", "QEMU: {what}", extent=REST),
    _qemu(
        "qemu-assertion",
        r"qemu[\w-]*: (?P<place>\S+:\d+): (?P<function>.+?): Assertion [`'](?P<what>.+)' failed",
        "QEMU aborted: assertion {what} in {function}",
        stages=(2,),
    ),
    _qemu(
        "qemu-assertion",
        r"ERROR:(?P<place>\S+?:\d+):(?P<function>[^:]+): (?P<what>.+)",
        "QEMU aborted: {what} in {function}",
    ),
    _qemu("qemu-assertion", r"Bail out! (?P<what>.+)", "QEMU aborted: {what}", stages=(2,)),
    _qemu(
        "qemu-aborted",
        r"(?P<what>(?:malloc|free|realloc|munmap_chunk)\(\): .+|double free or corruption.*|\*\*\* .+ detected \*\*\*)",
        "QEMU aborted: {what}",
    ),
    _qemu(
        "qemu-memory",
        _NAME + r"(?P<what>(?:cannot set up guest memory|Could not allocate memory).*)",
        "QEMU gets no memory: {what}",
    ),
    _qemu(
        "qemu-memory",
        r"qemu-system-\w+: (?P<what>.+Cannot allocate memory)",
        "QEMU gets no memory: {what}",
    ),
    _qemu(
        "qemu-terminated",
        r"qemu-system-\w+: terminating on signal (?P<signal>\d+)",
        "QEMU was ended by signal {signal}",
    ),
    _qemu(
        "guest-crashed",
        r"Guest crashed(?: on cpu (?P<cpu>\d+))?(?:: (?P<what>.+))?",
        "QEMU stopped the guest: {what}",
        extent=REST,
    ),
    _qemu("qemu-error", r"qemu(?:-system-\w+)?: (?!warning: |info: )(?P<what>.+)", "QEMU: {what}"),
    _qemu("sandbox", r"(?:/\S+/)?(?:bwrap|chroot|setpriv|env): (?P<what>.+)", "the sandbox cannot start QEMU: {what}"),
)
