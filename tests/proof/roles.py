"""Who gets what: every address of the site is asked as everybody, and the answers are written down as tables."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.db.models import Model
from django.test import Client
from django.utils import timezone

from access.tokens import create_token
from payments.models import Payment
from refunds.models import DriftReport, RefundBatch, RefundBatchItem, RefundRecord
from tests.endpoints import Endpoint, endpoints
from tests.factories import make_staff, make_user, paid_at_sandbox
from tests.sandbox_server import SandboxServer

# Column -> what its owner may do. Every column but the first is a signed-in account or a token.
COLUMNS = {
    "anon": "nobody: not signed in",
    "buyer": "the buyer whose order it is",
    "other": "another buyer",
    "staff": "staff without any permission",
    "viewer": "staff who may view payments, refunds and reports",
    "refunder": "staff who may refund payments",
    "resolver": "staff who may view refunds and close those that need review",
    "accounts": "staff who may view payments, refunds and whole refund accounts",
    "super": "superuser",
    "read token": "API token of the refunder that may only read",
    "refund token": "API token of the refunder that may only refund",
    "buyer token": "API token of the buyer, that may read and refund",
}
PERMISSIONS = {
    "staff": (),
    "viewer": ("view_payment", "view_refundrecord", "view_driftreport"),
    "refunder": ("refund_payment",),
    "resolver": ("view_refundrecord", "resolve_refund"),
    "accounts": ("view_payment", "view_refundrecord", "view_account"),
}
Data = Mapping[str, object]
API = ("/payments/", "/refunds/", "/webhooks/", "/api/")
CHANGED = " +"  # the request changed something


@dataclass(frozen=True)
class Ask:
    """One request that stands for all of its kind; `what` tells it from others of the same endpoint."""

    endpoint: Endpoint
    method: str
    what: str = ""


class Writes:
    """Whether the database was written to, apart from who was there when."""

    def __init__(self) -> None:
        self.seen = False

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        found = re.match(r"\s*(INSERT INTO|UPDATE|DELETE FROM) ", sql)
        self.seen |= found is not None and not re.search(
            r'"django_session"|"last_login" =|"last_used_at" =|"axes_', sql
        )
        return execute(sql, params, many, context)


class World:
    """One order of a buyer's with a refund of each kind, and somebody for each column."""

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
        staff = {name: make_staff(*permissions, name=name) for name, permissions in PERMISSIONS.items()}
        root = User.objects.create_superuser("super", password="secret")
        self.users = {"buyer": buyer, "other": other, **staff, "super": root}
        self._sessions = {name: _session(user) for name, user in self.users.items()}
        self._tokens = {
            "read token": create_token(user=staff["refunder"], name="read", may_refund=False)[1],
            "refund token": create_token(user=staff["refunder"], name="refund", may_read=False)[1],
            "buyer token": create_token(user=buyer, name="buyer's")[1],
        }
        self.refund = self._refund(
            status="failed", needs_review=True, error_code="refund_not_carried_out", settled_at=timezone.now()
        )
        now = timezone.now()
        report = DriftReport.objects.create(since=now, until=now, started_at=now, finished_at=now)
        self.batch = RefundBatch.objects.create(token=uuid.uuid4(), requested_by=staff["refunder"], finished_at=now)
        RefundBatchItem.objects.create(batch=self.batch, payment=self.payment, refund=self.refund)
        # Deleting one of these is refused by nobody's data.
        self._rows: list[Model] = [
            self.payment,
            self.refund,
            report,
            make_user("nobody"),
            Group.objects.create(name="g"),
        ]

    def _refund(self, **fields: Any) -> RefundRecord:
        asked = {
            "source": "api",
            "requested_by": self.users["buyer"],
            "requested_at": timezone.now() - timedelta(days=9),
        }
        return RefundRecord.objects.create(payment=self.payment, amount=1_000, checksum=10_000, **asked, **fields)

    def answer(self, ask: Ask, column: str) -> str:
        """What this column is answered, in a word or two; whatever the request changed is taken back."""
        if ask.method == "POST" and ask.endpoint.path in FORMS:  # it may have moved money for the column before
            self._sandbox.create_payment(replace=True, **self._shown)
        before, writes = transaction.savepoint(), Writes()
        try:
            with connection.execute_wrapper(writes):
                return self._ask(ask, column) + (CHANGED if writes.seen else "")
        finally:
            transaction.savepoint_rollback(before)

    def _ask(self, ask: Ask, column: str) -> str:
        client = self._client(column)
        path = ask.endpoint.at(self._values(ask.endpoint)) + QUERIES.get(ask.endpoint.path, lambda _world: "")(self)
        if ask.method == "GET":
            return _in_words(client.get(path))
        data = self._data(ask)
        if ask.endpoint.path.startswith(API):
            return _in_words(client.post(path, json.dumps(data), content_type="application/json"))
        return _in_words(client.post(path, data))

    def _client(self, column: str) -> Client:
        token = self._tokens.get(column)
        client = Client(headers={"Authorization": f"Token {token}"} if token else None)
        if column in self._sessions:
            client.cookies[settings.SESSION_COOKIE_NAME] = self._sessions[column]
        return client

    def _values(self, endpoint: Endpoint) -> dict[str, object]:
        values: dict[str, object] = {
            "number": self.refund.number if endpoint.path.startswith("/refunds/") else self.payment.merchant_uid,
            "imp_uid": self.payment.imp_uid,
            "token": self.batch.token,
            "app_label": "payments",
            "url": "nothing-here",
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

    def _data(self, ask: Ask) -> Data:
        if ask.what:
            return {"action": ask.what, "_selected_action": self._row(ask.endpoint.model_admin.model)}  # type: ignore[union-attr]
        return FORMS.get(ask.endpoint.path, lambda _world: {})(self)


def _session(user: User) -> str:
    client = Client()
    client.force_login(user)
    return str(client.cookies[settings.SESSION_COOKIE_NAME].value)


def _confirmed(world: World) -> Data:
    field = f"p{world.payment.pk}"
    typed = {f"{field}-selected": "on", f"{field}-expected_balance": "10000", f"{field}-amount": "100"}
    return {"token": str(uuid.uuid4()), "do": "refund", "reason": "", **typed}


# What a form needs to be more than empty; an endpoint that is not here is sent an empty one.
FORMS: dict[str, Callable[[World], Data]] = {
    "/payments/cancel/": lambda world: {"imp_uid": world.payment.imp_uid, "cancel_request_amount": 100},
    "/webhooks/iamport/": lambda world: {"imp_uid": world.payment.imp_uid},
    "/accounts/login/": lambda _world: {"username": "buyer", "password": "secret"},
    "/i18n/setlang/": lambda _world: {"language": "en"},
    "/admin/payments/payment/refund/": _confirmed,
    "/admin/payments/payment/check/": lambda world: {"ids": world.payment.pk},
    "/admin/refunds/refundrecord/<int:pk>/close/": lambda _world: {"reason": "asked"},
    "/admin/refunds/driftreport/compare/": lambda _world: {
        "since": timezone.localdate(),
        "until": timezone.localdate(),
        "mode": "check",
    },
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


def asks() -> Iterator[Ask]:
    """Everything that can be asked: each address with GET and POST, and each action of the admin's lists."""
    for endpoint in endpoints():
        yield Ask(endpoint, "GET")
        yield Ask(endpoint, "POST")
        model_admin = endpoint.model_admin
        if model_admin is not None and endpoint.path.count("/") == LIST_DEPTH:
            yield from (Ask(endpoint, "POST", name) for name in _actions(model_admin))


LIST_DEPTH = "/admin/app/model/".count("/")


def _actions(model_admin: Any) -> list[str]:
    own = [action if isinstance(action, str) else action.__name__ for action in model_admin.actions or ()]
    return [*own, "delete_selected"]


# --- The tables -----------------------------------------------------------------------------------------------

Answers = dict[Ask, tuple[str, ...]]


def everybodys_answers(world: World) -> Answers:
    return {ask: tuple(world.answer(ask, column) for column in COLUMNS) for ask in asks()}


def as_markdown(answers: Answers) -> str:
    """A table for each part of the site. What is answered alike stands in one row, who is answered alike in one column."""
    parts: dict[str, Answers] = {}
    for ask, row in answers.items():
        parts.setdefault(_part(ask.endpoint), {})[ask] = row
    return "\n\n".join(f"**{name}**\n\n{_table(parts[name])}" for name in sorted(parts))


def _part(endpoint: Endpoint) -> str:
    if endpoint.path.startswith("/admin/"):
        name = str(endpoint.model._meta.verbose_name_plural) if endpoint.model else ""
        return f"Admin: {name} (`{_root(endpoint)}`)" if name else "Admin: everything else"
    return "API" if endpoint.path.startswith(API) else "Pages"


def _root(endpoint: Endpoint) -> str:
    return "/".join(endpoint.path.split("/")[:LIST_DEPTH]) + "/" if endpoint.model else ""


def _table(answers: Answers) -> str:
    alike: dict[tuple[str, ...], list[str]] = {}
    for name, column in zip(COLUMNS, zip(*answers.values(), strict=True), strict=True):
        alike.setdefault(column, []).append(name)
    rows: dict[tuple[str, ...], list[Ask]] = {}
    for ask, row in zip(answers, zip(*alike, strict=True), strict=True):
        rows.setdefault(row, []).append(ask)
    lines = ["| | " + " | ".join(", ".join(names) for names in alike.values()) + " |", "|---|" + "---|" * len(alike)]
    return "\n".join([*lines, *(f"| {_named(found)} | {' | '.join(row)} |" for row, found in rows.items())])


def _named(found: Sequence[Ask]) -> str:
    """GET `a`, `b` POST `c`"""
    by_method = sorted(found, key=lambda ask: ask.method)
    groups = groupby(by_method, key=lambda ask: ask.method)
    return "<br>".join(f"{method} {', '.join(map(_path, asked))}" for method, asked in groups)


def _path(ask: Ask) -> str:
    path = re.sub(r"<(?:\w+:)?(\w+)>", r"<\1>", ask.endpoint.path.removeprefix(_root(ask.endpoint)) or "(list)")
    return f"`{path.replace('<object_id>', '<id>').replace('<pk>', '<id>')}`{f' *{ask.what}*' if ask.what else ''}"
