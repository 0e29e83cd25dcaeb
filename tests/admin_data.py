"""Create one row of each kind that the admin shows, and list the URLs of their pages."""

import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.utils import timezone

from access.models import Authenticator, SignInFailure
from access.tokens.service import create_token
from core.dates import add_months, parse_moment
from core.encryption.cipher import encrypt
from payments.models import Payment
from refunds.inputs import Actor
from refunds.models import (
    BusinessDayException,
    BuyerNotice,
    Discrepancy,
    Note,
    ReconciliationReport,
    RefundBatch,
    RefundBatchItem,
    RefundRecord,
)
from refunds.statements.closing import close_month
from tests.factories import make_approval, make_payment, make_reason, make_refund, make_staff
from webhooks.models import Delivery, Endpoint, Event, EventType

APPS = ("payments/", "refunds/", "webhooks/", "auth/", "access/")
LISTS = (
    "payments/payment/",
    "refunds/refundrecord/",
    "refunds/refundapproval/",
    "refunds/refundbatch/",
    "refunds/reconciliationreport/",
    "refunds/refundreason/",
    "refunds/buyernotice/",
    "refunds/businessdayexception/",
    "webhooks/delivery/",
    "webhooks/endpoint/",
    "auth/user/",
    "auth/group/",
    "access/apitoken/",
    "access/signinfailure/",
    "access/authenticator/",
)
FORMS = (
    "auth/user/add/",
    "auth/group/add/",
    "refunds/refundreason/add/",
    "refunds/businessdayexception/add/",
    "refunds/buyernotice/settings/",
    "refunds/buyernotice/wording/refunded/ko/",
    "access/apitoken/add/",
    "webhooks/endpoint/add/",
    "refunds/reconciliationreport/compare/",
    "refunds/refundbatch/new/",
    "payments/payment/export/",
    "refunds/refundrecord/export/",
    "two-factor/",
    "password_change/",
)


# Lists whose rows have no page, or one of their own.
OF_THEIR_OWN = ("access/signinfailure/", "refunds/refundbatch/", "refunds/refundapproval/")
IMP_UID = "1234567890123456"
# The payment as i'mport shows it, for the page that reads it.
AT_IMPORT = {"imp_uid": IMP_UID, "amount": 12_345_678, "cancel_amount": 1_000_000, "status": "cancelled"}


def _delivery(refund: RefundRecord, text: str) -> tuple[Endpoint, Delivery]:
    """Create the delivery of a refund's event."""
    now = timezone.now()
    endpoint = Endpoint.objects.create(name=text, url="https://1234.5678/", secret=encrypt("secret"))
    event = Event.objects.create(type=EventType.REFUND_SUCCEEDED, refund=refund, created_at=now)
    delivery = Delivery.objects.create(event=event, endpoint=endpoint, next_attempt_at=now)
    return endpoint, delivery


def _notice(refund: RefundRecord, text: str) -> BuyerNotice:
    """Create a sent e-mail to the buyer of a refund."""
    now = timezone.now()
    told = {"subject": text, "body_text": text * 9, "body_html": f"<p>{text * 9}</p>", "to": f"{text[:40]}@example.com"}
    times = {"sent_at": now, "next_try_at": now}
    return BuyerNotice.objects.create(refund=refund, kind="refunded", status="sent", **told, **times)


def fill_the_admin(text: str) -> tuple[str, ...]:
    """Create rows with `text` in every field that people can type; return the URLs below /admin/."""
    now = timezone.now()
    words = {"merchant_uid": text[:40], "name": text * 2, "buyer_name": text, "buyer_tel": "010-1234-5678"}
    sums = {"status": "cancelled", "amount": Decimal(12_345_678), "cancel_amount": Decimal(1_234_567)}
    sums |= {"taken_back": Decimal(234_567), "taken_back_seen_at": now}
    payment = make_payment(imp_uid=IMP_UID, pay_method="phone", pg_provider="danal", **words, **sums)
    said = {"requested_by_name": text, "reason": text * 4}
    done = make_refund(payment, amount=Decimal(2_234_567), reversed_amount=Decimal(1_000_000), **said)
    refund = make_refund(payment, status="unknown", needs_review=True, **said)
    report = ReconciliationReport.objects.create(
        since=now - timedelta(days=80), until=now, started_at=now, finished_at=now, found=1
    )
    Discrepancy.objects.create(
        report=report, imp_uid=payment.imp_uid, merchant_uid=text[:40], kind="status", ours="paid", theirs="cancelled"
    )
    reason = make_reason(name_ko=text[:60], name_en=text[:60])
    note: dict[str, Any] = {
        "author": make_staff(name=text * 2),
        "author_name": text,
        "created_at": now,
        "text": text * 9,
    }
    Note.objects.create(payment=payment, refund=refund, token=uuid.uuid4(), **note)
    group = Group.objects.create(name=text * 2)
    group.permissions.set(Permission.objects.filter(content_type__app_label__in=("auth", "webhooks")))
    user = make_staff("view_payment", "delete_payment", name=text)
    user.groups.add(group)
    token, _secret = create_token(user=user, name=text, max_amount=Decimal(10**9), max_per_day=Decimal(10**10))
    SignInFailure.objects.create(username=text, ip_address="2001:db8::1234:5678:9abc:def0", failures_since_start=5)
    device = Authenticator.objects.create(user=user, name=text, confirmed=True)
    endpoint, delivery = _delivery(done, text)
    approval = make_approval(
        payment, requested_by=user, **said, warnings=[{"code": "slow", "message": text, "field": ""}]
    )
    notice, closed = _notice(done, text), BusinessDayException.objects.create(day=now.date(), name=text[:100])
    rows = (payment, refund, report, reason, notice, closed, delivery, endpoint, user, group, token, device)
    lists = [path for path in LISTS if path not in OF_THEIR_OWN]
    changes = [f"{path}{row.pk}/change/" for path, row in zip(lists, rows, strict=True)]
    accounts = [f"auth/user/{user.pk}/{page}/" for page in ("history", "password", "delete")]
    said = {"requested_by": user, "requested_by_name": text, "reason": text * 2, "title": text * 2, "checked_at": now}
    draft, checked = (
        RefundBatch.objects.create(token=uuid.uuid4(), status=each, **said) for each in ("draft", "checked")
    )
    times = {"started_at": now, "finished_at": now}
    batch = RefundBatch.objects.create(token=uuid.uuid4(), status="done", **said, **times)
    paused = RefundBatch.objects.create(token=uuid.uuid4(), status="paused", started_at=now, **said)
    problem = {
        "number": text[:40],
        "excluded": True,
        "error_code": "left_out",
        "message": text,
        "error_value": text[:40],
    }
    for each in (checked, batch, paused):
        RefundBatchItem.objects.create(batch=each, line=7, note=text, **problem)
    RefundBatchItem.objects.create(batch=batch, payment=payment, amount=sums["cancel_amount"], refund=done)
    for each in (checked, paused):
        warning = {"code": "slow", "message": text, "field": ""}
        RefundBatchItem.objects.create(batch=each, payment=payment, expected_balance=9, warnings=[warning], note=text)
    others = (
        *_months(payment, text),
        f"refunds/refundrecord/{done.pk}/slip/",
        f"refunds/refundapproval/request/{approval.number}/",
        f"auth/group/{group.pk}/delete/",
        f"refunds/refundreason/{reason.pk}/delete/",
        f"payments/payment/refund/?ids={payment.pk}",
        f"payments/payment/{payment.pk}/reversal/",
        *(f"refunds/refundbatch/{each.token}/" for each in (draft, checked, batch, paused)),
        f"refunds/refundbatch/{paused.token}/stop/",
        f"refunds/refundrecord/{refund.pk}/close/",
        f"access/apitoken/{token.pk}/revoke/",
        f"webhooks/endpoint/{endpoint.pk}/edit/",
    )
    return ("", *APPS, *LISTS, *FORMS, *changes, *accounts, *others)


def _months(payment: Payment, text: str) -> tuple[str, ...]:
    """Create two months that are over, close the first and book something late; return the pages of months."""
    this_month = timezone.localdate().replace(day=1)
    months = this_month, add_months(this_month, -1), add_months(this_month, -2)
    for month in months[1:]:
        words = {"merchant_uid": text[:38] + f"{month.month:02}", "pay_method": "vbank", "pg_provider": "nice"}
        make_payment(paid_at=parse_moment(month), **words)
    close_month(month=months[-1], actor=Actor(text), note=text * 3, despite_difference=True)
    make_refund(payment, cancelled_at=parse_moment(months[-1]))
    pages = [f"refunds/statementmonth/{month:%Y-%m}/" for month in months]
    return ("refunds/statementmonth/", *pages, f"{pages[1]}print/")
