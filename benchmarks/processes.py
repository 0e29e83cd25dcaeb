"""Start-up time and memory of the processes, against a bare Django project.

The bare project is the naive one of section b: one view, one table, and Django's admin. Both start in turn, with the
same gunicorn.conf.py; the first start of each is left out. Memory is the proportional set size (PSS): pages that
processes share count in part, so that the sum is what a machine needs. The database is SQLite.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager

import requests

from benchmarks.table import Measured, Row
from benchmarks.world import Options, World, memory_mib, running_world
from tests.production import WEB, Server, wait_for

STARTS, QUICK_STARTS = 5, 2
REQUESTS = 200
BARE = "bare Django"
Start = Callable[[], float]  # returns seconds


def measure(options: Options) -> Iterator[Row]:
    """Yield the rows."""
    repeats = options.choose(STARTS, QUICK_STARTS)
    with running_world("sqlite") as world:
        world.manage("collectstatic", "--no-input", "--verbosity", "0")
        bare = {
            "DJANGO_SETTINGS_MODULE": "benchmarks.naive.settings",
            "NAIVE_DATABASE_URL": f"sqlite:///{world.folder}/naive.sqlite3",
        }

        def bare_web() -> AbstractContextManager[Server]:
            return world.web(command=[*WEB, "benchmarks.naive.wsgi"], name="naive", changes=bare)

        def command(*arguments: str, **changes: str) -> Start:
            return lambda: _seconds(lambda: world.run(*arguments, **changes))

        yield _start_row("start of web", lambda: _web(world.web()), lambda: _web(bare_web()), repeats)
        checks = command("manage.py", "check"), command("-m", "django", "check", **bare)
        yield _start_row("start and end of manage.py check", *checks, repeats)
        yield _start_row("manage.py refund --help", command("manage.py", "refund", "--help"), None, repeats)
        yield _start_row("start of a worker", lambda: _worker(world), None, repeats)
        yield from _memory(world, bare_web())


def _start_row(what: str, ours: Start, theirs: Start | None, repeats: int) -> Row:
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats + 1):
        for start, taken in zip((ours, theirs), times, strict=True):
            if start is not None:
                taken.append(start())
    own = Measured.of(times[0][1:], "s")
    if theirs is None:
        return Row(section="g", what=what, ours=own)
    other = Measured.of(times[1][1:], "s")
    return Row(section="g", what=what, ours=own, against=BARE, theirs=other, ratio=own.median / other.median)


def _seconds(what: Callable[[], object]) -> float:
    started = time.perf_counter()
    what()
    return time.perf_counter() - started


def _web(web: AbstractContextManager[Server]) -> float:
    """Return how long it takes until /healthz answers."""
    started = time.perf_counter()
    with web:
        return time.perf_counter() - started


def _worker(world: World) -> float:
    """Return how long it takes until the worker says that it is ready."""
    started = time.perf_counter()
    with world.worker() as worker:
        wait_for(lambda: _is_ready(worker), "the worker is not ready")
        return time.perf_counter() - started


def _is_ready(worker: Server) -> bool:
    return " ready." in worker.log.read_text()


def _memory(world: World, bare_web: AbstractContextManager[Server]) -> Iterator[Row]:
    headers = {"Authorization": f"Token {world.child('benchmarks.orders:token')}"}
    with world.web() as ours, bare_web as theirs:
        for _ in range(REQUESTS // 2):
            requests.get(f"{ours.url}/payments", headers=headers, timeout=60).raise_for_status()
            requests.get(f"{ours.url}/admin/login/", timeout=60).raise_for_status()
        for _ in range(REQUESTS):
            requests.get(f"{theirs.url}/healthz", timeout=60).raise_for_status()
        (master, *workers), (other, *others) = (memory_mib(server) for server in (ours, theirs))
    yield _memory_row("memory of the web master", [master], [other])
    yield _memory_row(f"memory of a web process after {REQUESTS} requests", workers, others)
    with world.worker() as worker:
        wait_for(lambda: _is_ready(worker), "the worker is not ready")
        yield _memory_row("memory of the worker, with its beat", [sum(memory_mib(worker))])


def _memory_row(what: str, ours: Sequence[float], theirs: Sequence[float] = ()) -> Row:
    own = Measured.of(ours, "MiB")
    if not theirs:
        return Row(section="g", what=what, ours=own)
    other = Measured.of(theirs, "MiB")
    return Row(section="g", what=what, ours=own, against=BARE, theirs=other, ratio=own.median / other.median)
