# SPDX-License-Identifier: GPL-2.0-only
"""Writes the report that the module prints of a run with this trace: the reverse of `report.parse`.

`run-scenario` in the guest compares with it (docs/protocol.md, section 2).
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence

from lazymmu.protocol.program import revision
from lazymmu.subject.counters import counter_names
from lazymmu.subject.implementations import MODULE, state_of
from lazymmu.subject.trace import StepTrace, Trace

# Table entries per report line.
_ENTRIES = 32


def _pairs(values: Mapping[str, int]) -> str:
    return "".join(f" {name}={int(value)}" for name, value in values.items())


def _step(step: StepTrace, counters: Sequence[str]) -> str:
    value = "" if step.value is None else f" value={step.value}"
    changed = {name: step.counters[name] for name in counters if name in step.counters}
    return (
        f"step {step.index} {step.op} task={step.task} hooks={step.hooks or '-'} inside={step.hook_active or '-'} "
        f"active={int(step.active)}{value}{_pairs(step.state)} outstanding={step.outstanding} |{_pairs(changed)}"
    )


def _lines(trace: Trace, api: str, personality: str, steps: int, impl: str) -> Iterator[str]:
    yield f"begin revision={revision(api, impl)} personality={personality} steps={steps}"
    counters = counter_names(personality)
    yield from (_step(step, counters) for step in trace.steps)
    yield f"total{_pairs(trace.counters)}"
    own = [name for name, _ in state_of(api, personality, impl)]
    for name, state in trace.tasks.items():
        # In v4, a line has `active` twice: the flag of its state, then whether the task is active.
        yield f"task {name}{_pairs({word: state[word] for word in own})} active={int(state['active'])}"
    entries = [f"{index}:{value}" for index, value in sorted((trace.table or {}).items())]
    yield f"table outstanding={trace.outstanding} entries={len(entries)}"
    for first in range(0, len(entries), _ENTRIES):
        yield f"entries {','.join(entries[first : first + _ENTRIES])}"


def lines(trace: Trace, *, run: int, api: str, personality: str, steps: int, impl: str = MODULE) -> list[str]:
    """Return the report's lines, without the prefix of the module; `steps` is how many the program has."""
    body = [f"run {run} {line}" for line in _lines(trace, api, personality, steps, impl)]
    crc = zlib.crc32("".join(f"{line}\n" for line in body).encode())
    return [*body, f"run {run} end lines={len(body)} crc={crc:08x}"]
