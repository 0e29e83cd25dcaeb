"""Logging: the same format in all processes, one line per request, and a request id that the ledger records too."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from celery import current_app
from django.test import Client, RequestFactory
from pytest_django import Settings

from access.tokens.service import create_token
from config import logs
from core.request_ids import new_request_id, request_id
from monitoring.log_filters import Context
from refunds.models import RefundEvent
from refunds.tasks import sweep
from tests.factories import make_staff, paid_at_sandbox
from tests.sandbox_server import SandboxServer

ROOT = Path(__file__).resolve().parents[2]
GIVEN = "0123456789abcdef0123456789ABCDEF"


class Log:
    """The output of a process: `lines` as text, `objects` as JSON."""

    def __init__(self, form: str) -> None:
        made = {"json": logs.JsonLines, "line": logs.Lines}[form]()
        self._stream = io.StringIO()
        self.handler = logging.StreamHandler(self._stream)
        self.handler.setFormatter(made)
        self.handler.addFilter(Context())

    @property
    def lines(self) -> list[str]:
        return self._stream.getvalue().splitlines()

    @property
    def objects(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]

    def of_requests(self) -> list[dict[str, Any]]:
        return [line for line in self.objects if line["logger"] == "monitoring.access"]


@pytest.fixture
def log(request: pytest.FixtureRequest) -> Iterator[Log]:
    found = Log(getattr(request, "param", "json"))
    logging.getLogger().addHandler(found.handler)
    yield found
    logging.getLogger().removeHandler(found.handler)


def test_log_line_is_one_json_object_in_korean_time(log: Log) -> None:
    logging.getLogger("refunds.test").warning("환불 %s", "R1", extra={"password": "hidden", "request": object()})

    (line,) = log.objects

    assert list(line) == ["time", "level", "logger", "message", "process"]
    assert line["time"].endswith("+09:00")
    assert (line["level"], line["logger"], line["message"]) == ("WARNING", "refunds.test", "환불 R1")
    assert "환불" in log.lines[0]


def test_traceback_is_a_field_of_its_log_line(log: Log) -> None:
    try:
        raise ValueError("broken\nin two")
    except ValueError:
        logging.getLogger("refunds.test").exception("it broke")

    (line,) = log.objects

    assert line["exception"].startswith("Traceback")
    assert line["exception"].endswith("ValueError: broken\nin two")


@pytest.mark.parametrize("log", ["json", "line"], indirect=True)
@pytest.mark.parametrize("evil", ["a\nb", "a\r\nb", "a\x1b[2Jb", "a\u2028b", "a\x85b"])
def test_no_value_starts_a_new_log_line(log: Log, evil: str) -> None:
    logging.getLogger("refunds.test").warning("order %s", evil)
    try:
        raise ValueError(evil)
    except ValueError:
        logging.getLogger("refunds.test").exception("order %s", evil)

    assert all(line.startswith(('{"time": "20', "20", "    ")) for line in log.lines)
    assert "\x1b" not in "".join(log.lines)


@pytest.mark.parametrize("log", ["line"], indirect=True)
def test_readable_lines_contain_the_request_id(log: Log) -> None:
    with new_request_id() as current:
        logging.getLogger("refunds.test").info("hello")
    logging.getLogger("refunds.test").info("nobody asked")

    first, second = log.lines
    assert first.endswith(f" {current}] hello")
    assert second.endswith(" -] nobody asked")


# --- One line per request -----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_request_is_logged_once_with_its_route_and_without_its_path(client: Client, log: Log) -> None:
    client.force_login(staff := make_staff("refund_payment"))

    client.get("/payments/ORDER-OF-KIM?phone=01012345678")

    (line,) = log.of_requests()
    assert isinstance(line.pop("ms"), int)
    assert line["message"].startswith("GET payments/<number> 404 ")
    shown = {name: line[name] for name in ("method", "route", "status", "user_id", "address")}
    assert shown == {
        "method": "GET",
        "route": "payments/<number>",
        "status": 404,
        "user_id": staff.pk,
        "address": "127.0.0.1",
    }
    assert "ORDER-OF-KIM" not in "".join(log.lines)
    assert "01012345678" not in "".join(log.lines)


@pytest.mark.django_db
def test_log_line_contains_the_token_id_but_not_the_token(client: Client, log: Log) -> None:
    user = make_staff("refund_payment")
    token, secret = create_token(user=user, name="shop")
    client.get("/payments/ORDER-1", headers={"Authorization": f"Token {secret}"})

    (line,) = log.of_requests()
    assert (line["user_id"], line["token_id"]) == (user.pk, token.pk)
    assert secret not in "".join(log.lines)


@pytest.mark.parametrize(
    ("behind_proxy", "address"), [(False, "127.0.0.1"), (True, "203.0.113.9")], ids=["direct", "proxy"]
)
def test_log_line_contains_the_forwarded_address_behind_a_proxy(
    client: Client, log: Log, settings: Settings, behind_proxy: bool, address: str
) -> None:
    settings.BEHIND_PROXY = behind_proxy

    client.get("/nothing", headers={"X-Forwarded-For": "evil\n, 203.0.113.9"})

    assert log.of_requests()[0]["address"] == address


def test_server_error_is_logged_without_the_path(client: Client, log: Log) -> None:
    client.raise_request_exception = False
    with (
        patch("refunds.api.views.PaymentView.get", side_effect=RuntimeError("a bug")),
        patch("rest_framework.views.APIView.perform_authentication"),
        patch("rest_framework.views.APIView.check_permissions"),
    ):
        answer = client.get("/payments/ORDER-OF-KIM")

    assert answer.status_code == 500
    (error,) = [line for line in log.objects if line["level"] == "ERROR"]
    assert error["message"] == "Internal Server Error: payments/<number>"
    assert "RuntimeError: a bug" in error["exception"]
    assert error["request_id"] == answer["X-Request-ID"]
    assert "ORDER-OF-KIM" not in "".join(log.lines)


@pytest.mark.parametrize("path", ["/healthz", "/static/none.css"])
def test_probes_and_static_files_are_not_logged(client: Client, log: Log, path: str) -> None:
    client.get(path)

    assert log.objects == []


# --- The request id -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [GIVEN, "6ba7b810-9dad-11d1-80b4-00c04fd430c8"])
def test_well_formed_request_id_is_accepted(client: Client, given: str) -> None:
    assert client.get("/healthz", headers={"X-Request-ID": given})["X-Request-ID"] == given


@pytest.mark.parametrize(
    "given",
    [
        "",
        "1",
        f"{GIVEN} ",
        f"{GIVEN}\nfake line",
        "{" + GIVEN + "}",
        "-" * 5_000 + GIVEN,
        "urn:uuid:" + GIVEN,
        "g" * 32,
    ],
)
def test_malformed_request_id_is_replaced(client: Client, log: Log, given: str) -> None:
    answer = client.get("/nothing", headers={"X-Request-ID": given})

    assert answer["X-Request-ID"] != given
    assert len(answer["X-Request-ID"]) == 32
    assert {line.get("request_id") for line in log.objects} == {answer["X-Request-ID"]}


def test_every_request_has_its_own_id_which_ends_with_it(client: Client) -> None:
    assert client.get("/nothing")["X-Request-ID"] != client.get("/nothing")["X-Request-ID"]
    assert request_id() == ""


@pytest.mark.django_db
def test_request_id_is_in_the_response_and_the_timeline(client: Client, sandbox: SandboxServer) -> None:
    staff, payment = make_staff("refund_payment", "view_refundrecord"), paid_at_sandbox(sandbox)
    client.force_login(staff)
    answer = client.post("/payments/cancel", {"imp_uid": payment.imp_uid}, "application/json")

    told = answer["X-Request-ID"]

    assert answer.status_code == 200
    assert {event.data["request_id"] for event in RefundEvent.objects.all()} == {told}
    page = client.get(f"/admin/refunds/refundrecord/{payment.refunds.get().pk}/change/").content.decode()
    assert told[:8] in page


@pytest.mark.django_db
def test_command_has_a_request_id(sandbox: SandboxServer, child_environment: Callable[..., dict[str, str]]) -> None:
    payment = paid_at_sandbox(sandbox)
    command = [sys.executable, "manage.py", "refund", payment.imp_uid]
    environment = child_environment(LOG_FORMAT="json")
    done = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)

    (used,) = {event.data["request_id"] for event in RefundEvent.objects.all()}

    assert {json.loads(line)["request_id"] for line in done.stderr.splitlines()} == {used}


def test_task_logs_the_id_of_the_request_that_sent_it() -> None:
    with new_request_id() as current, current_app.connection_for_write() as connection:
        sweep.delay()
        channel = connection.default_channel
        message = channel.basic_get(current_app.conf.task_default_queue, no_ack=True)

    assert message.headers["X-Request-ID"] == current


def test_unknown_request_object_is_left_unchanged(rf: RequestFactory) -> None:
    record = logging.makeLogRecord({"msg": "%s", "args": ("/path",), "request": object()})

    assert Context().filter(record)
    assert record.getMessage() == "/path"
