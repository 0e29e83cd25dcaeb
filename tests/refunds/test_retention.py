"""`manage.py prune` deletes old sign-in data, and only old data."""

import json
from datetime import datetime, timedelta
from io import StringIO

import pytest
import time_machine
from axes.models import AccessAttempt
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import InterfaceError, connection
from django.test import Client
from django.utils import timezone

from core import retention
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def pruned() -> dict[str, int]:
    out = StringIO()
    call_command("prune", "--json", stdout=out)
    counts: dict[str, int] = json.loads(out.getvalue())["pruned"]
    return counts


def test_only_expired_sessions_are_deleted() -> None:
    Client().force_login(make_user("early"))
    with time_machine.travel(timezone.now() + timedelta(days=8), tick=False):
        Client().force_login(make_user("late"))

        assert pruned()["sessions"] == 1
        assert Session.objects.count() == 1


def test_failed_sign_ins_are_deleted_after_thirty_days(client: Client) -> None:
    client.post("/accounts/login/", {"username": "nobody", "password": "wrong"})
    with time_machine.travel(timezone.now() + timedelta(days=29), tick=False):
        assert pruned()["failed_sign_ins"] == 0
    with time_machine.travel(timezone.now() + timedelta(days=31), tick=False):
        assert pruned()["failed_sign_ins"] == 1

    assert not AccessAttempt.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_broken_connection_in_one_job_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(_now: datetime) -> int:
        connection.close()
        raise InterfaceError("connection already closed")

    monkeypatch.setattr(retention, "_jobs", {"first": breaks, **retention._jobs})
    counts = dict(retention.prune())
    assert counts.pop("first") is None
    assert set(counts.values()) == {0}
