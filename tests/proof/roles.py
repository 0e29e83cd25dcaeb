"""Request every URL of the site as every role, and write the responses as tables."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.db.models import Model
from django.test import Client
from django.utils import timezone

from access.models import SignInFailure
from access.tokens.service import create_token
from payments.models import Payment
from refunds.groups import GROUPS, make_groups
from refunds.models import (
    BusinessDayException,
    BuyerNotice,
    ReconciliationReport,
    RefundBatch,
    RefundBatchItem,
    StatementMonth,
)
from tests.endpoints import Endpoint, endpoints
from tests.factories import (
    make_approval,
    make_reason,
    make_refund,
    make_staff,
    make_stored_account,
    make_user,
    paid_at_sandbox,
)
from tests.sandbox_server import SandboxServer
from tests.sign_in import with_device
from tests.unrendered import pages_unrendered
from webhooks.endpoints import add_endpoint, switch_endpoint
from webhooks.models import Delivery, Event

# Column -> its description. All staff but the first belong to the default groups.
COLUMNS = {
    "anon": "nobody: not signed in",
    "buyer": "the buyer whose order it is",
    "other": "another buyer",
    "staff": "staff without any permission",
    "viewer": "staff of the group *Refunds: view*",
    "refunder": "staff of the group *Refunds: refund*",
    "approver": "staff of the group *Refunds: approve*",
    "manager": "staff of the group *Refunds: manage*",
    "accounts": "staff of the group *Refunds: view accounts*",
    "super": "superuser",
    "read token": "API token of the refunder that may only read",
    "refund token": "API token of the refunder that may only refund",
    "buyer token": "API token of the buyer, that may read and refund",
}
GROUP_OF = {
    "viewer": GROUPS[0],
    "refunder": GROUPS[1],
    "approver": GROUPS[2],
    "manager": GROUPS[3],
    "accounts": GROUPS[4],
}
Data = Mapping[str, object]
API = ("/payments/", "/refunds/", "/approvals/", "/refund-reasons/", "/statements/")
JSON = (*API, "/webhooks/")
CHANGED = " +"  # the request changed something
RENDERED = "viewer"  # the column whose pages are rendered as well: a status does not depend on its page


@dataclass(frozen=True)
class Request:
    """One request as an example of its kind; `what` distinguishes requests to the same endpoint."""

    endpoint: Endpoint
    method: str
    what: str = ""


class Writes:
    """Record whether the database was written to, apart from sessions, failed sign-ins and times of use."""

    def __init__(self) -> None:
        self.seen = False

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        found = re.match(r"\s*(INSERT INTO|UPDATE|DELETE FROM) ", sql)
        self.seen |= found is not None and not re.search(
            r'"django_session"|"last_login" =|"last_used_at" =|"axes_', sql
        )
        return execute(sql, params, many, context)


class World:
    """A buyer's order with a refund of each kind, and a client for each column."""

    def __init__(self, sandbox: SandboxServer) -> None:
        self._sandbox = sandbox
        buyer, other = make_user("buyer"), make_user("other")
        self.payment = paid_at_sandbox(sandbox, user=buyer, merchant_uid="order-1")
        self._shown = {
            "imp_uid": self.payment.imp_uid,
            "merchant_uid": "order-1",
            "pg_provider": "uplus",
            "amount": 10_000,
        }
        make_groups()
        staff = {name: make_staff(name=name) for name in ("staff", *GROUP_OF)}
        for name, (group, _permissions) in GROUP_OF.items():
            staff[name].groups.add(Group.objects.get(name=str(group)))
        root = User.objects.create_superuser("super", password="secret")
        self.users = {"buyer": buyer, "other": other, **staff, "super": root}
        self._sessions = {name: _session(user) for name, user in self.users.items()}
        self._tokens = {
            "read token": create_token(user=staff["refunder"], name="read", may_refund=False)[1],
            "refund token": create_token(user=staff["refunder"], name="refund", may_read=False)[1],
            "buyer token": create_token(user=buyer, name="buyer's")[1],
        }
        fields = {"source": "api", "requested_by": buyer, "error_code": "refund_not_carried_out"}
        self.refund = make_refund(self.payment, status="failed", needs_review=True, **fields)
        make_stored_account(self.refund)
        said = {"requested_by": staff["refunder"], "requested_by_name": "refunder"}
        self.approval = make_approval(paid_at_sandbox(sandbox, user=buyer, merchant_uid="order-2"), **said)
        now = timezone.now()
        self.batch = RefundBatch.objects.create(token=uuid.uuid4(), requested_by=staff["refunder"], status="checked")
        RefundBatchItem.objects.create(batch=self.batch, payment=self.payment, expected_balance=self.payment.amount)
        # One row of each model in the admin that can safely be deleted.
        self._rows: list[Model] = [
            self.payment,
            self.refund,
            make_user("nobody"),
            Group.objects.create(name="empty"),
            ReconciliationReport.objects.create(since=now, until=now, started_at=now, finished_at=now),
            with_device(make_staff(name="with a phone"))[0],
            _delivery(),
            StatementMonth.objects.create(month=date(2026, 1, 1), closed_at=now, closed_by_name="staff"),
            BusinessDayException.objects.create(day=date(2026, 5, 1), name="closed"),
            make_reason(),
            BuyerNotice.objects.create(refund=self.refund, kind="refused", next_try_at=now),
        ]
        SignInFailure.objects.create(username="x", ip_address="192.0.2.1", failures_since_start=1)

    def answer(self, request: Request, column: str) -> str:
        """Return the response to this column in a word or two; roll back what the request changed."""
        if request.method == "POST" and request.endpoint.path in FORMS:  # undo the previous column's
            self._sandbox.create_payment(replace=True, **self._shown)
        before, writes = transaction.savepoint(), Writes()
        try:
            rendering = nullcontext() if column == RENDERED else pages_unrendered()
            with connection.execute_wrapper(writes), rendering:
                return self._send(request, column) + (CHANGED if writes.seen else "")
        finally:
            transaction.savepoint_rollback(before)

    def _send(self, request: Request, column: str) -> str:
        client = self._client(column)
        path = request.endpoint.at(self._values(request.endpoint)) + QUERIES.get(
            request.endpoint.path, lambda _world: ""
        )(self)
        if request.method == "GET":
            return _in_words(client.get(path))
        data = self._data(request)
        if request.endpoint.path.startswith(JSON):
            return _in_words(client.post(path, json.dumps(data), content_type="application/json"))
        return _in_words(client.post(path, data))

    def _client(self, column: str) -> Client:
        token = self._tokens.get(column)
        client = Client(headers={"Authorization": f"Token {token}"} if token else None)
        if column in self._sessions:
            client.cookies[settings.SESSION_COOKIE_NAME] = self._sessions[column]
        return client

    def _values(self, endpoint: Endpoint) -> dict[str, object]:
        number = self.refund.number if endpoint.path.startswith("/refunds/") else self.payment.merchant_uid
        values: dict[str, object] = {
            "number": self.approval.number if "approval" in endpoint.path else number,
            "imp_uid": self.payment.imp_uid,
            "pk": self.refund.pk,
            "token": self.batch.token,
            "kind": "refunded" if "wording" in endpoint.path else "csv",
            "content": "lines",
            "written": f"{timezone.localdate():%Y-%m}",
            "month": f"{timezone.localdate():%Y-%m}",
            "app_label": "payments",
            "url": "nothing-here",
            "uidb64": "MQ",
            "language": "ko",
            "content_type_id": ContentType.objects.get_for_model(Payment).pk,
            "object_id": self.payment.pk,
        }
        if endpoint.model is not None:
            values |= dict.fromkeys(("object_id", "pk", "id"), self._row(endpoint.model))
        missing = set(endpoint.parameters) - values.keys()
        assert not missing, f"{endpoint.path} is new: give tests/proof/roles.py a value for {', '.join(missing)}"
        return values

    def _row(self, model: type[Model]) -> object:
        row = next((row for row in self._rows if isinstance(row, model)), model._default_manager.first())
        assert row is not None, f"{model.__name__} is new: give the world of tests/proof/roles.py one of them"
        return row.pk

    def _data(self, request: Request) -> Data:
        if request.what:
            return {"action": request.what, "_selected_action": self._row(request.endpoint.model_admin.model)}  # type: ignore[union-attr]
        return FORMS.get(request.endpoint.path, lambda _world: {})(self)


def _delivery() -> Delivery:
    """Create a failed delivery of a test event, to a disabled and unreachable endpoint."""
    endpoint, _secret = add_endpoint(name="Shop", url="https://127.0.0.1/events", types=[])
    switch_endpoint(endpoint, on=False)
    event, now = Event.objects.create(type="ping", created_at=timezone.now()), timezone.now()
    return Delivery.objects.create(
        event=event, endpoint=endpoint, status="given_up", next_attempt_at=now, finished_at=now
    )


def _session(user: User) -> str:
    client = Client()
    client.force_login(user)
    return str(client.cookies[settings.SESSION_COOKIE_NAME].value)


def _confirmed(world: World) -> Data:
    field = f"p{world.payment.pk}"
    typed = {f"{field}-selected": "on", f"{field}-expected_balance": "10000", f"{field}-amount": "100"}
    return {"token": str(uuid.uuid4()), "do": "refund", "reason": "", **typed}


# Form data by endpoint; an endpoint that is not listed gets an empty form.
FORMS: dict[str, Callable[[World], Data]] = {
    "/payments/cancel/": lambda world: {"imp_uid": world.payment.imp_uid, "cancel_request_amount": 100},
    "/orders/<str:imp_uid>/refund": lambda _world: {"key": uuid.uuid4(), "balance": 10_000, "amount": 100},
    "/webhooks/iamport/": lambda world: {"imp_uid": world.payment.imp_uid},
    "/accounts/login/": lambda _world: {"username": "buyer", "password": "secret"},
    "/i18n/setlang/": lambda _world: {"language": "en"},
    "/admin/payments/payment/refund/": _confirmed,
    "/admin/payments/payment/check/": lambda world: {"ids": world.payment.pk},
    "/admin/refunds/refundrecord/<int:pk>/close/": lambda _world: {"reason": "asked"},
    "/admin/refunds/refundapproval/request/<slug:number>/": lambda _world: {"do": "reject", "note": "no"},
    "/admin/refunds/reconciliationreport/compare/": lambda _world: {
        "since": timezone.localdate(),
        "until": timezone.localdate(),
        "mode": "check",
    },
    "/admin/refunds/reconciliationreport/<int:pk>/repair/": lambda _world: {"payment": "all"},
    "/admin/payments/payment/export/": lambda _world: {"format": "csv"},
    "/admin/refunds/refundrecord/export/": lambda _world: {"format": "csv"},
    "/admin/webhooks/endpoint/<int:pk>/switch/": lambda _world: {"to": "off"},
    "/admin/access/authenticator/<path:object_id>/delete/": lambda _world: {"post": "yes"},
    "/admin/access/apitoken/add/": lambda _world: {"name": "new", "may_read": "on", "limit_currency": "KRW"},
    "/admin/auth/user/<path:object_id>/delete/": lambda _world: {"post": "yes"},
    "/admin/auth/group/<path:object_id>/delete/": lambda _world: {"post": "yes"},
    "/admin/auth/group/add/": lambda _world: {"name": "new"},
}
QUERIES: dict[str, Callable[[World], str]] = {
    "/admin/autocomplete/": lambda _world: "?app_label=payments&model_name=payment&field_name=user&term=b",
    "/admin/search/": lambda _world: "?s=pay",
    "/admin/payments/payment/refund/": lambda world: f"?ids={world.payment.pk}&token={uuid.uuid4()}",
}


def _in_words(answer: Any) -> str:
    location = answer.get("Location", "")
    return f"{answer.status_code} login" if "/login/" in location else str(answer.status_code)


def parts() -> dict[str, list[Request]]:
    """Return all requests by part of the site: each URL with GET and POST, and each action of a list."""
    found: dict[str, list[Request]] = {}
    for endpoint in endpoints():
        requested = found.setdefault(_part(endpoint), [])
        requested += [Request(endpoint, "GET"), Request(endpoint, "POST")]
        if endpoint.model_admin is not None and endpoint.path.count("/") == LIST_DEPTH:
            requested += [Request(endpoint, "POST", name) for name in _actions(endpoint.model_admin)]
    return found


LIST_DEPTH = "/admin/app/model/".count("/")


def _actions(model_admin: Any) -> list[str]:
    own = [action if isinstance(action, str) else action.__name__ for action in model_admin.actions or ()]
    return [*own, "delete_selected"]


# --- The tables -----------------------------------------------------------------------------------------------

Answers = dict[Request, tuple[str, ...]]


def all_answers(world: World, requested: Iterable[Request]) -> Answers:
    return {request: tuple(world.answer(request, column) for column in COLUMNS) for request in requested}


def _part(endpoint: Endpoint) -> str:
    if endpoint.path.startswith("/admin/"):
        name = str(endpoint.model._meta.verbose_name_plural) if endpoint.model else ""
        return f"Admin: {name} (`{_root(endpoint)}`)" if name else "Admin: everything else"
    return "API" if endpoint.path.startswith((*API, "/api/")) else "Pages"


def _root(endpoint: Endpoint) -> str:
    return "/".join(endpoint.path.split("/")[:LIST_DEPTH]) + "/" if endpoint.model else ""


def as_markdown(answers: Answers) -> str:
    """Return a table. Requests with equal responses share a row; roles with equal responses share a column."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for name, column in zip(COLUMNS, zip(*answers.values(), strict=True), strict=True):
        alike.setdefault(column, []).append(name)
    rows: dict[tuple[str, ...], list[Request]] = {}
    for request, row in zip(answers, zip(*alike, strict=True), strict=True):
        rows.setdefault(row, []).append(request)
    lines = ["| | " + " | ".join(", ".join(names) for names in alike.values()) + " |", "|---|" + "---|" * len(alike)]
    return "\n".join([*lines, *(f"| {_named(found)} | {' | '.join(row)} |" for row, found in rows.items())])


def _named(found: Sequence[Request]) -> str:
    """Return the requests by method, such as "GET `a`, `b` POST `c`"."""
    by_method = sorted(found, key=lambda request: request.method)
    groups = groupby(by_method, key=lambda request: request.method)
    return "<br>".join(f"{method} {', '.join(map(_path, requested))}" for method, requested in groups)


def _path(request: Request) -> str:
    path = re.sub(r"<(?:\w+:)?(\w+)>", r"<\1>", request.endpoint.path.removeprefix(_root(request.endpoint)) or "(list)")
    return (
        f"`{path.replace('<object_id>', '<id>').replace('<pk>', '<id>')}`{f' *{request.what}*' if request.what else ''}"
    )
