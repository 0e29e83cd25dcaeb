"""Time by size of the database: 1,000, 100,000 and 1,000,000 payments.

Each size has 200 refunds per 1,000 payments, with their timelines, and every index of the schema; the history is one
year long, and 20 refunds are open. Requests go through Django's test client: the real code without a network, in one
process per size, after a warm-up. A row compares a size with the smallest one. `python -m benchmarks.scale --plans`
prints the plans of the queries at the largest size.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg2

from benchmarks.table import Measured, Row
from benchmarks.world import DATABASES, NAMES, Options, World, running_world
from tests.production import ROOT

SIZES = {"postgres": (1_000, 100_000, 1_000_000), "sqlite": (1_000, 100_000)}
QUICK_SIZES = (1_000, 10_000)
FLAT = 1.3
WARM_UP, REPEATS, QUICK_REPEATS = 2, 15, 3
FEW = {"export of a month": 5, "statement of a month": 5}  # repeats of what takes long
PER_ITEM = ("export of a month", "reconcile")
# In ms; of the others how flat they are counts.
AT_MOST = {"statement of a month": 2_000, "overview": 150, "payments list": 120, "refunds list": 120, "search": 120}
# Not expected to be flat; why.
GROWING = {
    "overview": "adds up 30 days and the 30 before, anew after each refund, so it grows with the refunds per day.",
    "statement of a month": "the page: adds up the payments and refunds of a month, a twelfth of them all.",
    "export of a month": "per row of a month of refunds as CSV; a request has a fixed cost, which weighs on few rows.",
}
Samples = dict[str, dict[int, list[float]]]  # in ms, by operation and size


def measure(options: Options) -> Iterator[Row]:
    """Yield the rows of each database."""
    for database in DATABASES:
        sizes = QUICK_SIZES if options.quick else SIZES[database]
        with running_world(database) as world, ExitStack() as stack:
            urls = _databases(world, sizes)
            children = {size: stack.enter_context(_serving(world, url)) for size, url in urls.items()}
            samples = _interleaved(children, options.choose(REPEATS, QUICK_REPEATS))
        for operation, by_size in samples.items():
            for size in sizes[1:]:
                yield _row(NAMES[database], operation, size, by_size[size], by_size[sizes[0]])


def _databases(world: World, sizes: Sequence[int]) -> dict[int, str]:
    """Create and fill one database per size; return their URLs."""
    world.manage("collectstatic", "--no-input", "--verbosity", "0")
    urls = {size: _copy(world, size) for size in sizes}

    def fill(size: int) -> None:
        unlimited = f"{urls[size]}?statement_timeout=0" if world.postgres else urls[size]
        world.child("benchmarks.data:fill", changes={"DATABASE_URL": unlimited}, payments=size)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(fill, sorted(sizes, reverse=True)))
    return urls


def _copy(world: World, size: int) -> str:
    """Copy the world's migrated, empty database."""
    if world.postgres is None:
        shutil.copy(world.folder / "refunds.sqlite3", world.folder / f"{size}.sqlite3")
        return f"sqlite:///{world.folder}/{size}.sqlite3"
    connection = psycopg2.connect(f"{world.postgres.url.rpartition('/')[0]}/template1")
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE payments_{size} TEMPLATE postgres")
    connection.close()
    return f"{world.postgres.url.rpartition('/')[0]}/payments_{size}"


class _Child:
    """A process that does the operations of `benchmarks.pages` on one database."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.operations: list[str] = self._read()

    def ask(self, operation: str) -> tuple[float, int]:
        """Return how long it took (ms) and how many items it handled."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{operation}\n")
        self._process.stdin.flush()
        milliseconds, items = self._read()
        return milliseconds, items

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("a process ended before it answered; see above")
        return json.loads(line)


@contextmanager
def _serving(world: World, url: str) -> Iterator[_Child]:
    with (world.folder / "pages.log").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "shell", "--no-imports", "-c", "from benchmarks.pages import serve; serve()"],
            cwd=ROOT,
            env=world.environment | {"DATABASE_URL": url},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    with process:
        try:
            yield _Child(process)
        except BaseException:
            sys.stderr.write((world.folder / "pages.log").read_text()[-5000:])
            raise


def _interleaved(children: Mapping[int, _Child], repeats: int) -> Samples:
    """Let each size do each operation in turn, again and again."""
    samples: Samples = defaultdict(lambda: defaultdict(list))
    for repeat in range(WARM_UP + repeats):
        for operation in next(iter(children.values())).operations:
            if repeat >= WARM_UP + FEW.get(operation, repeats):
                continue
            for size, child in children.items():
                milliseconds, items = child.ask(operation)
                if repeat >= WARM_UP:
                    per_item = max(1, items) if operation in PER_ITEM else 1
                    samples[operation][size].append(milliseconds / per_item)
    return samples


def _row(database: str, operation: str, size: int, times: Sequence[float], smallest: Sequence[float]) -> Row:
    ours, theirs = Measured.of(times, "ms"), Measured.of(smallest, "ms")
    ratio, grows, most = ours.median / theirs.median, operation in GROWING, AT_MOST.get(operation.partition(",")[0])
    return Row(
        section="d",
        what=f"{database}, {operation}{' per item' if operation in PER_ITEM else ''}, {size:,}",
        ours=ours,
        against=f"{SIZES['postgres'][0]:,} payments",
        theirs=theirs,
        ratio=ratio,
        target=f"<= {most:,} ms" if most else "" if grows else f"<= {FLAT}",
        met=ours.median <= most if most else None if grows else ratio <= FLAT,
        note=GROWING.get(operation, ""),
    )


def _print_plans() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale")
    parser.add_argument("--plans", action="store_true", required=True, help="Print the plans of the queries.")
    parser.add_argument("--database", choices=DATABASES, default="postgres")
    parser.add_argument("--size", type=int, default=SIZES["postgres"][-1], help="Payments (default: 1,000,000).")
    options = parser.parse_args()
    with running_world(options.database) as world:
        urls = _databases(world, [options.size])
        code = "from benchmarks.pages import plans; plans()"
        print(world.run("manage.py", "shell", "--no-imports", "-c", code, DATABASE_URL=urls[options.size]))


if __name__ == "__main__":
    _print_plans()
