"""Count what a refund over the API costs, against a naive view.

The two projects of section b, with 2 clients and no latency. CPU is user and system time, from /proc; that of the web
server includes its whole process tree. PostgreSQL counts the statements sent (pg_stat_statements). One of ours is the
`SELECT 1` that checks the kept connection before a request. tests/proof/test_costs.py guards the numbers of each entry
point.
"""

from collections.abc import Callable, Iterator

from benchmarks.projects import Round, both_projects, in_turn
from benchmarks.table import Measured, Row
from benchmarks.world import DATABASES, NAMES, Options, running_world

CLIENTS, ROUNDS, REFUNDS = 2, 5, 100
MOST_CPU, MOST_STATEMENTS, MOST_CALLS = 5, 16, 1


def measure(options: Options) -> Iterator[Row]:
    """Yield the rows of each database."""
    for database in DATABASES:
        with running_world(database) as world, both_projects(world, latency_seconds=0) as projects:
            refunds, rounds = options.choose(REFUNDS, 10), options.choose(ROUNDS, 2)
            ours, naive = in_turn(projects, refunds=refunds, clients=CLIENTS, rounds=rounds)
        yield from _rows(NAMES[database], ours, naive)


def _rows(database: str, ours: list[Round], naive: list[Round]) -> Iterator[Row]:
    def row(what: str, value: Callable[[Round], float], unit: str = "", most: float | None = None) -> Row:
        own, theirs = (Measured.of(map(value, rounds), unit) for rounds in (ours, naive))
        return Row(
            section="c",
            what=f"{database}: {what}",
            ours=own,
            against="naive view",
            theirs=theirs,
            ratio=own.median / theirs.median if theirs.median else None,
            target="" if most is None else f"<= {most} {unit}".strip(),
            met=None if most is None else own.median <= most,
        )

    yield row("CPU of the web server", lambda one: one.cpu_ms("web"), "ms", MOST_CPU)
    if any(one.statements for one in ours):
        yield row("CPU of the database", lambda one: one.cpu_ms("database"), "ms")
        yield row("statements", lambda one: one.per_refund(one.statements), most=MOST_STATEMENTS)
        yield row("BEGIN, COMMIT and ROLLBACK", lambda one: one.per_refund(one.control))
    yield row("calls to i'mport", lambda one: one.per_refund(one.calls), most=MOST_CALLS)
