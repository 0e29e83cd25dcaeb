"""Refunds over HTTP, against a naive view.

Ours is `POST /payments/cancel` with an API token. Theirs is `benchmarks/naive/`: what `startproject` writes and the one
view of i'mport's guide, with `requests` for its calls (look up the payment, get a token, cancel, save). It has no
sign-in, lock, ledger or idempotency keys, and checks only that something is left. Both run under gunicorn with our
gunicorn.conf.py and its default processes and threads, on the same database server with kept connections. i'mport is a
stub with a latency of 50 ms that answers from memory: the sandbox would be the limit. Clients send the next request,
for another order, as soon as they have an answer.

In the races, 8 clients request the same refund of 3,000 won of the same 10,000 won order at once; then one of them
repeats it, as after a lost answer. Clients of ours send the same `Idempotency-Key`, which the guide's view does not
know. An order of which more or less than 3,000 won was refunded counts. The guide recommends a `checksum`, and does
not demand it.
"""

from collections import Counter
from collections.abc import Iterator
from math import inf
from statistics import median

from benchmarks.projects import PATH, Project, Round, both_projects, in_turn
from benchmarks.table import Measured, Row, percentile
from benchmarks.world import NAMES, Options, running_world

LATENCY_SECONDS = 0.05
ROUNDS = 4
REFUNDS = {1: 12, 8: 80, 32: 160}  # of a round, by clients
CLIENTS = {"postgres": (1, 8, 32), "sqlite": (8,)}
LEAST_THROUGHPUT, MOST_P99 = 0.75, 2.0  # of the naive view's
RACING, RACE_AMOUNT = 8, 3_000
NAIVE = "naive view"
OUTCOMES = ("not refunded once", "not refunded once after the repeat", "booked otherwise than refunded")


def measure(options: Options) -> Iterator[Row]:
    """Yield the rows of each database, then those of the races."""
    for database, clients in CLIENTS.items():
        with running_world(database) as world, both_projects(world, latency_seconds=LATENCY_SECONDS) as projects:
            for many in clients:
                refunds = options.choose(REFUNDS[many], 2 * many)
                rounds = in_turn(projects, refunds=refunds, clients=many, rounds=options.choose(ROUNDS, 2))
                yield from _rows(f"{NAMES[database]}, {many} client{'s' * (many > 1)}", *rounds, with_target=many == 32)
            if database == "postgres":
                yield from _races(*projects, options.choose(20, 4))


def _rows(what: str, ours: list[Round], naive: list[Round], *, with_target: bool) -> Iterator[Row]:
    rate, their_rate = (Measured.of((one.load.per_second for one in rounds), "/s") for rounds in (ours, naive))
    ratio = rate.median / their_rate.median
    yield Row(
        section="b",
        what=f"{what}: refunds",
        ours=rate,
        against=NAIVE,
        theirs=their_rate,
        ratio=ratio,
        target=f">= {LEAST_THROUGHPUT}" if with_target else "",
        met=ratio >= LEAST_THROUGHPUT if with_target else None,
        note=f"CPU per refund: ours {_cpu(ours)}; theirs {_cpu(naive)}.",
    )
    for percent in (50, 99):
        times, their_times = (
            Measured.of((_percentile(one, percent) for one in rounds), "ms") for rounds in (ours, naive)
        )
        ratio, has_target = times.median / their_times.median, percent == 99 and with_target
        yield Row(
            section="b",
            what=f"{what}: p{percent}",
            ours=times,
            against=NAIVE,
            theirs=their_times,
            ratio=ratio,
            target=f"< {MOST_P99:g}" if has_target else "",
            met=ratio < MOST_P99 if has_target else None,
        )
    yield Row(
        section="b",
        what=f"{what}: answers other than 200",
        ours=_failures(ours),
        against=NAIVE,
        theirs=_failures(naive),
        target="none",
        met=_failures(ours) == "none",
    )


def _percentile(one: Round, percent: int) -> float:
    return percentile(sorted(one.load.times), percent) if one.load.times else inf


def _failures(rounds: list[Round]) -> str:
    """Return how many answers had each status other than 200."""
    statuses = sum((one.load.statuses for one in rounds), Counter[int]())
    del statuses[200]
    return ", ".join(f"{number} x {status or 'no answer'}" for status, number in sorted(statuses.items())) or "none"


def _cpu(rounds: list[Round]) -> str:
    """Return the CPU time per refund of each part, and its share of all."""
    spent = {part: median(one.cpu_ms(part) for one in rounds) for part in rounds[0].cpu}
    total = sum(spent.values())
    return ", ".join(f"{part} {ms:.1f} ms ({ms / total:.0%})" for part, ms in spent.items() if ms)


def _races(ours: Project, naive: Project, count: int) -> Iterator[Row]:
    """Yield what the same requests made of so many orders, at each project."""
    safe = _race(ours, count, PATH)
    for what, found in {
        "the guide's view": _race(naive, count, PATH),
        "the guide's view without checksum": _race(naive, count, f"{PATH}/unchecked"),
    }.items():
        for name, own, theirs in zip(OUTCOMES, safe, found, strict=True):
            yield Row(
                section="b",
                what=f"race for each of {count} orders: {name}",
                ours=Measured.once(own, ""),
                against=what,
                theirs=Measured.once(theirs, ""),
                target="0",
                met=own == 0,
            )


def _race(project: Project, count: int, path: str) -> tuple[int, int, int]:
    """Return the numbers of `OUTCOMES`."""
    orders = list(project.paid_orders(count))
    wanted = [project.request(one, amount=RACE_AMOUNT, path=path, **{"Idempotency-Key": one.imp_uid}) for one in orders]
    project.run([request for request in wanted for _ in range(RACING)], clients=RACING)
    at_once = project.refunded(orders)
    project.run(wanted, clients=1)
    in_the_end = project.refunded(orders)
    booked = project.booked(orders)
    return (
        sum(at_once[one.merchant_uid] != RACE_AMOUNT for one in orders),
        sum(in_the_end[one.merchant_uid] != RACE_AMOUNT for one in orders),
        sum(in_the_end[one.merchant_uid] != booked[one.merchant_uid] for one in orders),
    )
