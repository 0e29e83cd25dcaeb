"""One refund by the service, against the official client and a bare call.

Ours is `request_refund`: it reserves the refund in the ledger, calls i'mport, and settles. The official client is
`iamport-rest-client` from PyPI, used as its README shows, with one object for all calls; it keeps no ledger and fetches
a token before every call. The bare call is one POST over a kept-alive connection with a token fetched beforehand: the
least that a refund can cost. Ours makes a new connection for each cancel, because a kept one may be dead without our
knowing; over TLS, which is not used here, a new connection costs more. Each refund has an order of its own. i'mport is
the stub, which answers from memory after the set latency: the sandbox takes longer for a cancel than the client.
"""

import itertools
from collections.abc import Iterator

from benchmarks.stub import running_stub
from benchmarks.table import Measured, Row
from benchmarks.world import DATABASES, NAMES, Options, World, running_world

CLIENT = "iamport-rest-client 0.9.0"
SAMPLES = {"0": 60, "5": 60, "50": 30, "200": 10}  # by latency in ms
MOST = {"5": 1.0, "50": 0.56, "200": 0.51}  # ratio to the official client
OVERHEAD_AT = "50"
MOST_OVERHEAD = {"sqlite": 6.0, "postgres": 8.0}  # ms
ABOUT_OVERHEAD = "the difference to the bare call made next, at a latency of 50 ms; CPU of the calling process:"


def measure(options: Options) -> Iterator[Row]:
    """Yield the rows of each database."""
    for database in DATABASES:
        with running_world(database) as world:
            results = {
                latency: _compare(world, latency, options.choose(count, 4), first)
                for first, (latency, count) in zip(itertools.count(1, 1_000), SAMPLES.items(), strict=False)
            }
        for latency, times in results.items():
            yield from _rows(NAMES[database], latency, times)
        yield _overhead(database, results[OVERHEAD_AT])


def _compare(world: World, latency: str, count: int, first: int) -> dict[str, list[float]]:
    with running_stub(world.sandbox, latency_seconds=float(latency) / 1000) as stub:
        world.environment["IAMPORT_API_URL"] = stub.url
        times: dict[str, list[float]] = world.child("benchmarks.callers:compare", first=first, count=count)
    return times


def _rows(database: str, latency: str, times: dict[str, list[float]]) -> Iterator[Row]:
    ours, client, bare = (Measured.of(times[name], "ms") for name in ("ours", "client", "bare"))
    what, most = f"{database}, {latency} ms", MOST.get(latency)
    ratio = ours.median / client.median
    yield Row(
        section="a",
        what=what,
        ours=ours,
        against=CLIENT,
        theirs=client,
        ratio=ratio,
        target="" if most is None else "< 1" if most == 1 else f"<= {most}",
        met=None if most is None else ratio < 1 if most == 1 else ratio <= most,
    )
    yield Row(
        section="a", what=what, ours=ours, against="bare pooled call", theirs=bare, ratio=ours.median / bare.median
    )


def _overhead(database: str, times: dict[str, list[float]]) -> Row:
    own = Measured.of((ours - bare for ours, bare in zip(times["ours"], times["bare"], strict=True)), "ms")
    cpu = Measured.of(times["cpu"], "ms")
    most = MOST_OVERHEAD[database]
    return Row(
        section="a",
        what=f"{NAMES[database]}, own overhead",
        ours=own,
        target=f"<= {most:g} ms",
        met=own.median <= most,
        note=f"{ABOUT_OVERHEAD} {cpu}.",
    )
