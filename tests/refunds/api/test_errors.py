"""Every error of the API: the same JSON fields, one code, and a message in the requested language."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, DataError, OperationalError, connection
from django.db.models import F
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone, translation
from pytest_django import Settings

from access.models import ApiToken
from access.tokens.service import create_token
from payments.intake.webhook import MAX_BODY_BYTES
from payments.lookup import choose_payment
from payments.models import Payment
from refunds.api.errors import STATUS_OF
from refunds.api.framework_messages import SENTENCES as FRAMEWORK_SENTENCES
from refunds.api.openapi.error_examples import RULE_CODES
from refunds.models import RefundRecord
from refunds.policies.messages import sentence
from refunds.services.buyer_limits import MAX_FAILED_PER_DAY, MAX_OPEN_PER_BUYER
from tests.entry_points import run_command
from tests.factories import ACCOUNT, make_payment, make_refund, make_staff, make_user, paid_at_sandbox
from tests.refunds.policies.cases import asking, paid
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db

JSON_TYPE = "application/json"
# The same in Korean: fields, headers, methods and formats.
NAMES = re.compile(
    r"[“‘][^”’]*[”’]|\(A[2-9A-Z]{10}\)|\d{4}-\d\d-\d\d(T[\d:+]+)?|imp_\w+|merchant_uid|imp_uid|Idempotency-Key|X-CSRFToken|csrftoken|cursor"
    r"|Accept|Allow|application/json|JSON|ASCII|PG|DELETE|POST|OPTIONS|NHN KCP|KRW|USD|\(paid\)"
)


@dataclass
class Asker:
    """A buyer with a request language, and the sandbox."""

    sandbox: SandboxServer
    settings: Settings
    user: User
    language: str = "en"
    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))

    def send(self, method: str, path: str, body: object = None, **headers: str) -> HttpResponse:
        content = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
        kind = headers.pop("Content_Type", JSON_TYPE)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.generic(
            method, path, content, content_type=kind, headers={"Accept-Language": self.language} | named
        )

    def cancel(self, body: object, **headers: str) -> HttpResponse:
        return self.send("POST", "/payments/cancel", body, **headers)

    def payment(self, **fields: Any) -> Payment:
        return paid_at_sandbox(self.sandbox, user=self.user, **fields)

    def refund(self, fault: str | None = None, **headers: str) -> HttpResponse:
        body = {"imp_uid": self.payment().imp_uid}
        if fault:
            self.sandbox.fault("cancel", fault, times=1)
        return self.cancel(body, **headers)

    def again(self, fault: str, **body: Any) -> HttpResponse:
        """Send a second request after one with an open outcome."""
        payment = self.payment()
        self.sandbox.fault("cancel", fault, times=1)
        self.cancel({"imp_uid": payment.imp_uid}, Idempotency_Key=f"k-{payment.pk}")
        return self.cancel({"imp_uid": payment.imp_uid, **body}, Idempotency_Key=f"k-{payment.pk}")


def to_a_strangers_account(asker: Asker) -> HttpResponse:
    """The answer must not tell a buyer whose account it is."""
    payment = asker.payment(pay_method="vbank", pg_provider="html5_inicis")
    answer = asker.cancel({"imp_uid": payment.imp_uid} | ACCOUNT | {"refund_holder": "Kim"})
    assert ACCOUNT["refund_holder"] not in answer.content.decode()
    return answer


def not_signed_in(asker: Asker) -> HttpResponse:
    asker.client.logout()
    return asker.send("GET", "/payments")


def without_csrf_token(asker: Asker) -> HttpResponse:
    asker.client = Client(enforce_csrf_checks=True)
    asker.client.force_login(asker.user)
    return asker.cancel({})


def from_another_address(asker: Asker) -> HttpResponse:
    asker.client = Client(enforce_csrf_checks=True, headers={"Origin": "https://other.example"})
    asker.client.force_login(asker.user)
    answer = asker.cancel({})
    assert answer.json()["message"].startswith(("Your browser and the server", "브라우저와 서버"))
    return answer


def without_permission(asker: Asker) -> HttpResponse:
    asker.client.force_login(make_staff("view_payment", name=f"viewer-{asker.language}"))
    return asker.cancel({"imp_uid": asker.payment().imp_uid})


def paid_twice(asker: Asker) -> HttpResponse:
    for _ in range(2):
        make_payment(user=asker.user, merchant_uid="twice")
    return asker.cancel({"merchant_uid": "twice"})


def another_open(asker: Asker) -> HttpResponse:
    payment = asker.payment()
    asker.sandbox.fault("cancel", "accept_later", times=1)
    asker.cancel({"imp_uid": payment.imp_uid, "cancel_request_amount": 100})
    return asker.cancel({"imp_uid": payment.imp_uid})


def needs_approval(asker: Asker, *, again: bool = False) -> HttpResponse:
    """Have staff ask for a refund above the limit, and for another one while it waits."""
    asker.settings.REFUND_APPROVAL_ABOVE = Decimal(100)
    asker.client.force_login(make_staff("refund_payment", name=f"staff-{asker.language}"))
    body = {"imp_uid": asker.payment().imp_uid}
    answer = asker.cancel(body)
    return asker.cancel(body) if again else answer


def failed_all_day(asker: Asker) -> HttpResponse:
    payment = asker.payment()
    for _ in range(MAX_FAILED_PER_DAY):
        make_refund(payment, status="failed", error_code="refused_by_gateway")
    return asker.cancel({"imp_uid": payment.imp_uid})


def too_many_open(asker: Asker) -> HttpResponse:
    for _ in range(MAX_OPEN_PER_BUYER):
        make_refund(status="unknown", requested_by=asker.user)
    answer = asker.cancel({"imp_uid": asker.payment().imp_uid})
    RefundRecord.objects.live().update(requested_by=None)
    return answer


def imort_out_of_reach(asker: Asker) -> HttpResponse:
    payment = make_payment(user=asker.user)
    asker.settings.IAMPORT_API_URL = "http://127.0.0.1:9"
    answer = asker.cancel({"imp_uid": payment.imp_uid})
    asker.settings.IAMPORT_API_URL = asker.sandbox.url
    return answer


def cannot_look_up(asker: Asker) -> HttpResponse:
    asker.client.force_login(make_staff("view_payment", name=f"staff-{asker.language}"))
    asker.settings.IAMPORT_API_URL = "http://127.0.0.1:9"
    answer = asker.send("GET", "/payments/out-of-reach")
    asker.settings.IAMPORT_API_URL = asker.sandbox.url
    return answer


def never_carried_out(asker: Asker) -> HttpResponse:
    payment = asker.payment()
    asker.sandbox.fault("cancel", "drop_before", times=1)
    asker.cancel({"imp_uid": payment.imp_uid}, Idempotency_Key=f"k-{payment.pk}")
    RefundRecord.objects.live().update(requested_at=F("requested_at") - timedelta(days=1))
    with translation.override(asker.language):
        run_command("reconcile", payment.imp_uid)
    return asker.cancel({"imp_uid": payment.imp_uid}, Idempotency_Key=f"k-{payment.pk}")


def database_fails(
    asker: Asker, method: str = "GET", path: str = "/payments", error: type[DatabaseError] = OperationalError
) -> HttpResponse:
    def refuse(execute: Any, sql: str, *rest: Any) -> Any:
        if "payments_payment" in sql or "payments_notification" in sql:
            raise error("gone")
        return execute(sql, *rest)

    with connection.execute_wrapper(refuse):
        return asker.send(method, path, {"imp_uid": "imp_1"})


def unknown_host(asker: Asker) -> HttpResponse:
    asker.settings.ALLOWED_HOSTS = ["elsewhere.example"]
    answer = asker.send("GET", "/payments")
    asker.settings.ALLOWED_HOSTS = ["*"]
    return answer


def a_bug(asker: Asker) -> HttpResponse:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("refunds.api.views.narrow_payments", lambda *_: 1 / 0)
        return asker.send("GET", "/payments")


def by_token(**wishes: Any) -> Callable[[Asker], HttpResponse]:
    def go_wrong(asker: Asker) -> HttpResponse:
        _token, text = create_token(user=asker.user, name="shop", **wishes)
        return asker.cancel({"imp_uid": asker.payment().imp_uid}, Authorization=f"Token {text}")

    return go_wrong


def revoked_meanwhile(asker: Asker) -> HttpResponse:
    def find_late(**wanted: Any) -> Payment:
        ApiToken.objects.update(revoked_at=timezone.now())
        return choose_payment(**wanted)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("refunds.services.refund.choose_payment", find_late)
        return by_token()(asker)


def listed(query: str) -> Callable[[Asker], HttpResponse]:
    return lambda asker: asker.send("GET", f"/refunds?{query}")


def notified(body: bytes, kind: str = JSON_TYPE) -> Callable[[Asker], HttpResponse]:
    return lambda asker: asker.send("POST", "/webhooks/iamport", body, Content_Type=kind)


def cancelled(body: object, **headers: str) -> Callable[[Asker], HttpResponse]:
    return lambda asker: asker.cancel(body, **headers)


# One line per error: status, code, and the request that causes it.
WAYS: list[tuple[int, str, Callable[[Asker], HttpResponse]]] = [
    (202, "pending", lambda asker: asker.refund("accept_later")),
    (202, "awaiting_approval", needs_approval),
    (400, "invalid_json", cancelled(b"not json")),
    (400, "invalid_json", cancelled(b"[]")),
    (400, "missing_uid", cancelled({})),
    (400, "invalid_uid", cancelled({"merchant_uid": " "})),
    (400, "invalid_uid", cancelled({"merchant_uid": "x" * 41})),
    (400, "unknown_field", cancelled({"imp_uid": "imp_1", "amount": 1})),
    (400, "invalid_amount", cancelled({"imp_uid": "imp_1", "cancel_request_amount": True})),
    (400, "invalid_amount", cancelled({"imp_uid": "imp_1", "cancel_request_amount": "1"})),
    (400, "invalid_flag", cancelled({"imp_uid": "imp_1", "retain_promotion": "true"})),
    (400, "invalid_flag", cancelled({"imp_uid": "imp_1", "retain_promotion": 1})),
    (400, "invalid_flag", cancelled({"imp_uid": "imp_1", "retain_promotion": None})),
    (400, "invalid_confirm", cancelled({"imp_uid": "imp_1", "confirm": "account_holder_differs"})),
    (400, "invalid_confirm", cancelled({"imp_uid": "imp_1", "confirm": ["Account", 1]})),
    (400, "invalid_confirm", cancelled({"imp_uid": "imp_1", "confirm": None})),
    (400, "invalid_text", cancelled({"imp_uid": "imp_1", "reason": 1})),
    (400, "invalid_text", cancelled({"imp_uid": "imp_1", "reason": "\x01"})),
    (400, "invalid_idempotency_key", cancelled({"imp_uid": "imp_1"}, Idempotency_Key="")),
    (400, "several_payments", paid_twice),
    (
        400,
        "amount_exceeds_balance",
        lambda asker: asker.cancel({"imp_uid": asker.payment().imp_uid, "cancel_request_amount": 10_001}),
    ),
    (400, "unknown_parameter", listed("state=open")),
    (400, "invalid_parameter", listed("status=open")),
    (400, "invalid_parameter", listed("status=")),
    (400, "invalid_parameter", listed("order=a&order=b")),
    (400, "invalid_parameter", listed("order=a%01b")),
    (400, "bad_request", listed("order=a%00b")),
    (400, "invalid_parameter", listed(f"method={'x' * 33}")),
    (400, "invalid_parameter", listed("from=yesterday")),
    (400, "invalid_parameter", listed("page_size=0")),
    (400, "invalid_cursor", listed("cursor=nonsense")),
    (400, "bad_request", unknown_host),
    (400, "unreadable", notified(b"{")),
    (400, "unreadable", notified(b"[]")),
    (400, "invalid_imp_uid", notified(b"{}")),
    (401, "not_authenticated", not_signed_in),
    (401, "authentication_failed", cancelled({}, Authorization="Token nonsense")),
    (401, "authentication_failed", cancelled({}, Authorization="Token")),
    (401, "authentication_failed", cancelled({}, Authorization="Bearer a b")),
    (401, "authentication_failed", cancelled({}, Authorization="rd_nonsense")),
    (403, "permission_denied", without_permission),
    (403, "csrf_failed", without_csrf_token),
    (403, "csrf_failed", from_another_address),
    (403, "token_scope", by_token(may_refund=False)),
    (403, "token_amount_limit", by_token(max_amount=Decimal(100))),
    (403, "token_daily_limit", by_token(max_per_day=Decimal(100))),
    (403, "token_currency", by_token(max_amount=Decimal(100), limit_currency="USD")),
    (403, "token_ended", revoked_meanwhile),
    (404, "payment_not_found", cancelled({"imp_uid": "imp_1"})),
    (404, "payment_not_found", lambda asker: asker.send("GET", "/payments/nobody/refunds")),
    (404, "approval_not_found", lambda asker: asker.send("GET", "/approvals/nobody")),
    (404, "refund_not_found", lambda asker: asker.send("GET", "/refunds/nobody")),
    *[
        (404, "not_found", lambda asker, path=path: asker.send("GET", path))
        for path in ("/refunds/1/2", "/approvals/1/2", "/statements/2026-10/2", "/refund-reasons/1")
    ],
    (404, "not_found", lambda asker: asker.send("POST", "/webhooks/other")),
    (404, "not_found", lambda asker: asker.send("GET", "/api/nothing")),
    (405, "method_not_allowed", lambda asker: asker.send("GET", "/webhooks/iamport")),
    *[
        (405, "method_not_allowed", lambda asker, path=path: asker.send("DELETE", path))
        for path in ("/payments", "/payments/cancel", "/payments/a", "/payments/a/refunds", "/refunds", "/refunds/1")
    ],
    *[
        (405, "method_not_allowed", lambda asker, path=path: asker.send("POST", path))
        for path in ("/api/docs", "/api/schema")
    ],
    (405, "method_not_allowed", lambda asker: asker.send("OPTIONS", "/payments")),
    (406, "not_acceptable", lambda asker: asker.send("GET", "/payments", Accept="text/html")),
    (406, "not_acceptable", lambda asker: asker.send("GET", "/api/schema", Accept="text/html")),
    (409, "refund_in_progress", another_open),
    (409, "approval_waiting", lambda asker: needs_approval(asker, again=True)),
    (409, "confirmation_required", to_a_strangers_account),
    (409, "idempotency_key_reused", lambda asker: asker.again("accept_later", reason="other")),
    (413, "too_large", notified(b"x" * (MAX_BODY_BYTES + 1))),
    (413, "too_large", cancelled(b"x" * (64 * 1024 + 1))),
    (413, "too_large", cancelled(b"x" * (512 * 1024 + 1))),
    (415, "unsupported_media_type", cancelled(b"a", Content_Type="text/plain")),
    (415, "unsupported_media_type", notified(b"a", "text/plain")),
    (422, "refused_by_gateway", lambda asker: asker.refund("refuse")),
    (429, "too_many_failed", failed_all_day),
    (500, "server_error", a_bug),
    (500, "server_error", lambda asker: database_fails(asker, error=DataError)),
    (503, "gateway_unavailable", imort_out_of_reach),
    (503, "busy", too_many_open),
    (503, "lookup_unavailable", cannot_look_up),
    (503, "refund_not_carried_out", never_carried_out),
    (503, "database_unavailable", database_fails),
    (503, "database_unavailable", lambda asker: database_fails(asker, "POST", "/webhooks/iamport")),
    (504, "outcome_unknown", lambda asker: asker.refund("drop_after")),
    (504, "outcome_unknown", lambda asker: asker.again("drop_after")),
]


@pytest.fixture
def asker(sandbox: SandboxServer, settings: Settings) -> Asker:
    asker = Asker(sandbox, settings, make_user())
    asker.client.force_login(asker.user)
    return asker


def is_english(text: str) -> bool:
    return re.search(r"[가-힣]", text) is None


def is_korean(text: str) -> bool:
    """Return whether the text is Korean and contains no English but names."""
    return not is_english(text) and re.search(r"[A-Za-z]{2,}", NAMES.sub("", text)) is None


@pytest.mark.parametrize(
    ("status", "code", "go_wrong"), WAYS, ids=[f"{number}-{way[1]}" for number, way in enumerate(WAYS)]
)
def test_an_error_has_its_code_its_shape_and_a_sentence_in_both_languages(
    asker: Asker, status: int, code: str, go_wrong: Callable[[Asker], HttpResponse]
) -> None:
    client, said = asker.client, {}
    for asker.language in ("ko", "en"):
        asker.client = client
        client.force_login(asker.user)
        answer = go_wrong(asker)
        body = answer.json()
        assert (answer.status_code, body["code"]) == (status, code)
        assert answer.headers["Content-Type"] == JSON_TYPE
        if status != 202:
            more = {"violations", "warnings", "refund", "refusal", "approval"}
            assert set(body) <= {"message", "code", "retryable"} | more
            assert isinstance(body["retryable"], bool)
            assert ("Retry-After" in answer.headers) == body["retryable"]
        said[asker.language] = [body["message"], *(found["message"] for found in body.get("violations", ()))]

    assert all(map(is_korean, said["ko"])), said["ko"]
    # The gateway's own message is Korean in either language.
    assert code == "refused_by_gateway" or all(map(is_english, said["en"])), said["en"]


@pytest.mark.parametrize("code", RULE_CODES)
def test_a_rule_speaks_both_languages(code: str) -> None:
    context = asking(paid("kcp", "card", tax_free=1000, vat_amount=100), 40_000, refund_bank="은행")
    with translation.override("ko"):
        assert is_korean(sentence(code, context))
    with translation.override("en"):
        assert is_english(sentence(code, context).replace("은행", ""))


def test_every_code_was_walked_through() -> None:
    """Cover the codes of our errors that reach the API, of the framework, and of the rules."""
    own = {error.code for error in STATUS_OF if "code" in vars(error) and error.code != "throttled"}
    assert own | set(FRAMEWORK_SENTENCES) - {"throttled"} <= {code for _status, code, _way in WAYS}
