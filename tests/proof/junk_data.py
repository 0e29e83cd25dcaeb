"""Data for the junk tests: a victim with marked data, and all roles that could try to read it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import requests
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, QuerySet
from django.test import Client
from django.utils import timezone

from access.models import ApiToken
from access.tokens.service import create_token
from payments.models import Payment
from refunds.models import Discrepancy, ReconciliationReport, RefundBatch, RefundBatchItem, RefundRecord
from tests.entry_points import Request, by_service
from tests.factories import make_staff, make_user, paid_at_sandbox
from tests.proof.junk import CSRF, Headers, Role
from tests.sandbox_server import SandboxServer

# Each occurs only in the victim's data and is never sent, so a response with one leaks it.
MARK = "zqxvictim"
ACCOUNT = {"refund_holder": f"{MARK}holder", "refund_bank": "088", "refund_account": "110777654321987"}
SECRETS = (MARK, "110777654321987", "6543217", "6,543,217")  # the last two: the amount that the victim paid
# Values that the attackers know and try everywhere.
KNOWN_ORDER, HIDDEN_ORDER = "order-of-somebody-else", f"{MARK}-hidden-order"
Values = dict[str, list[str]]


@dataclass(frozen=True)
class World:
    sandbox: SandboxServer
    victim: User
    roles: Sequence[Role]
    markers: Sequence[bytes]
    owners: Mapping[int, int | None]  # owner of each payment before the junk
    signed_in: Mapping[str, int]  # status that each role gets at its own page

    def payments(self) -> QuerySet[Payment]:
        return Payment.objects.all()

    def victims_state(self) -> object:
        """Return all data of the victim that could have been changed, here and at i'mport."""
        mine = self.payments().filter(user=self.victim).order_by("pk")
        rows = [
            list(mine.values()),
            list(RefundRecord.objects.filter(payment__in=mine).order_by("pk").values("status", "amount", "message")),
            User.objects.filter(pk=self.victim.pk).values("username", "password", "is_staff", "is_active").get(),
        ]
        for row in rows[0]:
            row.pop("updated_at")  # a notification updates it
        return rows, [self.sandbox.payment(payment.imp_uid)["cancel_history"] for payment in mine]

    def still_signed_in(self, url: str) -> dict[str, int]:
        """Return the status that each role gets now: it must still be signed in at the end."""
        found = {}
        for role in self.roles:
            headers = {name: value.decode() for name, value in role.headers}
            path = "/admin/" if role.is_staff else "/payments/nothing-here"
            found[role.name] = requests.get(url + path, headers=headers, timeout=30, allow_redirects=False).status_code
        return found


def make_world(sandbox: SandboxServer) -> World:
    """Create two buyers with orders and refunds, staff of three kinds, tokens of two, a batch and a report."""
    mallory, victim = (
        make_user("mallory"),
        make_user(f"{MARK}-name", email=f"{MARK}@example.com", first_name=f"{MARK}first"),
    )
    plain, refunder = make_staff(name="plain"), make_staff("refund_payment", "view_payment", name="refunder")
    root = User.objects.create_superuser("root", password="secret")
    own = [paid_at_sandbox(sandbox, user=mallory, amount=900_000) for _ in range(4)]
    own.append(paid_at_sandbox(sandbox, user=mallory, amount=900_000, pay_method="vbank"))
    theirs = [_victims(sandbox, victim, KNOWN_ORDER), _victims(sandbox, victim, HIDDEN_ORDER, pay_method="vbank")]
    for payment, account in zip(theirs, (None, ACCOUNT), strict=True):
        by_service(Request(payment=payment, user=victim, amount=1_234, reason=f"{MARK} reason", account=account))
    by_service(Request(payment=own[0], user=mallory, amount=100))
    report, batch = _report(), _batch(refunder, theirs[1])
    mine = _values(own, [mallory], report, batch)
    # Staff who may do everything use no ids of the victim's; the others use both.
    known = _values([*own, theirs[0]], [mallory, victim], report, batch)
    roles = [
        Role("anonymous", _cookies(), known),
        Role("buyer", _session(mallory), known),
        Role("buyer's token", _token(mallory), known),
        Role("plain staff", _session(plain), known, is_staff=True),
        Role("refund staff", _session(refunder), mine, is_staff=True, sees_all=True),
        Role("superuser", _session(root), mine, is_staff=True, sees_all=True),
        Role("staff's token", _token(refunder), mine, sees_all=True),
    ]
    signed_in = {role.name: 401 if role.name == "anonymous" else 404 for role in roles}
    signed_in |= {role.name: 200 for role in roles if role.is_staff}
    owners = dict(Payment.objects.values_list("pk", "user"))
    return World(sandbox, victim, roles, [secret.encode() for secret in SECRETS], owners, signed_in)


def _victims(sandbox: SandboxServer, victim: User, order: str, **fields: Any) -> Payment:
    return paid_at_sandbox(
        sandbox,
        user=victim,
        merchant_uid=order,
        amount=6_543_217,
        name=f"{MARK} goods",
        buyer_name=f"{MARK} buyer",
        buyer_email=f"{MARK}@mail.example",
        buyer_tel=f"010-{MARK}",
        **fields,
    )


def _report() -> ReconciliationReport:
    now = timezone.now()
    report = ReconciliationReport.objects.create(since=now, until=now, started_at=now, finished_at=now, found=1)
    Discrepancy.objects.create(report=report, imp_uid="imp_x", merchant_uid=HIDDEN_ORDER, kind="status", ours=MARK)
    return report


def _batch(user: User, payment: Payment) -> RefundBatch:
    batch = RefundBatch.objects.create(
        token=uuid.uuid4(), requested_by=user, reason=f"{MARK} batch", finished_at=timezone.now()
    )
    RefundBatchItem.objects.create(batch=batch, payment=payment, error_code="not_payable", message=f"{MARK} message")
    return batch


def _values(
    payments: Sequence[Payment], users: Sequence[User], report: ReconciliationReport, batch: RefundBatch
) -> Values:
    """Return the values for the parameters of URLs."""
    refunds = list(RefundRecord.objects.filter(payment__in=payments))
    numbers = [text for payment in payments for text in (payment.merchant_uid, payment.imp_uid)]
    values = {
        "number": [*numbers, *(refund.number for refund in refunds), *_pks(refunds)],
        "imp_uid": [payment.imp_uid for payment in payments],
        "refunds.refundrecord.token": [str(batch.token)],
        "content_type_id": _pks(ContentType.objects.all()),
        "app_label": ["auth", "payments", "refunds"],
        "object_id": _pks(payments),
        "ids": [",".join(_pks(payments))],
    }
    for rows in (payments, users, refunds, [report], list(ApiToken.objects.all())):
        for parameter in ("object_id", "pk", "id"):
            values |= {f"{row._meta.label_lower}.{parameter}": _pks(rows) for row in rows[:1]}
    return values


def _pks(rows: Iterable[Model]) -> list[str]:
    return [str(row.pk) for row in rows]


def _cookies(*more: str) -> Headers:
    cookies = "; ".join((f"{settings.CSRF_COOKIE_NAME}={CSRF}", *more))
    return [("Cookie", cookies.encode()), ("X-CSRFToken", CSRF.encode())]


def _session(user: User) -> Headers:
    client = Client()
    client.force_login(user)
    name = settings.SESSION_COOKIE_NAME
    return _cookies(f"{name}={client.cookies[name].value}")


def _token(user: User) -> Headers:
    _kept, text = create_token(user=user, name=f"{user} server", may_refund=True)
    return [("Authorization", f"Token {text}".encode())]
