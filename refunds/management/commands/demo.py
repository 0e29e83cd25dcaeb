"""`manage.py demo`: create demo accounts and orders, in the sandbox i'mport and in the ledger."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import requests
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.management.base import CommandError
from django.db import transaction
from django.utils import timezone

from core import mail
from core.commands import USAGE, JsonCommand
from core.errors import DomainError
from payments.gateway import GatewayError
from payments.intake.sync import sync_by_id
from payments.models import Payment
from refunds.demo.orders import ORDERS, REFUNDS, REQUESTS, DemoRefund
from refunds.demo.people import ACCOUNTS, BUYER, GROUPS, HANEUL, STAFF, Account
from refunds.groups import permissions_named
from refunds.inputs import Actor, RefundRequest
from refunds.models import NoticeKind, NoticeSettings, RefundSource
from refunds.notices.settings import save_settings
from refunds.reconciliation.drift import compare_period
from refunds.services.reasons import reasons_in_use
from refunds.services.refund import request_refund

REAL_HOST = "api.iamport.kr"
TIMEOUT_SECONDS = 30
REPORTED = timedelta(days=30)


class Command(JsonCommand):
    """Create what is missing and change nothing else: safe to repeat."""

    help = "Create demo accounts and orders in the sandbox i'mport and in the ledger (DEBUG only)."

    def handle(self, *args: Any, **options: Any) -> None:
        ensure_sandbox()
        accounts = create_accounts()
        switch_mails_on()
        created = create_orders()
        self.stdout.write(f"{len(ORDERS)} sample orders, {created} of them new. Accounts (username / password):")
        for account, user in accounts:
            password = account.password if user.check_password(account.password) else "(changed by you)"
            self.stdout.write(f"  {account.username} / {password}")


def ensure_sandbox() -> None:
    """Raise `CommandError` unless DEBUG is on and a sandbox answers."""
    if not settings.DEBUG:
        raise CommandError("The demo is for development: set DEBUG=true.", returncode=USAGE)
    url = settings.IAMPORT_API_URL
    if urlsplit(url).hostname == REAL_HOST:
        message = "IAMPORT_API_URL is the real i'mport. Set it to a sandbox, such as http://127.0.0.1:8001."
        raise CommandError(message, returncode=USAGE)
    control("GET", "health")


def control(method: str, path: str, body: Any = None) -> Any:
    """Call the sandbox's control API. Raises `CommandError`."""
    url = settings.IAMPORT_API_URL
    try:
        with requests.Session() as session:
            session.trust_env = False  # no proxy between two local servers
            answer = session.request(method, f"{url}/_sandbox/{path}", json=body, timeout=TIMEOUT_SECONDS)
        answer.raise_for_status()
        return answer.json()
    except (requests.RequestException, ValueError) as exc:
        message = f"No sandbox answers at {url}. Start it with “manage.py sandbox”."
        raise CommandError(message, returncode=USAGE) from exc


@transaction.atomic
def create_accounts() -> list[tuple[Account, User]]:
    """Create the missing accounts and the groups of staff. A changed password stays."""
    groups = {name: _group(name, permissions) for name, permissions in GROUPS.items()}
    existing = User.objects.in_bulk([account.username for account in ACCOUNTS], field_name="username")
    return [
        (account, existing.get(account.username) or _new_user(account, groups.get(account.group)))
        for account in ACCOUNTS
    ]


def _group(name: str, permissions: Iterable[str]) -> Group:
    group, is_new = Group.objects.get_or_create(name=name)
    if is_new:
        group.permissions.set(permissions_named(permissions))
    return group


def _new_user(account: Account, group: Group | None) -> User:
    user = User.objects.create_user(
        account.username,
        email=f"{account.username}@example.com",
        password=account.password,
        first_name=account.full_name,  # in one field: Django would put the given name first
        is_staff=account.is_staff,
        is_superuser=account.is_superuser,
    )
    if group:
        user.groups.add(group)
    return user


def create_orders() -> int:
    """Create payments in the sandbox, mirror them and link them to the buyer. Returns how many are new here."""
    now = timezone.now()
    control("POST", "payments", [order.as_payment(now) for order in ORDERS])
    all_uids = [order.imp_uid for order in ORDERS]
    known = set(Payment.objects.filter(imp_uid__in=all_uids).values_list("imp_uid", flat=True))
    # Read only new ones: reading the others would import the cancels that the ledger is meant to miss.
    missing = [uid for uid in all_uids if uid not in known]
    try:
        created = sum(step.created for step in sync_by_id(missing))
    except GatewayError as exc:
        raise CommandError(exc.message, returncode=USAGE) from exc
    # The shop may have read some of them by itself meanwhile.
    _link_buyer()
    _state_tax_parts()
    _cancel_unseen()
    _refund_some(missing)
    if created:
        compare_period(since=now - REPORTED, until=timezone.now(), check_only=True)
    return created


def switch_mails_on() -> None:
    """Tell buyers by e-mail, if this server can send any and nobody has decided otherwise."""
    if mail.is_on() and not NoticeSettings.objects.exists():
        kinds = [NoticeKind.REFUNDED, NoticeKind.ACCEPTED, NoticeKind.LATE]
        save_settings(is_on=True, kinds=kinds, shop="마루", language=settings.LANGUAGE_CODE)


def _link_buyer() -> None:
    buyer = User.objects.get(username=BUYER.username)
    mine = [order.imp_uid for order in ORDERS if order.buyer is HANEUL]
    Payment.objects.filter(imp_uid__in=mine, user=None).update(user=buyer)


def _state_tax_parts() -> None:
    """State what a shop knows of its orders and i'mport does not show."""
    for order in ORDERS:
        if "tax_free" in order.more:
            Payment.objects.filter(imp_uid=order.imp_uid, tax_free=None).update(tax_free=order.more["tax_free"])


def _refund_some(imp_uids: list[str]) -> None:
    """Refund some of these orders as staff do: two are done, one waits for the PG, one is refused.

    One more waits for a second person, where the limit is below its amount.
    """
    staff = User.objects.get(username=STAFF.username)
    actor = Actor(staff.get_username(), staff)
    for refund in (*REFUNDS, *filter(_needs_approval, REQUESTS)):
        if refund.imp_uid not in imp_uids:
            continue
        if refund.fault:
            control("POST", "faults", {"endpoint": "cancel", "imp_uid": refund.imp_uid, "times": 1, **refund.fault})
        payment = Payment.objects.get(imp_uid=refund.imp_uid)
        reason_code = refund.reason_code if refund.reason_code in reasons_in_use() else ""
        request = RefundRequest(amount=Decimal(refund.amount), reason=refund.reason, reason_code=reason_code)
        with suppress(DomainError):  # it waits for approval, or the shop's own settings forbid it
            request_refund(payment=payment, request=request, actor=actor, source=RefundSource.ADMIN)


def _needs_approval(refund: DemoRefund) -> bool:
    return 0 < settings.REFUND_APPROVAL_ABOVE < Decimal(refund.amount)


def _cancel_unseen() -> None:
    """Cancel in i'mport's console, once and without a notification, what the ledger is meant to miss."""
    webhook_url = control("GET", "settings")["webhook_url"]
    control("POST", "settings", {"webhook_url": ""})
    untouched = set(Payment.objects.filter(cancel_amount=0, refunds=None).values_list("imp_uid", flat=True))
    try:
        for order in ORDERS:
            path = f"payments/{order.imp_uid}"
            if order.missed and order.imp_uid in untouched and not control("GET", path)["cancel_amount"]:
                control("POST", f"{path}/cancel", {"amount": order.missed, "reason": "콘솔에서 부분 취소"})
    finally:
        control("POST", "settings", {"webhook_url": webhook_url})
