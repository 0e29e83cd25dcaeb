"""The two projects under load, ours and the naive one: each with its web server and its table of payments."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count, islice

from benchmarks.load import Load, Request, send
from benchmarks.statements import StatementCounter, create_database
from benchmarks.stub import AMOUNT, Order, Stub, order, running_stub
from benchmarks.world import World, cpu_seconds, family
from tests.production import WEB, Server

PATH = "/payments/cancel"
_numbers = count(1)


@dataclass(frozen=True)
class Round:
    """One round of load, and what each part of the machine spent on it."""

    load: Load
    cpu: dict[str, float]  # seconds
    calls: int  # to i'mport
    statements: int  # 0 on SQLite, which does not count them
    control: int  # BEGIN, COMMIT and ROLLBACK

    def cpu_ms(self, part: str) -> float:
        """Return the CPU time of a part per refund."""
        return self.per_refund(self.cpu[part] * 1000)

    def per_refund(self, total: float) -> float:
        return total / max(1, len(self.load.times))


@dataclass(kw_only=True)
class Project:
    """A web project that refunds at `PATH`."""

    world: World
    stub: Stub
    server: Server
    database: str  # its name on the server
    counter: StatementCounter | None
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

    def refunded(self, orders: Sequence[Order]) -> dict[str, int]:
        """Return how much was refunded of each order, by i'mport."""
        return self.stub.refunded(orders)

    def request(self, wanted: Order, *, amount: int = AMOUNT, path: str = PATH, **headers: str) -> Request:
        """Return the request for a refund of an order."""
        body = {"merchant_uid": wanted.merchant_uid, "cancel_request_amount": amount, "reason": "변심"}
        return Request(path, self.headers | headers, body)

    def run(self, requests: Sequence[Request], *, clients: int) -> Round:
        """Send the requests; measure."""
        before, calls, counted = self._cpu(), self.stub.calls(), self._statements()
        load = send(self.server.url, requests, clients=clients)
        spent = {part: seconds - before[part] for part, seconds in self._cpu().items()}
        statements, control = (now - then for now, then in zip(self._statements(), counted, strict=True))
        cpu = spent | {"client": load.cpu_seconds}
        return Round(load, cpu, self.stub.calls() - calls, statements, control)

    def _statements(self) -> tuple[int, int]:
        """Return how many statements its database has executed, and how often BEGIN, COMMIT and ROLLBACK."""
        return self.counter.count(self.database) if self.counter else (0, 0)

    def _cpu(self) -> dict[str, float]:
        postgres = self.world.postgres
        return {
            "web": cpu_seconds(*family(self.server.process.pid)),
            "database": cpu_seconds(*family(postgres.process_id)) if postgres else 0.0,
            "i'mport": cpu_seconds(self.stub.process.pid),
        }


def in_turn(projects: Sequence[Project], *, refunds: int, clients: int, rounds: int) -> list[list[Round]]:
    """Return the rounds of each project, of so many refunds; they run in turn, after one round to warm up."""
    done: list[list[Round]] = [[] for _ in projects]
    orders = [project.paid_orders(refunds * (rounds + 1)) for project in projects]
    for number in range(rounds + 1):
        for project, left, results in zip(projects, orders, done, strict=True):
            result = project.run([project.request(wanted) for wanted in islice(left, refunds)], clients=clients)
            if number:
                results.append(result)
    return done


@contextmanager
def both_projects(world: World, *, latency_seconds: float) -> Iterator[tuple[Project, Project]]:
    """Run both against one stub of i'mport, under gunicorn with our gunicorn.conf.py."""
    with ExitStack() as stack:
        stub = stack.enter_context(running_stub(world.sandbox, latency_seconds=latency_seconds))
        world.environment["IAMPORT_API_URL"] = stub.url
        changes = {"DJANGO_SETTINGS_MODULE": "benchmarks.naive.settings", "NAIVE_DATABASE_URL": _naive_database(world)}
        world.run("-m", "django", "migrate", "--run-syncdb", "--verbosity", "0", **changes)
        secret = world.child("benchmarks.orders:token")
        naive = [*WEB, "benchmarks.naive.wsgi"]
        postgres = world.postgres
        counter = stack.enter_context(StatementCounter(postgres.url)) if postgres else None
        yield (
            Project(
                world=world,
                stub=stub,
                server=stack.enter_context(world.web()),
                database="postgres",
                counter=counter,
                module="benchmarks.orders",
                headers={"Authorization": f"Token {secret}"},
            ),
            Project(
                world=world,
                stub=stub,
                server=stack.enter_context(world.web(command=naive, name="naive", changes=changes)),
                database="naive",
                counter=counter,
                module="benchmarks.naive.orders",
                changes=changes,
            ),
        )


def _naive_database(world: World) -> str:
    """Create the naive project's database, on the same server; return its URL."""
    if world.postgres is None:
        return f"sqlite:///{world.folder}/naive.sqlite3"
    return create_database(world.postgres.url, "naive")
