"""The events in the OpenAPI description match those that are sent."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator

from tests.factories import paid_at_sandbox
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
    assert [problems(document, event) for event in shown] == [[], [], [], []]


@pytest.mark.django_db
def test_events_are_as_described(document: dict[str, Any], sandbox: SandboxServer, connected: Connected) -> None:
    payment = paid_at_sandbox(sandbox)
    refund(payment)
    reverse(payment, sandbox, 1_000)
    fail(requested_refund())
    deliver_due()
    send_test(connected.endpoint)

    for came in connected.receiver.received:
        event = json.loads(came.body)
        assert problems(document, event) == []
        for header in document["webhooks"][event["type"]]["post"]["parameters"]:
            assert re.search(header["schema"]["pattern"], came.headers[header["name"]])
    assert len(connected.receiver.received) == 4
