"""Bulk refunds by workers, against the ideal.

A batch of 400 orders is made, checked and started as the admin does it, and Celery workers refund it with
`BULK_CONCURRENCY` orders at a time each. The time runs from the start to the last outcome. The ideal is what i'mport
alone takes if nothing else takes any time: 400 calls in rounds of so many at a time. i'mport is the stub, which answers
after the set latency: the sandbox takes more CPU per cancel than the worker does. A worker is one process, which uses
one processor, so two workers share 64 and 256 at a time. The broker is a folder, or Redis where it says so (Valkey,
which is the same for a client).
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from math import ceil

from benchmarks.stub import running_stub
from benchmarks.table import Measured, Row
from benchmarks.world import NAMES, Options, World, cpu_seconds, family, running_world
from chaos.brokers import running_broker

FOLDER, REDIS = "folder", "redis"
BROKERS = {FOLDER: "folder", REDIS: "Redis"}
WARM_UP = 16  # orders per thread of a first batch, with which a worker gets ready
MOST_SECONDS = 120


@dataclass(frozen=True)
class Case:
    """So many orders at a time for each worker, at a latency in seconds. `most` is the target, times the ideal."""

    at_a_time: int
    latency: float
    samples: int
    most: float | None = None
    broker: str = FOLDER
    workers: int = 1


CASES = {
    "postgres": (
        Case(16, 0.2, 3, 1.15, REDIS),
        Case(16, 0.2, 3, 1.25),
        Case(16, 1.0, 1, 1.15, REDIS),
        Case(16, 0.2, 3, 1.3, REDIS, workers=2),
        Case(32, 0.2, 3, 1.15, REDIS, workers=2),
        Case(32, 1.0, 2, 1.15, REDIS, workers=2),
        Case(128, 0.2, 1, broker=REDIS, workers=2),
        Case(128, 1.0, 1, broker=REDIS, workers=2),
    ),
    "sqlite": (Case(16, 0.2, 2, 1.25),),
}


def measure(options: Options) -> Iterator[Row]:
    """Yield the rows of each database."""
    orders, numbers = options.choose(400, 80), count(1, 1_000)
    for database, cases in CASES.items():
        with running_world(database) as world:
            for case in cases:
                yield _row(world, case, orders, options.choose(case.samples, 1), numbers)


def _row(world: World, case: Case, orders: int, samples: int, numbers: Iterator[int]) -> Row:
    ideal = ceil(orders / (case.at_a_time * case.workers)) * case.latency
    seconds, cpu = _refund(world, case, orders, samples, numbers)
    ratio = seconds.median / ideal
    workers = f"{case.workers} workers, each " if case.workers > 1 else ""
    where = f"{NAMES[world.database]}, {BROKERS[case.broker]}"
    return Row(
        section="f",
        what=f"{where}, {workers}{case.at_a_time} at a time, {case.latency:g} s",
        ours=seconds,
        against="ideal",
        theirs=f"{ideal:.1f} s",
        ratio=ratio,
        target=f"<= {case.most}" if case.most else "",
        met=ratio <= case.most if case.most else None,
        note=f"per order the worker takes {cpu['worker']:.1f} ms of CPU, the database {cpu['database']:.1f}, the stub "
        f"{cpu['stub']:.1f}; the worker was on a processor for {cpu['share']:.0%} of the time.",
    )


def _refund(
    world: World, case: Case, orders: int, samples: int, numbers: Iterator[int]
) -> tuple[Measured, dict[str, float]]:
    """Refund so many batches. Return the times, and the CPU in ms per order."""
    with ExitStack() as stack:
        stub = stack.enter_context(running_stub(world.sandbox, latency_seconds=case.latency))
        broker = stack.enter_context(running_broker(case.broker, world.folder))
        world.environment |= {
            "IAMPORT_API_URL": stub.url,
            "BULK_CONCURRENCY": str(case.at_a_time),
            "CELERY_BROKER_URL": broker.url,
        }
        workers = [stack.enter_context(world.worker(number)).process.pid for number in range(1, case.workers + 1)]
        for _ in workers:
            _batch(world, next(numbers), WARM_UP * case.workers)
        parts = {"worker": workers, "stub": [stub.process.pid]}
        if world.postgres:
            parts["database"] = [world.postgres.process_id]
        before = {part: _cpu(processes) for part, processes in parts.items()}
        times = [_batch(world, next(numbers), orders) for _ in range(samples)]
        spent = {part: _cpu(processes) - before[part] for part, processes in parts.items()}
    cpu = {part: 1000 * seconds / (samples * orders) for part, seconds in spent.items()}
    share = spent["worker"] / sum(times) / case.workers
    return Measured.of(times, "s"), {"database": 0.0} | cpu | {"share": share}


def _cpu(processes: list[int]) -> float:
    return cpu_seconds(*(member for process in processes for member in family(process)))


def _batch(world: World, first: int, orders: int) -> float:
    seconds: float = world.child("benchmarks.batches:refund", first=first, count=orders, most_seconds=MOST_SECONDS)
    return seconds
