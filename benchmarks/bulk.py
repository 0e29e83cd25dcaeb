"""Bulk refunds by a worker, against the ideal.

A batch of 400 orders is committed as the admin does it, and a Celery worker with the folder broker refunds it with
`BULK_CONCURRENCY` orders at a time. The time runs from the message to the last outcome. The ideal is what i'mport alone
takes if nothing else takes any time: 400 calls in rounds of so many at a time. i'mport is the stub, which answers after
the set latency: the sandbox takes more CPU per cancel than the worker does. A worker is one process, so what limits at
64 and 256 at a time is one processor. At 0.2 s 64 at a time are 320 refunds per second.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from math import ceil

from benchmarks.stub import running_stub
from benchmarks.table import Measured, Row
from benchmarks.world import NAMES, Options, World, cpu_seconds, family, running_world

MOST = 1.15
WARM_UP = 16  # orders of a first batch, with which the worker gets ready
MOST_SECONDS = 120


@dataclass(frozen=True)
class Case:
    """So many orders at a time, at a latency in seconds."""

    at_a_time: int
    latency: float
    samples: int


CASES = {
    "postgres": (Case(16, 0.2, 3), Case(64, 0.2, 3), Case(64, 1.0, 2), Case(256, 0.2, 1), Case(256, 1.0, 1)),
    "sqlite": (Case(16, 0.2, 2),),
}


def measure(options: Options) -> Iterator[Row]:
    """Yield the rows of each database."""
    orders, numbers = options.choose(400, 80), count(1, 1_000)
    for database, cases in CASES.items():
        with running_world(database) as world:
            for case in cases:
                yield _row(world, case, orders, options.choose(case.samples, 1), numbers)


def _row(world: World, case: Case, orders: int, samples: int, numbers: Iterator[int]) -> Row:
    ideal = ceil(orders / case.at_a_time) * case.latency
    seconds, cpu = _refund(world, case, orders, samples, numbers)
    ratio = seconds.median / ideal
    has_target = case.at_a_time <= 64
    return Row(
        section="f",
        what=f"{NAMES[world.database]}, {case.at_a_time} at a time, {case.latency:g} s",
        ours=seconds,
        against="ideal",
        theirs=f"{ideal:.1f} s",
        ratio=ratio,
        target=f"<= {MOST}" if has_target else "",
        met=ratio <= MOST if has_target else None,
        note=f"per order the worker takes {cpu['worker']:.1f} ms of CPU, the database {cpu['database']:.1f}, the stub "
        f"{cpu['stub']:.1f}; the worker was on a processor for {cpu['share']:.0%} of the time.",
    )


def _refund(
    world: World, case: Case, orders: int, samples: int, numbers: Iterator[int]
) -> tuple[Measured, dict[str, float]]:
    """Refund so many batches. Return the times, and the CPU in ms per order."""
    with running_stub(world.sandbox, latency_seconds=case.latency) as stub:
        world.environment |= {"IAMPORT_API_URL": stub.url, "BULK_CONCURRENCY": str(case.at_a_time)}
        with world.worker() as worker:
            _batch(world, next(numbers), WARM_UP)
            parts = {"worker": worker.process.pid, "stub": stub.process.pid}
            if world.postgres:
                parts["database"] = world.postgres.process_id
            before = {part: cpu_seconds(*family(process)) for part, process in parts.items()}
            times = [_batch(world, next(numbers), orders) for _ in range(samples)]
            spent = {part: cpu_seconds(*family(process)) - before[part] for part, process in parts.items()}
    cpu = {part: 1000 * seconds / (samples * orders) for part, seconds in spent.items()}
    return Measured.of(times, "s"), {"database": 0.0} | cpu | {"share": spent["worker"] / sum(times)}


def _batch(world: World, first: int, orders: int) -> float:
    seconds: float = world.child("benchmarks.batches:refund", first=first, count=orders, most_seconds=MOST_SECONDS)
    return seconds
