# SPDX-License-Identifier: GPL-2.0-only
"""Lines that only s390x prints. Sources: arch/s390/mm/fault.c, arch/s390/kernel/{traps,dumpstack}.c."""

from lazymmu.guests.findings.row import deadly, die, headline, null_dereference

NAME = "s390x"

_CHECK = r": [0-9a-f]{4} ilc:"

ROWS = (
    headline("page-fault", r"Unable to handle kernel .* in virtual (?:kernel|user) address space", "page fault{where}"),
    # The headline does not mention NULL: the failing address is in the first page.
    null_dereference(r"Failing address: (?P<address>0{13}[0-9a-f]+) TEID: ", stages=(4,), weight=6, opens=False),
    deadly("stack-overflow", r"Kernel stack overflow", "kernel stack overflow"),
    die("divide-error", r"fixpoint divide exception" + _CHECK, "division by zero or overflow{where}"),
    die("illegal-instruction", r"illegal operation" + _CHECK, "illegal instruction{where}"),
    die("specification-exception", r"specification exception" + _CHECK, "specification exception{where}"),
    die("addressing-exception", r"addressing exception" + _CHECK, "addressing exception{where}"),
    die(
        "protection-exception",
        r"(?:protection exception|Low-address protection)" + _CHECK,
        "protection exception{where}",
    ),
    die(
        "program-check",
        rf"(?!Oops: )(?P<what>[A-Za-z][\w -]{{1,40}}+){_CHECK}\d \[#\d+\]",
        "{what}{where}",
        fallback=True,
    ),
)

DUMP = (r"Krnl |User |Last Breaking-Event-Address:|AS:|Fault in |Failing address: |Low-address",)
PROGRAM_COUNTER = r"Krnl PSW : \w+ \w+ \("
