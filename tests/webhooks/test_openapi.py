"""The events in the OpenAPI description match those that are sent."""

from __future__ import annotations

import json
import re
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator
from pytest_django import Settings

from payments.models import Payment
from refunds.approvals.decide import approve, reject
from refunds.approvals.view import current_view
from refunds.errors import AwaitingApproval
from refunds.inputs import Actor, RefundRequest
from refunds.models import RefundApproval, RefundSource
from refunds.services.refund import request_refund
from tests.factories import make_staff, paid_at_sandbox
from tests.refunds.api.test_openapi import exact
from tests.sandbox_server import SandboxServer
from tests.webhooks.conftest import Connected
from tests.webhooks.test_events import fail, refund, requested_refund, reverse
from webhooks.delivery.service import deliver_due, send_test
from webhooks.models import EventType


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return json.loads(json.dumps(SchemaGenerator().get_schema(request=None, public=True)))


def content(document: dict[str, Any], event_type: str) -> dict[str, Any]:
    described: dict[str, Any] = document["webhooks"][event_type]["post"]["requestBody"]["content"]["application/json"]
    return described


def problems(document: dict[str, Any], event: dict[str, Any]) -> list[str]:
    components = {"components": exact(document["components"])}
    schema = exact(content(document, event["type"])["schema"])
    return [error.message for error in Draft202012Validator(components | schema).iter_errors(event)]


def test_every_type_is_described_with_an_example_that_fits(document: dict[str, Any]) -> None:
    assert set(document["webhooks"]) == set(EventType.values)
    shown = [content(document, name)["examples"][name]["value"] for name in EventType.values]
    assert [problems(document, event) for event in shown] == [[]] * len(shown)


def ask_for_approval(payment: Payment, asker: User) -> RefundApproval:
    request, actor = RefundRequest(amount=Decimal(2_000)), Actor("asker", asker)
    with pytest.raises(AwaitingApproval) as raised:
        request_refund(payment=payment, request=request, actor=actor, source=RefundSource.ADMIN)
    return raised.value.approval


@pytest.mark.django_db
def test_events_are_as_described(
    document: dict[str, Any], sandbox: SandboxServer, connected: Connected, settings: Settings
) -> None:
    payment = paid_at_sandbox(sandbox)
    refund(payment)
    reverse(payment, sandbox, 1_000)
    fail(requested_refund())
    settings.REFUND_APPROVAL_ABOVE = Decimal(1_000)
    asker, boss = make_staff("refund_payment", name="asker"), make_staff("approve_refund", name="boss")
    approved, rejected = (ask_for_approval(paid_at_sandbox(sandbox), asker) for _ in range(2))
    approve(approval=approved, user=boss, seen=current_view(approved).seen, note="internal words")
    reject(approval=rejected, user=boss, note="internal words")
    deliver_due()
    send_test(connected.endpoint)

    for came in connected.receiver.received:
        event = json.loads(came.body)
        assert problems(document, event) == []
        for header in document["webhooks"][event["type"]]["post"]["parameters"]:
            assert re.search(header["schema"]["pattern"], came.headers[header["name"]])
        assert not any(words in came.body.decode() for words in ("internal words", "boss", "asker"))
    types = Counter(json.loads(came.body)["type"] for came in connected.receiver.received)
    once = (EventType.REFUND_REVERSED, EventType.REFUND_FAILED, EventType.PING)
    decided = (EventType.REFUND_APPROVED, EventType.REFUND_REJECTED)
    assert types == {"refund.succeeded": 2, "refund.requested": 2} | dict.fromkeys((*once, *decided), 1)
