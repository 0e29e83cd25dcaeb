"""PostgreSQL errors contain no row values, wherever they are shown."""

from __future__ import annotations

import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import DataError, IntegrityError, connection, transaction
from django.db.backends.signals import connection_created

from tests.factories import make_payment

pytestmark = [pytest.mark.postgres, pytest.mark.django_db]

ROOT = Path(__file__).resolve().parents[2]
REFUSED = """
import django
django.setup()
from payments.models import Payment
Payment.objects.update(cancel_amount=20_000)
"""


def test_error_contains_the_constraint_but_no_row() -> None:
    name = "HONG"
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        make_payment(buyer_name=name, cancel_amount=20_000)

    said = "".join(traceback.format_exception(refused.value)) + repr(refused.value)

    assert "payment_cancel_amount_within_amount" in said
    assert "Failing row" not in said
    assert refused.value.__cause__ is not None
    assert "HONG" in refused.value.__cause__.diag.message_detail  # type: ignore[attr-defined]  # still in code


def test_error_contains_no_value_of_the_statement() -> None:
    name = "HONG"
    with pytest.raises(DataError) as refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT %s, CAST('a' AS interval)", [name])

    assert "HONG" not in "".join(traceback.format_exception(refused.value))


def test_reopened_connection_is_wrapped_once() -> None:
    before = list(connection.execute_wrappers)
    connection_created.send(type(connection), connection=connection)

    assert connection.execute_wrappers == before


@pytest.mark.django_db
def test_error_of_a_command_contains_no_row(child_environment: Callable[..., dict[str, str]]) -> None:
    make_payment(buyer_name="HONG")
    command = [sys.executable, "-c", REFUSED]
    done = subprocess.run(command, cwd=ROOT, env=child_environment(DEBUG="true"), capture_output=True, text=True)

    assert done.returncode == 1
    assert "violates check constraint" in done.stderr
    assert "HONG" not in done.stderr
