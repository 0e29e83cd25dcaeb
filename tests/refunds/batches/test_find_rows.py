"""The rows of a sheet find their payments, and rows that name no order or one order twice get their problem."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from payments.models import Payment
from refunds.batches.create import Problem
from refunds.batches.find_rows import find_orders, rows_of_payments
from refunds.batches.sheets.rows import SheetRow
from refunds.inputs import RefundRequest
from tests.factories import make_payment

pytestmark = pytest.mark.django_db


def row(line: int, merchant_uid: str = "", imp_uid: str = "", amount: int | None = None, **more: Any) -> SheetRow:
    request = RefundRequest(amount=None if amount is None else Decimal(amount))
    fields = {"note": "", "problems": (), "typed_amounts": {}, "cells": {"order": merchant_uid}, **more}
    return SheetRow(line=line, merchant_uid=merchant_uid, imp_uid=imp_uid, request=request, **fields)


def found(*rows: SheetRow) -> dict[int, int | str]:
    """Return the payment of each line, or the code of its problem."""
    return {one.line or 0: one.problem.code if one.problem else one.payment_id or 0 for one in find_orders(rows)}


def test_rows_are_found_by_either_number_and_both_must_agree() -> None:
    first, second = make_payment(merchant_uid="A"), make_payment(merchant_uid="B")
    assert found(
        row(2, "A"),
        row(3, imp_uid=second.imp_uid),
    ) == {2: first.pk, 3: second.pk}
    assert found(
        row(2, first.imp_uid),
        row(3, "B", second.imp_uid),
        row(4, "A", second.imp_uid),
        row(5, "C"),
        row(6, "A", "imp_unknown"),
    ) == {2: first.pk, 3: second.pk, 4: "numbers_differ", 5: "unknown_order", 6: "unknown_order"}


def test_of_payments_that_share_an_order_the_one_with_money_counts() -> None:
    make_payment(merchant_uid="A", status="failed", paid_at=None)
    paid = make_payment(merchant_uid="A")
    twice = [make_payment(merchant_uid="B") for _ in range(2)]
    (good, bad) = find_orders([row(2, "A"), row(3, "B")])
    assert good.payment_id == paid.pk
    assert bad.problem is not None
    assert (bad.problem.code, bad.problem.field, bad.problem.value) == ("ambiguous_order", "merchant_uid", "B")
    assert all(payment.imp_uid in bad.problem.message for payment in twice)


def test_identical_rows_count_once_and_differing_ones_not_at_all() -> None:
    same, other = make_payment(merchant_uid="A"), make_payment(merchant_uid="B")
    rows = [
        row(2, "A", amount=1000),
        row(3, "B", amount=1000),
        row(4, imp_uid=same.imp_uid, amount=1000),
        row(5, imp_uid=other.imp_uid, amount=2000),
    ]
    assert found(*rows) == {2: same.pk, 3: "duplicate_differs", 4: "duplicate_row", 5: "duplicate_differs"}
    messages = [one.problem.message for one in find_orders(rows) if one.problem]
    assert ["5" in messages[0], "2" in messages[1], "3" in messages[2]] == [True] * 3


def test_no_row_of_an_order_counts_if_another_one_has_a_problem() -> None:
    make_payment(merchant_uid="A")
    wrong = row(3, "A", problems=(Problem("invalid_amount", "No number.", "amount", "1O,000"),))
    assert found(row(2, "A", amount=1000), wrong) == {2: "duplicate_differs", 3: "invalid_amount"}


def test_amount_that_its_currency_cannot_have_is_a_problem() -> None:
    make_payment(merchant_uid="A")
    make_payment(merchant_uid="B", currency="USD")
    typed: dict[str, Any] = {"typed_amounts": {"amount": "4.00"}}
    assert found(row(2, "A", **typed))[2] == "invalid_amount"
    assert found(row(3, "B", **typed))[3] != "invalid_amount"


def test_looking_up_takes_two_statements_for_500_rows(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    Payment.objects.bulk_create(
        Payment(imp_uid=f"imp_{n:012}", merchant_uid=f"A{n}", status="paid", amount=1000) for n in range(600)
    )
    with django_assert_num_queries(4):
        rows = list(find_orders(row(n, f"A{n}") for n in range(600)))
    assert {one.problem for one in rows} == {None}
    with django_assert_num_queries(1):
        assert len(list(rows_of_payments(Payment.objects.all()))) == 600
