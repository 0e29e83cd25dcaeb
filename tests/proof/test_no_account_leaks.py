"""Refund to a bank account through every entry point, with full logging: the account is stored nowhere in plain text.

Only i'mport and the encrypted column get it. The test searches the database, all logs, all files and all responses.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import F
from django.test import Client

from access.tokens.service import create_token
from chaos.world import HOST, WebServer
from payments.models import Payment
from refunds.models import RefundBatch, RefundRecord
from refunds.services.bank_accounts import stored_account
from tests.factories import make_staff, make_user, paid_at_sandbox
from tests.production import wait_for
from tests.proof.leaks import database, files, leaks
from tests.proof.own_postgres import free_port
from tests.sandbox_server import SandboxServer

# PostgreSQL is the stricter database: its error messages contain values of the row.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres, pytest.mark.timeout(300)]

ROOT = Path(__file__).resolve().parents[2]
DIGITS = "3520617442983"
TYPED = "352-0617-4429-83"
HOLDER = "남궁설레"
SECRETS = (DIGITS, TYPED, HOLDER)
ACCOUNT = {"refund_holder": HOLDER, "refund_bank": "088", "refund_account": TYPED}
REFUSAL = f"계좌 {TYPED} ({DIGITS}, 예금주 {HOLDER}) 환불 불가"
FAULTS = {"": {}, "refuse": {"message": REFUSAL}, "drop_after": {}}
LEASE, READ_TIMEOUT = 4, 1.5  # seconds
SECONDS = 60


@dataclass
class Shop:
    """The running processes and their responses."""

    sandbox: SandboxServer
    environment: dict[str, str]
    url: str
    folder: Path
    answers: dict[str, bytes] = field(default_factory=dict)
    logs: dict[str, bytes] = field(default_factory=dict)

    def keep(self, what: str, answer: requests.Response) -> requests.Response:
        self.answers[f"{what} {len(self.answers)}"] = answer.content + str(answer.headers).encode()
        return answer

    def manage(self, *arguments: str, typed: str | None = None) -> int:
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, input=(typed or "").encode(), capture_output=True, check=False
        )
        self.logs[f"{' '.join(arguments)} {len(self.logs)}"] = done.stdout + done.stderr
        return done.returncode

    def signed_in(self, user: User) -> requests.Session:
        client = Client()
        client.force_login(user)
        session = requests.Session()
        session.trust_env = False
        session.cookies.set("sessionid", client.cookies["sessionid"].value)
        return session

    def post(self, session: requests.Session, path: str, data: dict[str, str]) -> requests.Response:
        """Load the page, then post its form, as a browser does."""
        page = session.get(self.url + path)
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
        assert token, page.text[:500]
        return session.post(page.url, {**data, "csrfmiddlewaretoken": token[1]})


@contextmanager
def worker(environment: dict[str, str], log: Path) -> Iterator[None]:
    command = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "config",
        "worker",
        "--pool",
        "threads",
        "-B",
        "--loglevel",
        "DEBUG",
    ]
    with log.open("wb") as file:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=file, stderr=file)
    try:
        yield
    finally:
        process.terminate()
        process.wait(SECONDS)


@pytest.fixture
def shop(sandbox: SandboxServer, child_environment: Callable[..., dict[str, str]], tmp_path: Path) -> Iterator[Shop]:
    environment = child_environment(
        DEBUG="true",
        LOG_LEVEL="DEBUG",
        ALLOWED_HOSTS=HOST,
        VAR_DIR=str(tmp_path / "var"),
        IAMPORT_CONTRACTS="vbank_refund",
        IAMPORT_READ_TIMEOUT=str(READ_TIMEOUT),
        REFUND_LEASE_SECONDS=str(LEASE),
        PYTHONUTF8="1",
        PYTHONWARNINGS="ignore",
    )
    (tmp_path / "var").mkdir()
    account = {"bank_code": "088", "bank_num": DIGITS, "holder": HOLDER}
    requests.post(f"{sandbox.url}/_sandbox/accounts", json=account, timeout=10).raise_for_status()
    log = tmp_path / "web.log"
    web = WebServer(environment, free_port(), log)
    with worker(environment, tmp_path / "worker.log"):
        web.start()
        yield Shop(sandbox, environment, web.url, tmp_path)
        web.kill()


def payment(shop: Shop, **fields: Any) -> Payment:
    return paid_at_sandbox(shop.sandbox, pay_method="vbank", pg_provider="html5_inicis", **fields)


def refund_by_token(shop: Shop, wanted: Payment, token: str) -> None:
    session = requests.Session()
    session.trust_env = False
    headers = {"Authorization": f"Token {token}", "Idempotency-Key": wanted.imp_uid}
    body = {"imp_uid": wanted.imp_uid, **ACCOUNT}
    shop.keep("API", session.post(f"{shop.url}/payments/cancel", json=body, headers=headers))
    for path in (f"/payments/{wanted.imp_uid}", f"/payments/{wanted.imp_uid}/refunds"):
        shop.keep("API", session.get(shop.url + path, headers=headers))


def refund_by_storefront(shop: Shop, wanted: Payment, buyer: requests.Session) -> None:
    shop.keep("storefront", buyer.get(f"{shop.url}/"))
    headers = {"X-CSRFToken": buyer.cookies["csrftoken"]}
    body = {"imp_uid": wanted.imp_uid, **ACCOUNT}
    shop.keep("storefront", buyer.post(f"{shop.url}/payments/cancel", json=body, headers=headers))
    shop.keep("storefront", buyer.get(f"{shop.url}/"))


def confirm(shop: Shop, staff: requests.Session, *orders: Payment) -> requests.Response:
    typed = {**ACCOUNT, "selected": "on", "expected_balance": "10000"}
    form: dict[str, Any] = {f"p{order.pk}-{name}": value for order in orders for name, value in typed.items()}
    path = f"/admin/payments/payment/refund/?ids={','.join(str(order.pk) for order in orders)}"
    page = staff.get(shop.url + path)
    token = re.search(r"token=([\w-]+)", page.url)
    assert token
    for name, mark in re.findall(r'type="hidden" name="(p\d+-read)" value="([^"]+)"', page.text):
        form.setdefault(name, []).append(mark)
    return shop.post(staff, f"{path}&token={token[1]}", {**form, "token": token[1], "do": "refund"})


def refund_by_admin(shop: Shop, wanted: Payment, staff: requests.Session) -> None:
    """A single order, in the request, and then one of two, by the worker."""
    shop.keep("result", confirm(shop, staff, payment(shop)))
    answer = shop.keep("result", confirm(shop, staff, wanted, payment(shop)))
    assert "/refundbatch/" in answer.url
    wait_for(lambda: not RefundBatch.objects.filter(finished_at=None), "the worker does not refund")
    shop.keep("result", staff.get(answer.url))
    refund = wanted.refunds.get()
    for page in (
        f"refunds/refundrecord/{refund.pk}/change/",
        f"refunds/refundrecord/{refund.pk}/history/",
        f"payments/payment/{wanted.pk}/change/",
        f"payments/payment/{wanted.pk}/history/",
        "refunds/refundrecord/",
        "",
    ):
        shop.keep("admin", staff.get(f"{shop.url}/admin/{page}"))


def refund_by_command(shop: Shop, wanted: Payment) -> None:
    options = ["--refund-holder", "-", "--refund-bank", "088", "--refund-account", "-", "--json"]
    for more in (["--dry-run"], []):
        shop.manage("refund", wanted.imp_uid, *options, *more, typed=f"{HOLDER}\n{TYPED}\n")


def crash_at_work(shop: Shop, wanted: Payment) -> None:
    """Kill a command during its call to i'mport."""
    shop.sandbox.fault("cancel", "hang_before", times=1, seconds=READ_TIMEOUT / 2, imp_uid=wanted.imp_uid)
    options = ["--refund-holder", HOLDER, "--refund-bank", "088", "--refund-account", TYPED]
    with subprocess.Popen(
        [sys.executable, "manage.py", "refund", wanted.imp_uid, *options],
        cwd=ROOT,
        env=shop.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        while not any(call["imp_uid"] == wanted.imp_uid for call in shop.sandbox.log("cancel")):
            assert process.poll() is None
            time.sleep(0.05)
        process.kill()
        shop.logs["killed"] = process.communicate()[0]


@contextmanager
def without(table: str) -> Iterator[None]:
    """Rename a table inside the block, so that code which needs it crashes."""
    with connection.cursor() as cursor:
        cursor.execute(f'ALTER TABLE "{table}" RENAME TO "{table}_away"')
        try:
            yield
        finally:
            cursor.execute(f'ALTER TABLE "{table}_away" RENAME TO "{table}"')


def wait_until_settled(shop: Shop) -> None:
    """End the leases and wait until the worker has settled all open refunds."""
    deadline, lease = time.monotonic() + SECONDS, timedelta(seconds=LEASE)
    while RefundRecord.objects.live().exists():
        assert time.monotonic() < deadline
        RefundRecord.objects.live().update(next_check_at=None, requested_at=F("requested_at") - lease)
        call = [sys.executable, "-m", "celery", "-A", "config", "call", "refunds.tasks.sweep"]
        subprocess.run(call, cwd=ROOT, env=shop.environment, check=True, stdout=subprocess.DEVNULL)
        called = time.monotonic()
        while RefundRecord.objects.live().exists() and time.monotonic() < called + 5:
            time.sleep(0.1)


def test_the_account_of_a_refund_is_stored_only_encrypted(shop: Shop) -> None:
    staff_user, buyer_user = make_staff("refund_payment", "view_payment", "view_refundrecord"), make_user("buyer")
    _token, text = create_token(user=staff_user, name="proof")
    staff, buyer = shop.signed_in(staff_user), shop.signed_in(buyer_user)
    for fault, options in FAULTS.items():
        refunds: list[Callable[[Payment], None]] = [
            lambda wanted: refund_by_token(shop, wanted, text),
            lambda wanted: refund_by_storefront(shop, wanted, buyer),
            lambda wanted: refund_by_admin(shop, wanted, staff),
            lambda wanted: refund_by_command(shop, wanted),
        ]
        for refund in refunds:
            wanted = payment(shop, user=buyer_user)
            if fault:
                shop.sandbox.fault("cancel", fault, times=1, imp_uid=wanted.imp_uid, **options)
            refund(wanted)
    crash_at_work(shop, payment(shop))
    with without("refunds_refundbatch"):
        crashed = shop.keep("crash", confirm_without_table(shop, payment(shop), staff))
        assert crashed.status_code == 500
        assert "Traceback" in crashed.text
    with without("refunds_refundaccount"):
        refund_by_token(shop, payment(shop), text)
    wait_until_settled(shop)
    for command in (
        ["reconcile"],
        ["reconcile", "--all", "--since", "2020-01-01", "--csv", "-"],
        ["prune"],
        ["reencrypt"],
    ):
        shop.manage(*command)
    for kind in ("csv", "xlsx"):
        shop.keep(kind, shop.post(staff, "/admin/refunds/refundrecord/export/", {"format": kind}))

    # i'mport got the account, the column can be decrypted, and the search would find it in plain text.
    records = list(RefundRecord.objects.filter(stored_account__isnull=False))
    assert len(records) == 19
    assert {account.number for record in records if (account := stored_account(record))} == {DIGITS}
    assert RefundRecord.objects.filter(status="failed").count() == 4
    control = {"i'mport": json.dumps(shop.sandbox.log("cancel"), ensure_ascii=False, default=str).encode()}
    assert len(leaks([DIGITS, HOLDER], control)) >= 2
    places = database() | files(shop.folder) | shop.answers | shop.logs
    assert leaks([RefundRecord.objects.first().number], database())  # type: ignore[union-attr]
    assert leaks(SECRETS, places) == []
    assert any(f"•••• {DIGITS[-4:]}".encode() in content for content in shop.answers.values())


def confirm_without_table(shop: Shop, wanted: Payment, staff: requests.Session) -> requests.Response:
    """Post only the form, because its page cannot be shown without the table either."""
    typed = {**ACCOUNT, "selected": "on", "expected_balance": "10000"}
    form = {f"p{wanted.pk}-{name}": value for name, value in typed.items()}
    token = "0b1e5a3c-5f0e-4c53-9a43-2f6f7f1f4a77"
    data = {**form, "token": token, "do": "refund", "csrfmiddlewaretoken": staff.cookies["csrftoken"]}
    return staff.post(f"{shop.url}/admin/payments/payment/refund/?ids={wanted.pk}&token={token}", data)
