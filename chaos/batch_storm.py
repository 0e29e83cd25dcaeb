"""One batch while its worker, the broker and the web server are killed and i'mport fails; then judge every order."""

import itertools
import random
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial

from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connections

from chaos.brokers import Broker
from chaos.comparison import Truth, differences, doubled, unresolved
from chaos.report import shown
from chaos.trouble import add_faults
from chaos.world import Killable, World
from core.queue import enqueue
from payments.intake.sync import sync_by_id
from payments.models import Payment
from refunds.batches.check import check_batch
from refunds.batches.control import resume_batch
from refunds.batches.create import Row, create_batch
from refunds.batches.errors import BatchStateError
from refunds.batches.outcomes import WITHOUT_END, State, all_lines, counts_of
from refunds.batches.preview import totals_of, warning_codes
from refunds.batches.report import reason_of, report_rows
from refunds.batches.start import start_batch
from refunds.inputs import Actor
from refunds.models import BatchOrigin, BatchStatus, RefundBatch, RefundSource
from refunds.tasks import run_batches
from tests.production import PROGRAMS, WORKER

WORKER_KILLS = 5
CONSOLE_CANCELS = 3  # after the preview
AMOUNT = 10_000
IN_CONSOLE = "in the console"
CHUNK = 500
POLL = 0.5  # seconds
MOST_SECONDS_PER_ORDER = 2.0


@dataclass
class Finding:
    """The broken promises; all lists are empty after a good run."""

    differences: list[str]
    doubled: list[str]
    unresolved: list[str]
    twice: list[str] = field(default_factory=list)
    misreported: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return not any(vars(self).values())


def run(world: World, broker: Broker, *, orders: int, seed: int) -> bool:
    """Refund one batch; print what happened, and return whether every promise held."""
    call_command("migrate", verbosity=0)
    started = time.monotonic()
    storm = BatchStorm(world, broker, orders=orders, seed=seed)
    finding = storm.run()
    table = [(f"orders {state.value}", storm.counts.count(state)) for state in State]
    table += [
        ("won moved by the batch", int(storm.moved)),
        ("faults fired at i'mport", storm.fired.total()),
        ("calls to cancel", len(world.sandbox.log("cancel"))),
        ("worker killed (SIGKILL)", WORKER_KILLS),
        ("broker killed", 1),
        ("web server killed (SIGKILL)", 1),
        ("pauses by itself, resumed", storm.pauses),
        ("seconds", round(time.monotonic() - started)),
    ]
    print("\n".join(shown(table, vars(finding))))
    return finding.is_good


class BatchStorm:
    """Refund so many orders in one batch in this world, and kill everything but the database and i'mport.

    `is_impatient`: send a message again and again, as the sweep does only every minute.
    """

    def __init__(self, world: World, broker: Broker, *, orders: int, seed: int, is_impatient: bool = False) -> None:
        self.world, self.broker = world, broker
        self._is_impatient = is_impatient
        self._count, self._dice = orders, random.Random(f"{seed}-batch")
        command = [str(PROGRAMS / WORKER[0]), *WORKER[1:]]
        self.worker = Killable(command, world.environment, world.web.log.with_name("worker.log"))
        self.fired = Counter[str]()
        self.pauses = 0
        self.done_at_kills: list[int] = []  # how many orders had an outcome

    def run(self) -> Finding:
        """Return what is wrong at the end."""
        self._prepare()
        self.world.web.start()
        self.worker.start()
        try:
            enqueue(run_batches)
            self._kill_everything()
            self._await_end()
            self.world.web.wait_until_it_answers()
        finally:
            self.worker.kill()
            self.world.web.kill()
        for rule in self.world.sandbox.faults():
            self.fired[rule["fault"]] += rule["fired"]
        self.world.sandbox.clear_faults()
        time.sleep(float(self.world.environment["REFUND_LEASE_SECONDS"]) + 1)
        print(self.world.manage("reconcile").communicate()[1], file=sys.stderr, end="")
        return self._judge()

    def _prepare(self) -> None:
        """Create orders at i'mport, start their batch, and cancel some of them in i'mport's console."""
        sandbox, imp_uids = self.world.sandbox, list[str]()
        for first in range(0, self._count, CHUNK):
            numbers = range(first, min(first + CHUNK, self._count))
            wanted = [{"merchant_uid": f"storm-{n}", "amount": AMOUNT, "pg_provider": "uplus"} for n in numbers]
            imp_uids += [shown["imp_uid"] for shown in sandbox.create_payments(wanted)]
        list(sync_by_id(imp_uids))
        self.imp_uids = imp_uids
        self._actor = Actor("clerk", User.objects.create_superuser("clerk"))
        rows = [Row(payment_id=pk) for pk in Payment.objects.filter(imp_uid__in=imp_uids).values_list("pk", flat=True)]
        self.batch = create_batch(
            token=uuid.uuid4(),
            actor=self._actor,
            source=RefundSource.ADMIN,
            origin=BatchOrigin.SELECTION,
            rows=rows,
            reason="storm",
            language="en",
        )
        check_batch(batch=self.batch, actor=self._actor)
        for imp_uid in self._dice.sample(imp_uids, CONSOLE_CANCELS):
            sandbox.console_cancel(imp_uid, 1_000, IN_CONSOLE)
        add_faults(sandbox)
        totals, accepted = totals_of(self.batch), warning_codes(self.batch)
        start_batch(batch=self.batch, actor=self._actor, totals=totals, accepted=accepted)
        connections.close_all()

    def _kill_everything(self) -> None:
        """Kill the worker at equal distances of the batch, and between them the broker and the web server."""
        steps = [self._kill_worker] * WORKER_KILLS
        steps.insert(2, self.broker.kill)
        steps.insert(4, self._kill_web)
        distance = self._count // (len(steps) + 2)
        for number, kill in enumerate(steps, 1):
            self._await(partial(self._has_done, number * distance))
            time.sleep(self._dice.uniform(0, 0.3))
            self.done_at_kills.append(self._done())
            kill()

    def _kill_worker(self) -> None:
        self.worker.kill()
        self.worker.start()

    def _kill_web(self) -> None:
        self.world.web.kill()
        self.world.web.start(wait=False)  # meanwhile the batch would end on a slow machine

    def _has_done(self, orders: int) -> bool:
        return self._done() >= orders

    def _done(self) -> int:
        return self.batch.items.exclude(refund=None, error_code="").count()

    def _await_end(self) -> None:
        self._await(lambda: RefundBatch.objects.filter(pk=self.batch.pk, status=BatchStatus.DONE).exists())

    def _await(self, condition: Callable[[], bool]) -> None:
        """Wait, and resume the batch whenever it has paused itself, as its clerk would."""
        deadline = time.monotonic() + 60 + self._count * MOST_SECONDS_PER_ORDER
        while not condition():
            if time.monotonic() > deadline:
                raise RuntimeError(f"the batch does not go on after {self._done()} orders; see {self.worker.log}")
            self._resume()
            if self._is_impatient:
                enqueue(run_batches)
            time.sleep(POLL)

    def _resume(self) -> None:
        try:
            resume_batch(batch=self.batch, actor=self._actor)
        except BatchStateError:
            return
        self.pauses += 1
        enqueue(run_batches)

    def _judge(self) -> Finding:
        """Compare the ledger, every order and the report of the batch with what i'mport executed."""
        truth = [self.world.sandbox.payment(imp_uid) for imp_uid in self.imp_uids]
        found = Finding(differences(truth), doubled(truth), unresolved())
        moved = {shown["imp_uid"]: list(_ours(shown)) for shown in truth}
        found.twice = [f"{imp_uid}: {amounts}" for imp_uid, amounts in moved.items() if len(amounts) > 1]
        for outcome in all_lines(self.batch):
            assert outcome.payment is not None
            amounts = moved[outcome.payment.imp_uid]
            is_told = outcome.state is State.REFUNDED and outcome.refund and outcome.refund.net_amount == sum(amounts)
            if bool(amounts) != bool(is_told) or outcome.state in WITHOUT_END or not reason_of(outcome):
                found.misreported.append(f"{outcome.payment.imp_uid}: {outcome.state}, i'mport moved {amounts}")
        self.moved = sum((sum(amounts) for amounts in moved.values()), Decimal(0))
        self.counts = counts_of(self.batch)
        sums = {"counts": self.counts.moved.get("KRW", Decimal(0)), "report": _sum_of_report(self.batch)}
        found.misreported += [
            f"{name}: {total}, i'mport {self.moved}" for name, total in sums.items() if total != self.moved
        ]
        return found


def _ours(shown: Truth) -> Iterator[Decimal]:
    """Yield the amounts that i'mport cancelled of this order, except those cancelled in its console."""
    for item in shown["cancel_history"]:
        if item["reason"] != IN_CONSOLE:
            yield Decimal(item["amount"])


def _sum_of_report(batch: RefundBatch) -> Decimal:
    """Add up the refunded amounts of the orders' rows, up to the empty row before the totals."""
    headings, *rows = report_rows(batch)
    column = headings.index("Refunded amount")
    cells = (row[column] for row in itertools.takewhile(bool, rows))
    return sum((cell for cell in cells if isinstance(cell, Decimal)), Decimal(0))
