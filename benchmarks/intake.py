"""Reading payments: how many per second, and with how many calls.

The sandbox answers at once, except in the row at 50 ms. "Against" is the fewest calls at a hundred payments each, the
most that i'mport shows by number; its lists take longer pages. The one call for a token counts as well.
"""

from collections.abc import Iterator, Sequence

from benchmarks.table import Measured, Row
from benchmarks.world import DATABASES, NAMES, Options, running_world

PAYMENTS, QUICK_PAYMENTS = 1_000, 200
ONE_BY_ONE = 200  # where each payment is booked by itself
REPEATS = 3
IDEAL = 10.0  # calls per 1,000 payments
MOST = 1.1  # times the ideal


def measure(options: Options) -> Iterator[Row]:
    """Yield the rows of each database; the calls are the same on both."""
    payments = options.choose(PAYMENTS, QUICK_PAYMENTS)
    for database in DATABASES:
        with running_world(database) as world:
            ways = world.child(
                "benchmarks.readings:read",
                payments=payments,
                one_by_one=options.choose(ONE_BY_ONE, 100),
                repeats=options.choose(REPEATS, 1),
            )
        for name, results in ways.items():
            rates = Measured.of(results["rate"], "payments/s")
            yield Row(section="e", what=f"{NAMES[database]}, {name}", ours=rates)
        if database == DATABASES[0]:
            yield from (_calls(name, results["calls"]) for name, results in ways.items())


def _calls(name: str, calls: Sequence[float]) -> Row:
    ours = Measured.of(calls, "calls")
    return Row(
        section="e",
        what=f"{name}, calls per 1,000 payments",
        ours=ours,
        against="100 payments a call",
        theirs=Measured.once(IDEAL, "calls"),
        ratio=ours.median / IDEAL,
        target=f"<= {MOST}",
        met=ours.median <= IDEAL * MOST,
    )
