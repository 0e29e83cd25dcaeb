"""The OpenAPI description is valid, up to date, and matches the real responses."""

import json
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator

from core.errors import DomainError
from payments.models import Payment
from refunds import errors as refund_errors
from refunds.api.errors import STATUS_OF
from refunds.api.openapi import views
from refunds.api.openapi.error_examples import RULE_CODES
from refunds.errors import (
    AccountNotKept,
    AccountUnreadable,
    ApprovalEnded,
    ApprovalPending,
    AwaitingApproval,
    InvalidQuery,
    InvalidRequest,
    NotLateYet,
    PolicyViolated,
    RefundError,
    RefundNotDone,
    ResolutionRefused,
)
from refunds.services.reasons import CODES as REASON_CODES
from refunds.token_errors import TokenRefused
from tests.factories import ACCOUNT, make_payment, make_user, paid_at_sandbox
from tests.sandbox_server import SandboxServer

DOCS_DIR = Path(__file__).resolve().parents[3] / "docs"
CANCEL = "/payments/cancel"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """Return the description as a client gets it."""
    return json.loads(json.dumps(SchemaGenerator().get_schema(request=None, public=True)))


@pytest.fixture
def buyer() -> User:
    return make_user("buyer")


@pytest.fixture
def shop(buyer: User) -> Client:
    client = Client()
    client.force_login(buyer)
    return client


def cancel(client: Client, body: object, **headers: str) -> HttpResponse:
    return client.post(CANCEL, json.dumps(body).encode(), content_type="application/json", headers=headers)


def exact(part: Any) -> Any:
    """Return the schema with `additionalProperties: false`, so that an undocumented field is an error."""
    if isinstance(part, list):
        return [exact(item) for item in part]
    if not isinstance(part, dict):
        return part
    closed = {"additionalProperties": False} if "properties" in part else {}
    return {name: exact(value) for name, value in part.items()} | closed


def problems(document: dict[str, Any], schema: dict[str, Any], body: object) -> list[str]:
    components = {"components": exact(document["components"])}
    return [error.message for error in Draft202012Validator(components | schema).iter_errors(body)]


def assert_described(document: dict[str, Any], path: str, answer: HttpResponse) -> None:
    method = "post" if path == CANCEL else "get"
    described = document["paths"][path][method]["responses"][str(answer.status_code)]
    body = json.loads(answer.content)
    assert problems(document, described["content"]["application/json"]["schema"], body) == []
    if "code" in body and path != "/refunds/{number}":  # a refund has its own `code`, which may be empty
        assert f"`{body['code']}`" in described["description"]


# --- The file ---------------------------------------------------------------------------------------------------


# The modules are loaded while Korean is active, as by the first request of a Korean browser.
DESCRIBE = """
import django
from django.core.management import call_command
from django.utils import translation
django.setup()
translation.activate("ko")
import config.urls, webhooks.openapi
call_command("spectacular", "--lang=en", "--validate", "--fail-on-warn")
"""


def test_description_is_valid_without_warnings_and_checked_in() -> None:
    written = subprocess.run(
        [sys.executable, "-c", DESCRIBE], stdout=subprocess.PIPE, check=True, encoding="utf-8"
    ).stdout

    assert written.rstrip() == (DOCS_DIR / "openapi.yaml").read_text(encoding="utf-8").rstrip(), (
        "docs/openapi.yaml is stale: make schema"
    )


def test_every_address_is_described_without_its_slash(document: dict[str, Any]) -> None:
    assert {path: set(operations) for path, operations in document["paths"].items()} == {
        "/payments": {"get"},
        "/payments/cancel": {"post"},
        "/payments/{number}": {"get", "patch"},
        "/payments/{number}/refunds": {"get"},
        "/approvals": {"get"},
        "/approvals/{number}": {"get"},
        "/refund-reasons": {"get"},
        "/statements": {"get"},
        "/statements/{month}": {"get"},
        "/refunds": {"get"},
        "/refunds/{number}": {"get"},
    }  # not /healthz and not /webhooks/iamport: no client of this API calls them


def test_requests_are_signed_by_a_bearer_token_and_nothing_else_has_to_be_filled_in(document: dict[str, Any]) -> None:
    assert document["paths"][CANCEL]["post"]["security"] == [{"token": []}]
    schemes = document["components"]["securitySchemes"]
    assert {name: (scheme["type"], scheme["scheme"]) for name, scheme in schemes.items()} == {
        "token": ("http", "bearer")
    }


def described_codes(operation: dict[str, Any]) -> dict[str, set[str]]:
    """Return the codes that the responses of an operation name, by status."""
    names = re.compile(r"`([a-z_]+)`")
    no_codes = {"code", "violations", "imp_uid"}
    return {
        status: set(names.findall(answer["description"])) - no_codes
        for status, answer in operation["responses"].items()
    }


def test_words_of_the_handbook_and_of_the_description_are_the_same(document: dict[str, Any]) -> None:
    handbook = (DOCS_DIR / "api.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (?:\d{3}(?:, )?)+ \| (`.*?`) \|", handbook, re.MULTILINE)
    rules = re.search(r"^Codes of rules: (.*?)\.$", handbook, re.MULTILINE | re.DOTALL)
    assert rules is not None
    words = {
        word
        for operations in document["paths"].values()
        for operation in operations.values()
        for found in described_codes(operation).values()
        for word in found
    }

    rule_codes = {*RULE_CODES, *REASON_CODES}
    assert set(re.findall(r"`(\w+)`", rules[1])) == rule_codes
    anywhere = {"bad_request", "length_required", "server_error"}  # in any operation, or in none
    assert set(re.findall(r"`(\w+)`", " ".join(rows))) == words - rule_codes | anywhere


def test_every_error_of_ours_is_described(document: dict[str, Any]) -> None:
    described = {
        word
        for operation in (
            document["paths"][CANCEL]["post"],
            document["paths"]["/payments"]["get"],
            document["paths"]["/refunds/{number}"]["get"],
            document["paths"]["/approvals/{number}"]["get"],
        )
        for words in described_codes(operation).values()
        for word in words
    }
    ours = {exc for exc in vars(refund_errors).values() if isinstance(exc, type) and issubclass(exc, DomainError)}
    # Base classes, errors of the admin, and the three whose code depends on the input or rule.
    bases = {DomainError, RefundError, RefundNotDone, TokenRefused, ApprovalPending, AwaitingApproval}
    elsewhere = bases | {ResolutionRefused, AccountNotKept, AccountUnreadable, NotLateYet}
    by_case = {InvalidRequest, InvalidQuery, PolicyViolated, ApprovalEnded}

    assert ours - elsewhere <= set(STATUS_OF)
    assert {exc.code for exc in ours - elsewhere - by_case} | {*RULE_CODES, *REASON_CODES} <= described


def test_every_code_has_an_example_under_its_status(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for status, codes in described_codes(operation).items():
                examples = operation["responses"][status]["content"]["application/json"]["examples"]
                shown = {example["value"].get("code") for example in examples.values()}
                assert status == "200" or shown == codes, f"{path} {status}"


def test_headers_that_programs_need_are_described(document: dict[str, Any]) -> None:
    cancel_answers = document["paths"][CANCEL]["post"]["responses"]
    named = {status: set(answer.get("headers", ())) for status, answer in cancel_answers.items()}

    assert "Idempotent-Replayed" in named["200"] & named["202"] & named["422"] & named["503"] & named["504"]
    assert "Retry-After" in named["409"] & named["503"]
    assert ("WWW-Authenticate" in named["401"], "Allow" in named["405"]) == (True, True)


def test_examples_fit_their_schemas(document: dict[str, Any]) -> None:
    contents = [
        content["application/json"]
        for operations in document["paths"].values()
        for operation in operations.values()
        for content in (
            *(answer["content"] for answer in operation["responses"].values()),
            *([operation["requestBody"]["content"]] if "requestBody" in operation else []),
        )
    ]

    assert all(content["examples"] for content in contents)
    assert [
        problem
        for content in contents
        for example in content["examples"].values()
        for problem in problems(document, content["schema"], example["value"])
    ] == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"merchant_uid": "ORDER-1", "amount": 1000},
        {"merchant_uid": "ORDER-1", "cancel_request_amount": 0},
        {"merchant_uid": "ORDER-1", "cancel_request_amount": "1000"},
        {"merchant_uid": "ORDER-1", "cancel_request_amount": None},
    ],
)
def test_what_the_api_refuses_for_safety_is_no_valid_request(document: dict[str, Any], body: object) -> None:
    assert problems(document, document["components"]["schemas"]["RefundRequest"], body) != []


# --- What is served ---------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("slash", ["", "/"])
def test_anyone_may_read_the_description(client: Client, document: dict[str, Any], slash: str) -> None:
    assert client.get(f"/api/schema{slash}?format=json").json() == document
    assert client.get(f"/api/schema{slash}").content.startswith(b"openapi: 3.1")


def test_the_description_is_built_once_for_many_who_ask_together() -> None:
    views.description.cache_clear()
    build, barrier, built = SchemaGenerator.get_schema, threading.Barrier(8), []

    def slowly(self: SchemaGenerator, *given: Any, **named: Any) -> Any:
        built.append(threading.get_ident())
        time.sleep(0.05)
        return build(self, *given, **named)

    def ask(_number: int) -> tuple[int, bytes]:
        barrier.wait()
        answer = Client().get("/api/schema")
        return answer.status_code, answer.content

    with patch.object(SchemaGenerator, "get_schema", slowly), ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(ask, range(8)))

    assert len(built) == 1
    assert [status for status, _body in answers] == [200]


def test_the_description_is_english_and_kept_for_each_format() -> None:
    views.description.cache_clear()
    for lang in ("ko", "en", "", "xx"):
        for more in ("", "&format=json", "&format=yaml", "&version=7", "&format=json&version=8"):
            Client().get(f"/api/schema?lang={lang}{more}")
    for accept in ("application/json; indent=1", "application/json", "application/yaml", "text/plain"):
        Client().get("/api/schema", headers={"Accept": accept})

    assert views.description.cache_info().currsize == 2
    korean, english = (Client().get("/api/schema", headers={"Accept-Language": lang}).content for lang in ("ko", "en"))
    assert korean == english


@pytest.mark.parametrize(
    ("asked", "content_type", "name"),
    [
        ("", "application/vnd.oai.openapi; charset=utf-8", "Refund desk.yaml"),
        ("?format=json", "application/vnd.oai.openapi+json", "Refund desk.json"),
        ("?version=7", "application/vnd.oai.openapi; charset=utf-8", "Refund desk.yaml"),
    ],
)
def test_the_description_says_what_it_is(client: Client, asked: str, content_type: str, name: str) -> None:
    answer = client.get(f"/api/schema{asked}")

    assert answer.headers["Content-Type"] == content_type
    assert answer.headers["Content-Disposition"] == f'inline; filename="{name}"'


@pytest.mark.parametrize("slash", ["", "/"])
def test_docs_load_nothing_from_elsewhere_and_nothing_inline(client: Client, slash: str) -> None:
    answer = client.get(f"/api/docs{slash}")
    page = answer.content.decode()
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert answer.status_code == 200
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert [source for source in sources if not source.startswith("/static/")] == [
        "/admin/access/apitoken/",
        "/admin/",
        "/api/schema",
    ]
    assert len(sources) == 8
    assert re.search(r"<style|<script>|\son\w+=|\sstyle=", page) is None


# --- What is answered -------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_refunds_are_as_described(document: dict[str, Any], sandbox: SandboxServer, shop: Client, buyer: User) -> None:
    payment = paid_at_sandbox(sandbox, user=buyer, pay_method="vbank")
    answer = cancel(shop, {"merchant_uid": payment.merchant_uid, "cancel_request_amount": 1000, **ACCOUNT})
    refund = answer.json()["refund"]["number"]

    assert answer.status_code == 200
    assert_described(document, CANCEL, answer)
    assert_described(document, "/payments/{number}", shop.get(f"/payments/{payment.merchant_uid}"))
    assert_described(document, "/payments/{number}/refunds", shop.get(f"/payments/{payment.merchant_uid}/refunds"))
    assert_described(document, "/refunds/{number}", shop.get(f"/refunds/{refund}"))


@pytest.mark.django_db
@pytest.mark.parametrize(("fault", "status"), [("accept_later", 202), ("refuse", 422), ("drop_after", 504)])
def test_outcomes_are_as_described(
    document: dict[str, Any], sandbox: SandboxServer, shop: Client, buyer: User, fault: str, status: int
) -> None:
    payment = paid_at_sandbox(sandbox, user=buyer)
    sandbox.fault("cancel", fault, times=1)
    answer = cancel(shop, {"merchant_uid": payment.merchant_uid}, **{"Accept-Language": "ko"})

    assert answer.status_code == status
    assert_described(document, CANCEL, answer)
    refund = answer.json()["refund"]["number"]
    assert_described(document, "/refunds/{number}", shop.get(f"/refunds/{refund}"))


@pytest.mark.django_db
def test_conflicts_are_as_described(
    document: dict[str, Any], sandbox: SandboxServer, shop: Client, buyer: User
) -> None:
    payment = paid_at_sandbox(sandbox, user=buyer)
    sandbox.fault("cancel", "accept_later", times=1)
    key = {"Idempotency-Key": "k-1"}
    assert cancel(shop, {"merchant_uid": payment.merchant_uid, "cancel_request_amount": 1000}, **key).status_code == 202

    for answer in (
        cancel(shop, {"merchant_uid": payment.merchant_uid, "cancel_request_amount": 2000}, **key),
        cancel(shop, {"merchant_uid": payment.merchant_uid, "cancel_request_amount": 2000}),
    ):
        assert answer.status_code == 409
        assert_described(document, CANCEL, answer)


@pytest.mark.django_db
def test_requests_that_are_refused_get_the_described_answer(
    document: dict[str, Any], shop: Client, buyer: User, client: Client
) -> None:
    unpaid: Payment = make_payment(user=buyer, status="ready", paid_at=None)
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(buyer)
    body = {"merchant_uid": unpaid.merchant_uid}
    answers = {
        400: [cancel(shop, body), cancel(shop, {}), cancel(shop, []), cancel(shop, body | {"amount": 1})],
        401: [cancel(client, body)],
        403: [cancel(strict, body)],
        404: [cancel(shop, {"merchant_uid": "nobody"})],
        405: [shop.put(CANCEL)],
        406: [cancel(shop, body, Accept="text/html")],
        415: [shop.post(CANCEL, {"merchant_uid": "a"})],
    }

    assert {status: {answer.status_code for answer in group} for status, group in answers.items()} == {
        status: {status} for status in answers
    }
    for group in answers.values():
        for answer in group:
            assert_described(document, CANCEL, answer)
    assert_described(document, "/payments/{number}", shop.get(f"/payments/{unpaid.merchant_uid}"))


@pytest.mark.django_db
def test_imort_out_of_reach_is_as_described(document: dict[str, Any], shop: Client, buyer: User, settings: Any) -> None:
    settings.IAMPORT_API_URL, settings.IAMPORT_IMP_KEY, settings.IAMPORT_IMP_SECRET = "http://127.0.0.1:9", "k", "s"
    answer = cancel(shop, {"merchant_uid": make_payment(user=buyer).merchant_uid})

    assert answer.status_code == 503
    assert_described(document, CANCEL, answer)
