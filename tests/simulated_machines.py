# SPDX-License-Identifier: GPL-2.0-only
"""What `run --on` would take on many machines, from costs measured on one: `python -m tests.simulated_machines`.

Machines take shards from one queue, as dask's scheduler gives them out, and some are lost. The command takes the
results of one shard after the other. docs/how-to/many-machines.md quotes a table.
"""

import argparse
import heapq
import random
from collections.abc import Iterator

from lazymmu.session.shards.cluster import shard_count
from msgspec import Struct


class Costs(Struct, frozen=True):
    """Seconds, measured on two cores of a host without KVM."""

    #: The command: dask, the connection, the comparison with the workers.
    connect: float = 1.0
    #: The scenarios of the library, and each case of the whole selection: the command and every shard plan all of them.
    load: float = 0.6
    plan_case: float = 9e-6
    #: A shard: its process and the guests of a machine, restored.
    shard: float = 0.8
    #: A case in a guest that has a core for itself.
    case: float = 8e-3
    #: What the command does with a result.
    take_case: float = 30e-6
    #: Until a scheduler knows that a worker whose host is gone is lost (dask's default).
    lost: float = 30.0
    #: How much the fastest and the slowest machine differ from the mean.
    deviation: float = 0.3


class Outcome(Struct, frozen=True):
    """What a run took."""

    shards: int
    seconds: float
    #: The part of it after the last shard has ended.
    taking: float
    lost: int


def simulate(machines: int, cases: int, guests: int, losses: float, seed: int, costs: Costs) -> Outcome:
    """Run so many cases on machines with so many guests each, of which this part is lost within an hour."""
    chance = random.Random(seed)  # noqa: S311
    count = shard_count(cases, machines)
    plan = costs.load + cases * costs.plan_case
    begin = plan + costs.connect
    speeds = [1 + costs.deviation * ((2 * number + 1) / machines - 1) for number in range(machines)]
    chance.shuffle(speeds)
    ends = [chance.expovariate(losses / 3600) if losses else float("inf") for _ in range(machines)]
    #: When a machine is free.
    free = [(begin, machine) for machine in range(machines)]
    #: When a shard may be started: those of lost machines later.
    waiting = [(begin, cases // count + (number < cases % count)) for number in range(count)]
    done: list[tuple[float, int]] = []
    lost = 0
    while waiting and free:
        at, size = heapq.heappop(waiting)
        time, machine = heapq.heappop(free)
        start = max(at, time)
        end = start + (plan + costs.shard + size * costs.case / guests) / speeds[machine]
        if begin + ends[machine] < end:
            lost += 1
            heapq.heappush(waiting, (max(start, begin + ends[machine]) + costs.lost, size))
            continue
        heapq.heappush(done, (end, size))
        heapq.heappush(free, (end, machine))
    if waiting:
        raise SystemExit(f"all {machines} machines were lost")
    last = max(end for end, _ in done)
    taken = begin
    while done:
        end, size = heapq.heappop(done)
        taken = max(taken, end) + size * costs.take_case
    return Outcome(count, taken, taken - last, lost)


def rows(cases: int, guests: int, losses: float, seed: int) -> Iterator[str]:
    """Yield a table's rows: machines, shards, seconds, how many times as fast as one machine, and lost machines."""
    alone = Costs().load + cases * (Costs().plan_case + Costs().case / guests + Costs().take_case)
    for machines in (1, 3, 10, 30, 100, 300, 1000):
        if machines <= cases:
            one = simulate(machines, cases, guests, losses, seed, Costs())
            yield f"| {machines:,} | {one.shards:,} | {one.seconds:,.0f} s | {alone / one.seconds:.1f} | {one.lost} |"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--guests", type=int, default=2, help="guests of each machine")
    parser.add_argument(
        "--losses", type=float, default=0.05, help="the part of the machines that is lost within an hour"
    )
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    for cases in (2_109, 100_000, 1_000_000):
        print(f"\n{cases:,} cases\n| machines | shards | time | times as fast as one machine without --on | lost |")
        print("|---|---|---|---|---|", *rows(cases, given.guests, given.losses, given.seed), sep="\n")


if __name__ == "__main__":
    main()
