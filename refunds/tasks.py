"""Background work. A task may be lost, repeated or run twice at once: the services that it calls allow for that."""

import logging
from functools import partial
from typing import Any

from celery import shared_task
from celery.signals import worker_ready
from celery.worker import state
from django.conf import settings
from django.utils import translation

from core import clock, retention
from core.claims import silent_since
from core.queue import enqueue
from monitoring.worker import note_worker
from payments.gateway import GatewayError
from payments.intake.inbox import process_waiting
from payments.intake.tasks import mirror
from refunds.approvals import mail as approval_mail
from refunds.approvals.decide import expire_changed, expire_overdue
from refunds.batches.claims import free_items, open_batches
from refunds.batches.finish import finish_batches
from refunds.batches.mail import mails_are_due, send_mails
from refunds.batches.run import run_open_batches
from refunds.models import ReconciliationReport
from refunds.notices.outbox import note_late
from refunds.notices.send import notices_are_due, send_notices
from refunds.reconciliation.drift import run_comparison, waiting_comparisons
from refunds.reconciliation.reconcile import import_cancels, reconcile_due
from refunds.reconciliation.repair import repair_requested, reports_to_repair

logger = logging.getLogger(__name__)

MOST_HOPS = 4  # of a message that looks for an idle worker


@shared_task
def run_batches(hops: int = 0) -> None:
    """Refund the orders of all open batches, and have idle workers join.

    A worker that is at it already passes the message on: nobody can address an idle one. A worker that is being
    stopped leaves the rest to another one.
    """
    began = run_open_batches(is_stopping=_is_stopping, wake_another=partial(enqueue, run_batches))
    if not began and hops < MOST_HOPS:
        enqueue(run_batches, hops + 1)
    if _is_stopping() and free_items().exists():
        enqueue(run_batches)
    if mails_are_due():
        enqueue(mail_batches)


@shared_task
def mail_batches() -> None:
    """Tell the requesters of batches that these have ended or paused themselves. The mail server can be slow."""
    send_mails()


@shared_task
def mail_buyers() -> None:
    """Send the e-mails to buyers that are due, and come back for the rest."""
    if send_notices():
        enqueue(mail_buyers)


@shared_task
def mail_approvals() -> None:
    """Tell who may approve a refund that it waits, and who requested it how it was decided."""
    approval_mail.send_mails()


def _is_stopping() -> bool:
    return any(exit_code is not None for exit_code in (state.should_stop, state.should_terminate))


@shared_task
def compare(report_id: int) -> None:
    """Compare the period of a report with i'mport."""
    run_comparison(report_id=report_id)


@shared_task
def repair(report_id: int, language: str = "") -> None:
    """Repair the discrepancies of a report whose repair was requested; `language` is that of the messages."""
    with translation.override(language or settings.LANGUAGE_CODE):
        repair_requested(report=ReconciliationReport.objects.get(pk=report_id))


@shared_task
def sweep() -> None:
    """Every minute: settle the refunds that are due for a comparison, then read the notified payments.

    In this order: anyone can send notifications, and a flood of invented numbers must not delay refunds.
    """
    _enqueue_forgotten()
    for _settled in reconcile_due():
        pass
    process_waiting()
    note_worker()


def _enqueue_forgotten() -> None:
    """Enqueue what staff requested and no worker does: its message was lost, or its worker is gone."""
    finish_batches()
    expire_overdue(clock.database_now())
    expire_changed(clock.database_now())
    if open_batches().exists():
        enqueue(run_batches)
    if mails_are_due():
        enqueue(mail_batches)
    note_late()
    if notices_are_due():
        enqueue(mail_buyers)
    if approval_mail.mails_are_due():
        enqueue(mail_approvals)
    for report in waiting_comparisons():
        enqueue(compare, report.pk)
    for report in reports_to_repair(before=silent_since()):
        enqueue(repair, report.pk)


@shared_task
def find_cancels() -> None:
    """Every night: import the cancels of the last 89 days that we lack.

    The mirror finds them within minutes. Not one that PortOne enters later with the day on which the PG made it.
    """
    try:
        for _imported in import_cancels():
            pass
    except GatewayError as exc:
        logger.warning("i'mport's cancels could not be listed, the next night does it: %s", exc.message)


@shared_task
def prune() -> None:
    """Every night: delete expired data of all applications."""
    for _name, _count in retention.prune():
        pass


@worker_ready.connect
def catch_up_at_start(**_signal: Any) -> None:
    """Do what was left while no worker ran, without waiting for the schedule."""
    enqueue(sweep)
    enqueue(mirror)
