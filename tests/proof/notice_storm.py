"""Settle refunds with mails on, while the mail server fails half the time and the workers are killed; then judge.

Some settlements are rolled back: their buyers must never hear of them.
"""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from email import message_from_bytes
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from django.db import close_old_connections, connections, transaction
from django.utils import timezone

from payments.gateway import Cancellation
from payments.models import Payment
from refunds.ledger.matching import Evidence
from refunds.ledger.plan import Own
from refunds.ledger.transitions import succeed
from refunds.models import BuyerNotice, NoticeSettings, RefundRecord

ROOT = Path(__file__).resolve().parent.parent.parent
WORKERS = 2
KILLS = 5
ROLLED_BACK_EVERY = 10
SECONDS = 120  # without any progress


@dataclass
class MailServer:
    """Refuse every second mail. Of the others note which refund they tell of, and what the ledger says then."""

    dice: random.Random
    received: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    early: list[str] = field(default_factory=list)  # told before it was committed

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        number = str(message_from_bytes(envelope.content)["Message-ID"]).strip("<").partition(".")[0]
        if not await asyncio.to_thread(_is_settled, number):
            self.early.append(number)
        if self.dice.random() < 0.5:
            self.refused += 1
            return "451 try again later"
        self.received[number] += 1
        return "250 taken"


def _is_settled(number: str) -> bool:
    try:
        return RefundRecord.objects.filter(number=number, status="succeeded").exists()
    finally:
        connections.close_all()


@dataclass
class Finding:
    """What broke: all are empty or zero after a good run."""

    early: list[str]
    untold: list[str]  # settled, and no mail arrived
    invented: list[str]  # not settled, and a mail or a row exists
    not_one_row: int

    @property
    def is_good(self) -> bool:
        return not any((self.early, self.untold, self.invented, self.not_one_row))


class Workers:
    """Processes that send notices; `kill_one` kills the oldest at once and starts another."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._processes = [self._start() for _number in range(WORKERS)]

    def kill_one(self) -> None:
        process = self._processes.pop(0)
        process.kill()
        process.wait()
        self._processes.append(self._start())

    def stop(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.proof.notice_worker"]
        return subprocess.Popen(command, cwd=ROOT, env=dict(self._environment), stdout=subprocess.DEVNULL)


def storm(environment: dict[str, str], *, port: int, settlements: int, seed: int) -> tuple[Finding, MailServer]:
    """Settle so many refunds and return what broke. `port` is that of EMAIL_URL, here and in `environment`."""
    server = MailServer(random.Random(seed))
    controller = Controller(server, hostname="127.0.0.1", port=port)
    controller.start()
    workers = Workers(environment)
    try:
        NoticeSettings.objects.update_or_create(
            pk=1, defaults={"on_since": timezone.now(), "kinds": ["refunded"], "shop": "Linen & Co"}
        )
        kept, dropped = _settle_all(settlements, workers)
        _wait_until_sent()
    finally:
        workers.stop()
        controller.stop()
    return _judge(server, kept, dropped), server


def _settle_all(settlements: int, workers: Workers) -> tuple[list[str], list[str]]:
    kept: list[str] = []
    dropped: list[str] = []
    for number in range(1, settlements + 1):
        record = _requested(number)
        is_kept = bool(number % ROLLED_BACK_EVERY)
        _settle(record, is_kept=is_kept)
        (kept if is_kept else dropped).append(record.number)
        if number % max(1, settlements // KILLS) == 0:
            workers.kill_one()
    return kept, dropped


def _requested(number: int) -> RefundRecord:
    now = timezone.now()
    payment = Payment.objects.create(
        imp_uid=f"imp_storm_{number}",
        merchant_uid=f"storm-{number}",
        status="paid",
        amount=Decimal(1_000),
        paid_at=now,
        pay_method="card",
        pg_provider="uplus",
        buyer_email=f"buyer{number}@example.com",
    )
    return RefundRecord.objects.create(
        payment=payment, source="api", amount=Decimal(1_000), checksum=Decimal(1_000), requested_at=now
    )


def _settle(record: RefundRecord, *, is_kept: bool) -> None:
    """Settle as the ledger does: under the payment's lock, in one transaction."""
    now = timezone.now()
    item = Cancellation(amount=record.amount, cancelled_at=now, cancellation_id=f"c{record.pk}")
    with transaction.atomic(durable=True):
        Payment.objects.select_for_update().get(pk=record.payment_id)
        succeed(Own(record, item, item.cancellation_id, record.amount, Evidence.NUMBER, needs_review=False), now=now)
        transaction.set_rollback(not is_kept)


def _wait_until_sent() -> None:
    """Wait until no notice waits, or none was sent for `SECONDS`."""
    left, deadline = 0, 0.0
    while waiting := BuyerNotice.objects.filter(status="waiting").count():
        if waiting != left:
            left, deadline = waiting, time.monotonic() + SECONDS
        if time.monotonic() > deadline:
            return
        time.sleep(0.2)
        close_old_connections()


def _judge(server: MailServer, kept: list[str], dropped: list[str]) -> Finding:
    rows = Counter(BuyerNotice.objects.values_list("refund__number", flat=True))
    sent = BuyerNotice.objects.filter(status="sent").count()
    return Finding(
        early=server.early,
        untold=[number for number in kept if not server.received[number]],
        invented=[number for number in dropped if server.received[number] or rows[number]],
        not_one_row=sum(rows[number] != 1 for number in kept) + abs(len(kept) - sent),
    )
