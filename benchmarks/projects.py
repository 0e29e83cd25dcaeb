"""The two projects under load, ours and the naive one: each with its web server and its table of payments."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count, islice

import psycopg2

from benchmarks.load import Load, Request, send
from benchmarks.stub import AMOUNT, Order, Stub, order, running_stub
from benchmarks.world import World, cpu_seconds, family
from tests.production import WEB, Server

NAIVE_SETTINGS = "benchmarks.naive.settings"
PATH = "/payments/cancel"
_numbers = count(1)


@dataclass(frozen=True)
class Round:
    """One round of load, and the CPU time that each part of the machine spent on it, in seconds."""

    load: Load
    cpu: dict[str, float]

    def cpu_ms(self, part: str) -> float:
        """Return the CPU time of a part per refund."""
        return self.cpu[part] * 1000 / max(1, len(self.load.times))


@dataclass(kw_only=True)
class Project:
    """A web project that refunds at `PATH`."""

    name: str
    world: World
    stub: Stub
    server: Server
    module: str  # its side of a measurement: `store` and `booked`
    changes: dict[str, str] = field(default_factory=dict)  # of the environment
    headers: dict[str, str] = field(default_factory=dict)

    def paid_orders(self, wanted: int) -> Iterator[Order]:
        """Store paid orders in the project's table."""
        orders = [order(number) for number in islice(_numbers, wanted)]
        pairs = [(one.imp_uid, one.merchant_uid) for one in orders]
        self.world.child(f"{self.module}:store", changes=self.changes, orders=pairs, amount=AMOUNT)
        return iter(orders)

    def booked(self, orders: Sequence[Order]) -> dict[str, int]:
        """Return how much was refunded of each order, by the project's own table."""
        uids = [one.merchant_uid for one in orders]
        found: dict[str, int] = self.world.child(f"{self.module}:booked", changes=self.changes, merchant_uids=uids)
        return found

    def request(self, wanted: Order, *, amount: int = AMOUNT, path: str = PATH, **headers: str) -> Request:
        """Return the request for a refund of an order."""
        body = {"merchant_uid": wanted.merchant_uid, "cancel_request_amount": amount, "reason": "변심"}
        return Request(path, self.headers | headers, body)

    def run(self, requests: Sequence[Request], *, clients: int) -> Round:
        """Send the requests; measure."""
        before = self._cpu()
        load = send(self.server.url, requests, clients=clients)
        spent = {part: seconds - before[part] for part, seconds in self._cpu().items()}
        return Round(load, spent | {"client": load.cpu_seconds})

    def _cpu(self) -> dict[str, float]:
        postgres = self.world.postgres
        return {
            "web": cpu_seconds(*family(self.server.process.pid)),
            "database": cpu_seconds(*family(postgres.process_id)) if postgres else 0.0,
            "i'mport": cpu_seconds(self.stub.process.pid),
        }


@contextmanager
def both_projects(world: World, *, latency_seconds: float) -> Iterator[tuple[Project, Project]]:
    """Run both against one stub of i'mport, under gunicorn with our gunicorn.conf.py."""
    with ExitStack() as stack:
        stub = stack.enter_context(running_stub(world.sandbox, latency_seconds=latency_seconds))
        world.environment["IAMPORT_API_URL"] = stub.url
        changes = {"DJANGO_SETTINGS_MODULE": NAIVE_SETTINGS, "NAIVE_DATABASE_URL": _second_database(world)}
        world.run("-m", "django", "migrate", "--run-syncdb", "--verbosity", "0", **changes)
        ours, naive = ("benchmarks.orders", "benchmarks.naive.orders")
        secret = world.child(f"{ours}:token")
        yield (
            Project(
                name="ours",
                world=world,
                stub=stub,
                server=stack.enter_context(world.web()),
                module=ours,
                headers={"Authorization": f"Token {secret}"},
            ),
            Project(
                name="naive",
                world=world,
                stub=stub,
                server=stack.enter_context(
                    world.web(command=[*WEB, "benchmarks.naive.wsgi"], name="naive", changes=changes)
                ),
                module=naive,
                changes=changes,
            ),
        )


def _second_database(world: World) -> str:
    """Create the naive project's database, on the same server."""
    if world.postgres is None:
        return f"sqlite:///{world.folder}/naive.sqlite3"
    connection = psycopg2.connect(world.postgres.url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE naive")
    connection.close()
    return f"{world.postgres.url.rpartition('/')[0]}/naive"
