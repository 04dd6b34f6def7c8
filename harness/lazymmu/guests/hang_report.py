# SPDX-License-Identifier: GPL-2.0-only
"""Finds out why a guest is silent, from QEMU's state and from the program counters of its processors."""

import re
import time
from collections import Counter
from collections.abc import Callable, Sequence

from lazymmu.architecture import Architecture
from lazymmu.guests import host_process
from lazymmu.guests.monitor import Monitor
from lazymmu.guests.symbols import Symbols
from lazymmu.support.deadline import Deadline

_SAMPLES = 3
# Long enough for a running processor to move on, short enough for a verdict within a second.
_BETWEEN_SAMPLES = 0.05
# Limit for the whole conversation with QEMU (seconds).
_CONVERSATION = 2.0


def _sample(monitor: Monitor, pattern: re.Pattern[str]) -> tuple[str, list[list[int]]]:
    """Return QEMU's state, and three program counters of each processor. The guest stays stopped."""
    deadline = Deadline.after(_CONVERSATION)
    status = str(monitor.execute("query-status", deadline)["status"])
    cpus = len(monitor.execute("query-cpus-fast", deadline))
    counters: list[list[int]] = [[] for _ in range(cpus)]
    if status != "running":
        return status, counters
    for sample in range(_SAMPLES):
        if sample:
            monitor.execute("cont", deadline)
            time.sleep(_BETWEEN_SAMPLES)
        # While a processor runs under emulation, QEMU shows old registers.
        monitor.execute("stop", deadline)
        for cpu in range(cpus):
            question = {"command-line": "info registers", "cpu-index": cpu}
            match = pattern.search(str(monitor.execute("human-monitor-command", deadline, question)))
            counters[cpu] += [int(match[1], 16)] if match else []
    return status, counters


def _processor(cpu: int, counters: Sequence[int], symbols: Symbols, idle: Sequence[str]) -> tuple[str, bool]:
    """Return in words where a processor is, and whether it is idle."""
    names = [symbols.name(counter) for counter in counters]
    # One of the samples may be in a timer's interrupt.
    function, times = Counter(name.partition("+")[0] for name in names).most_common(1)[0]
    if times == 1:
        return f"CPU {cpu} runs in {', '.join(names)}", False
    if function in idle:
        return f"CPU {cpu} is idle", True
    return f"CPU {cpu} spins in {next(name for name in names if name.partition('+')[0] == function)}", False


def diagnose(
    architecture: Architecture,
    qemu: int | None,
    monitor: Monitor,
    symbol_source: Callable[[], Symbols],
    *,
    agent_answers: bool,
) -> tuple[str, Sequence[str]]:
    """Return why a guest is silent, in a few words, and the evidence, a line each. Leave the guest stopped.

    `qemu` is QEMU's process. `agent_answers` says whether the agent still reports its progress.
    """
    if qemu is not None and host_process.is_stopped(qemu):
        return "QEMU is stopped, by a signal or a debugger", ()
    pattern = re.compile(architecture.program_counter)
    try:
        status, counters = _sample(monitor, pattern)
    except OSError as error:
        return f"QEMU's monitor does not answer ({error})", ()
    if status != "running":
        return f"QEMU has stopped the guest: {status}", ()
    if not all(counters):
        return "the guest hangs, and QEMU does not say where its processors are", ()
    # Parse the symbols only now that the guest is stopped: a processor that spins takes all of the host's time.
    symbols = symbol_source() + Symbols.of((address, name) for name, address in architecture.areas.items())
    processors = [_processor(cpu, places, symbols, architecture.idle) for cpu, places in enumerate(counters)]
    shown = [" ".join(f"{symbols.name(place)} ({place:#x})" for place in places) for places in counters]
    evidence = [f"CPU {cpu}: {places}" for cpu, places in enumerate(shown)]
    agent = "its agent answers" if agent_answers else "its agent does not answer"
    if processors and all(idle for _, idle in processors):
        return f"the guest is idle: all processors wait, {agent}", evidence
    return f"the guest hangs: {', '.join(words for words, _ in processors)}; {agent}", evidence
