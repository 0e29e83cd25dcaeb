"""A bulk refund of 5,000 orders from a file.

A clerk uploads a sheet of orders that are mirrored already; the time runs until its preview can be shown. Then one
worker refunds the batch, 16 orders at a time, over a broker in a folder. Meanwhile somebody opens the payments list
again and again, as they did before. Memory is the proportional set size (PSS) of all processes of the worker and of the
web server: at the end, against when a tenth of the time was over. i'mport is the stub with a latency of 0.2 s.
"""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import requests

from benchmarks.stub import running_stub
from benchmarks.table import Measured, Row, percentile
from benchmarks.world import Options, World, memory_mib, running_world
from tests.production import Server

LATENCY, AT_A_TIME = 0.2, 16
MOST_PREVIEW, MOST_SLOWDOWN = 3.0, 1.5
PAUSE = 0.25  # seconds between two views of the list
MOST_SECONDS = 1_200


@dataclass
class Views:
    """The times (ms) of the views of a page, and the memory (MiB) of each server after them."""

    times: list[float] = field(default_factory=list)
    memory: list[tuple[float, ...]] = field(default_factory=list)

    def take(self, page: dict[str, Any], servers: Sequence[Server]) -> None:
        """View the page once, and note the memory of the servers."""
        started = time.perf_counter()
        requests.get(**page, timeout=60).raise_for_status()
        self.times.append(1000 * (time.perf_counter() - started))
        self.memory.append(tuple(sum(memory_mib(server)) for server in servers))
        time.sleep(PAUSE)


def measure(options: Options) -> Iterator[Row]:
    """Yield the rows."""
    orders, views = options.choose(5_000, 200), options.choose(100, 20)
    with running_world("postgres") as world, ExitStack() as stack:
        stub = stack.enter_context(running_stub(world.sandbox, latency_seconds=LATENCY))
        world.environment |= {"IAMPORT_API_URL": stub.url, "BULK_CONCURRENCY": str(AT_A_TIME)}
        world.manage("collectstatic", "--no-input", "--verbosity", "0")
        preview = world.child("benchmarks.batches:preview", count=orders)
        yield _preview_row(preview["seconds"], orders)
        servers = [stack.enter_context(world.web()), stack.enter_context(world.worker())]
        page = {"url": f"{servers[0].url}{preview['page']}", "headers": {"Cookie": preview["cookie"]}}
        before, during = Views(), Views()
        for _ in range(views):
            before.take(page, servers)
        seconds = _run(world, preview["batch"], page, servers, during)
        yield from _rows(orders, seconds, before, during)


def _run(world: World, batch: int, page: dict[str, Any], servers: Sequence[Server], during: Views) -> float:
    """Start the batch, view the page until it has ended, and return the seconds that it took."""
    with ThreadPoolExecutor(1) as pool:
        ended: Future[float] = pool.submit(
            world.child, "benchmarks.batches:run", batch=batch, most_seconds=MOST_SECONDS
        )
        while not ended.done():
            during.take(page, servers)
    return ended.result()


def _preview_row(times: list[float], orders: int) -> Row:
    seconds = Measured.of(times, "s")
    return Row(
        section="h",
        what=f"preview of a sheet of {orders:,} orders",
        ours=seconds,
        target=f"< {MOST_PREVIEW:g} s",
        met=seconds.median < MOST_PREVIEW,
    )


def _rows(orders: int, seconds: float, before: Views, during: Views) -> Iterator[Row]:
    ideal = orders / AT_A_TIME * LATENCY
    yield Row(
        section="h",
        what=f"refund of {orders:,} orders, {AT_A_TIME} at a time",
        ours=Measured.once(seconds, "s"),
        against="ideal",
        theirs=f"{ideal:.1f} s",
        ratio=seconds / ideal,
    )
    now, then = (Measured.once(percentile(sorted(views.times), 95), "ms") for views in (during, before))
    yield Row(
        section="h",
        what=f"payments list meanwhile, p95 of {len(during.times)} views",
        ours=now,
        against="before",
        theirs=then,
        ratio=now.median / then.median,
        target=f"<= {MOST_SLOWDOWN:g}",
        met=now.median <= MOST_SLOWDOWN * then.median,
    )
    early, late = during.memory[len(during.memory) // 10], during.memory[-1]
    for name, first, last in zip(("web server", "worker"), early, late, strict=True):
        yield Row(
            section="h",
            what=f"memory of the {name} at the end",
            ours=Measured.once(last, "MiB"),
            against="at a tenth",
            theirs=Measured.once(first, "MiB"),
            ratio=last / first,
        )
