# SPDX-License-Identifier: GPL-2.0-only
"""Standard error of QEMU and of the sandbox that starts it.

Sources: QEMU's util/error-report.c (the prefix), accel/kvm/kvm-all.c, target/*/kvm/kvm.c, system/{cpus,runstate}.c,
cpu-target.c, glib's gtestutils.c, glibc's assert.c and malloc.c. QEMU's warnings are not findings.
"""

from functools import partial

from lazymmu.guests.findings.finding import Severity
from lazymmu.guests.findings.row import LINE, REST, Row

NAME = "qemu"

# The program's name, and the argument that the message is about.
_PROGRAM = r"(?:qemu-system-\w+: )?(?:-[\w-]+ \S+: )?"
_qemu = partial(Row, severity=Severity.FATAL, report="qemu", extent=LINE, varies=False)
_dump = partial(_qemu, extent=REST)
_no_kvm = partial(_qemu, "kvm-unavailable", title="KVM is not available: {what}")
_no_memory = partial(_qemu, "qemu-memory", title="QEMU cannot allocate memory: {what}")

ROWS = (
    _qemu("kvm-msr", _PROGRAM + r"error: failed to (?P<what>[gs]et MSR \w+)", "KVM cannot {what}", weight=3),
    _no_kvm(_PROGRAM + r"Could not access KVM kernel module: (?P<what>.+)"),
    _no_kvm(_PROGRAM + r"failed to initialize kvm: (?P<what>.+)", stages=(2,)),
    _dump("kvm-internal-error", r"KVM internal error\. Suberror: (?P<code>\d+)", "KVM internal error {code}"),
    _dump(
        "kvm-entry-failed",
        r"KVM: entry failed, hardware error (?P<code>\w+)",
        "KVM cannot enter the guest: hardware error {code}",
    ),
    _dump("kvm-run-failed", _PROGRAM + r"error: kvm run failed (?P<what>.+)", "KVM run failed: {what}"),
    _dump("qemu-fatal", r"qemu: fatal: (?P<what>.+)", "QEMU: {what}"),
    _dump(
        "guest-crashed", r"Guest crashed(?: on cpu (?P<cpu>\d+))?(?:: (?P<what>.+))?", "QEMU stopped the guest: {what}"
    ),
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
    _no_memory(_PROGRAM + r"(?P<what>(?:cannot set up guest memory|Could not allocate memory).*)"),
    _no_memory(r"qemu-system-\w+: (?P<what>.+Cannot allocate memory)"),
    _qemu(
        "qemu-terminated",
        r"qemu-system-\w+: terminating on signal (?P<signal>\d+)",
        "QEMU was terminated by signal {signal}",
    ),
    _qemu("qemu-error", r"qemu(?:-system-\w+)?: (?!warning: |info: )(?P<what>.+)", "QEMU: {what}", fallback=True),
    _qemu("sandbox", r"(?:/\S+/)?(?:bwrap|chroot|setpriv|env): (?P<what>.+)", "the sandbox cannot start QEMU: {what}"),
)

DUMP = ()
PROGRAM_COUNTER = ""
