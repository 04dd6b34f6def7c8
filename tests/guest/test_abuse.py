# SPDX-License-Identifier: GPL-2.0-only
"""The module under random and damaged programs: it answers each as it must, and leaves nothing behind."""

import errno
import re
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from lazymmu.guests.agent_connection import AgentConnection
from lazymmu.protocol import program
from lazymmu.protocol.agent_reply import AgentReply
from lazymmu.support.deadline import Deadline

from tests.guest import machines
from tests.guest.conftest import Lazymmu
from tests.guest.test_prompt import piped
from tests.soak.damaged_programs import refusals
from tests.soak.random_programs import compare
from tests.unit.subject.notation import case

_SEED = 20250915
_LARGE = 2000
# Growth in kB that is the kernel's own: caches, and pages that each processor keeps.
_NOISE = {"Slab": 2000, "KernelStack": 200, "VmallocUsed": 500}
# Four writers at the same time, and one whose write is killed again and again.
_CROWD = """\
write() { dd if=$1 of=/proc/lazymmu bs=64k; cat /proc/lazymmu; } >/dev/null 2>&1
for writer in 1 2 3 4; do
	(for turn in $(seq 4); do write short; write malformed; done) &
	writers="$writers $!"
done
for turn in $(seq 4); do
	dd if=sleeping of=/proc/lazymmu bs=64k 2>/dev/null &
	victim=$!; usleep 30000; kill -9 $victim; wait $victim
	[ $? = 137 ] && killed=$((killed + 1))
done
wait $writers
cat /proc/lazymmu >/dev/null
cd /sys/module/lazymmu/parameters
echo "killed=$((killed > 0)) runs=$(cat live_runs) threads=$(cat live_threads) $(ps | grep -c '[l]azymmu/')"
stat -c 'mode=%a user=%u group=%g' /proc/lazymmu
dmesg | grep -e 'BUG:' -e 'WARNING:' -e 'Oops'
"""
# CPU 1 changes code, for which it waits for CPU 0 again and again; a program waits on CPU 0 with interrupts off.
_BUSY = """\
while :; do
	echo 1 >/proc/sys/kernel/sched_schedstats
	echo 0 >/proc/sys/kernel/sched_schedstats
done &
taskset -p 2 $! >/dev/null || exit
for turn in 1 2; do
	dd if=waiting of=/proc/lazymmu bs=64k 2>/dev/null && cat /proc/lazymmu
done
kill $!
dmesg | grep -e ' error ' -e 'BUG:' -e 'WARNING:' -e 'Oops'
"""


def run(line: AgentConnection, text: bytes) -> AgentReply:
    line.send("run", text)
    return line.reply(Deadline.after(60))


def memory(line: AgentConnection) -> dict[str, int]:
    """Return what /proc/meminfo says of the kernel's memory, in kB."""
    found = re.findall(r"(\w+): +(\d+) kB", line.read("/proc/meminfo", Deadline.after(30)).decode())
    return {name: int(size) for name, size in found if name in _NOISE}


def test_a_random_program_reports_what_the_model_predicts(
    line: AgentConnection, everyday_or_all: Callable[[int, int], int]
) -> None:
    _, found = compare(line, everyday_or_all(100, 20_000), _SEED)
    assert found == ""
    assert machines.alive(line) == [0, 0]


def test_a_damaged_program_is_refused_with_one_line_or_reported_whole(
    line: AgentConnection, everyday_or_all: Callable[[int, int], int]
) -> None:
    count = everyday_or_all(200, 50_000)
    refused, wrong = refusals(line, count, Random(_SEED))  # noqa: S311
    assert wrong == ""
    assert count // 2 < refused < count * 99 // 100
    assert machines.alive(line) == [0, 0]


def test_large_programs_leave_no_memory_behind(
    line: AgentConnection, everyday_or_all: Callable[[int, int], int]
) -> None:
    steps = "".join(f"{number} enable\n" for number in range(_LARGE))
    large = f"lazymmu-program 3\nrun 1\nrevision merged\npersonality s390x\nsteps {_LARGE}\n{steps}"
    # The first ones fill caches that the kernel keeps.
    for _ in range(2):
        before = memory(line)
        for _ in range(everyday_or_all(5, 10)):
            assert run(line, f"{large}end\n".encode()).status == 0
        for _ in range(everyday_or_all(30, 100)):
            assert run(line, large.encode()).status == errno.EINVAL
    after = memory(line)
    assert not {name for name, noise in _NOISE.items() if after[name] - before[name] > noise}, (before, after)
    assert machines.alive(line) == [0, 0]


@pytest.mark.parametrize(
    "arch", ["s390x", *(pytest.param(arch, marks=pytest.mark.exhaustive) for arch in ("arm64", "x86_64"))]
)
def test_writers_at_the_same_time_and_killed_ones_leave_nothing_behind(
    lazymmu: Lazymmu, tmp_path: Path, arch: str
) -> None:
    short = program.text(case("task(t,1) E W(1) switch(t) E D"), run=1, api="merged", personality="arm64")
    # A writer is killed while one task or the other sleeps, in the middle of calls of both.
    turns = "sleep(20) F[switch(t) F[switch(main) sleep(20) switch(t)] sleep(20) switch(main)] "
    sleeping = program.text(case("task(t,1) " + turns * 16), run=2, api="merged", personality="arm64")
    for name, text in {"short": short, "malformed": short[:-4], "sleeping": sleeping, "crowd": _CROWD}.items():
        (tmp_path / name).write_text(text)
    flags = [word for name in ("short", "malformed", "sleeping", "crowd") for word in ("--push", str(tmp_path / name))]
    done = piped(lazymmu, arch, *flags, "--", "sh", "crowd")
    assert done.stdout.decode() == "killed=1 runs=0 threads=0 0\nmode=600 user=0 group=0\n", done.stderr


@pytest.mark.parametrize(
    "arch", ["x86_64", *(pytest.param(arch, marks=pytest.mark.exhaustive) for arch in ("arm64", "s390x"))]
)
def test_a_meanwhile_runs_while_its_processor_waits_for_the_one_that_spins(
    lazymmu: Lazymmu, tmp_path: Path, arch: str
) -> None:
    steps = "O{meanwhile(t){touch(0)}} B{meanwhile(t){touch(0)}} O{meanwhile(t){E} meanwhile(u){E} meanwhile(t){D}} "
    waiting = program.text(case(f"task(t,1) task(u,1) {steps * 4}"), run=1, api="merged", personality="arm64")
    for name, text in {"waiting": waiting, "busy": _BUSY}.items():
        (tmp_path / name).write_text(text)
    pushed = [word for name in ("waiting", "busy") for word in ("--push", str(tmp_path / name))]
    done = piped(lazymmu, arch, *pushed, "--", "sh", "busy")
    assert done.stdout.decode() == "59 lines printed, 0 to come\n" * 2, done.stderr
