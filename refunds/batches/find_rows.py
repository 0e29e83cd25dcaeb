"""Find the payments of a new batch's rows: of a selection, of a filter, or of a sheet."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from django.db.models import QuerySet

from core.sentences import joined
from core.sentences import sentence as _
from payments.errors import AmbiguousOrder, PaymentNotFound
from payments.lookup import payment_that_counts
from payments.models import Payment
from refunds.batches.create import CHUNK, Problem, Row
from refunds.batches.sheets.rows import SheetRow, currency_problem
from refunds.inputs import RefundRequest

_NAMED = 5  # lines that a message names
_READ = ("imp_uid", "merchant_uid", "status", "currency", "amount", "cancel_amount", "lapsed_discount", "paid_at")


def rows_of_payments(payments: QuerySet[Payment]) -> Iterator[Row]:
    """Yield a row for each payment: all that is left of it."""
    for pk, merchant_uid in payments.values_list("pk", "merchant_uid").iterator():
        yield Row(RefundRequest(), pk, merchant_uid=merchant_uid)


def find_orders(rows: Iterable[SheetRow]) -> Iterator[Row]:
    """Yield a row for each row of a sheet, with its payment or its problem. i'mport is not asked.

    A number is looked up as everywhere else (`payments.lookup`). Of identical rows of an order the first one counts;
    if the rows of an order differ, or one of them has a problem, none of them does.
    """
    found = _found(list(rows))
    by_payment: dict[int, list[Row]] = defaultdict(list)
    for row, payment_id in found:
        if payment_id is not None:
            by_payment[payment_id].append(row)
    for row, payment_id in found:
        same = by_payment[payment_id] if payment_id is not None else [row]
        yield row if len(same) == 1 or row.problem else replace(row, problem=_duplicate(row, same))


def _found(rows: Sequence[SheetRow]) -> list[tuple[Row, int | None]]:
    """Return each row with the id of the payment that it means, if its number can be read."""
    found = []
    for start in range(0, len(rows), CHUNK):
        chunk = rows[start : start + CHUNK]
        by_imp_uid, by_order = _payments_of(chunk)
        found += [_row(row, by_imp_uid, by_order) for row in chunk]
    return found


def _payments_of(rows: Sequence[SheetRow]) -> tuple[dict[str, Payment], dict[str, list[Payment]]]:
    """Return the payments that these rows can mean, by their payment numbers and by their orders."""
    orders = {row.merchant_uid for row in rows if row.merchant_uid}
    numbers = orders | {row.imp_uid for row in rows if row.imp_uid}
    payments = Payment.objects.only(*_READ).order_by()
    by_order: dict[str, list[Payment]] = defaultdict(list)
    for payment in payments.filter(merchant_uid__in=orders):
        by_order[payment.merchant_uid].append(payment)
    return {payment.imp_uid: payment for payment in payments.filter(imp_uid__in=numbers)}, by_order


def _row(
    row: SheetRow, by_imp_uid: Mapping[str, Payment], by_order: Mapping[str, list[Payment]]
) -> tuple[Row, int | None]:
    meant, problem = None, None
    try:
        payment = _payment_of(row, by_imp_uid, by_order)
        problem = _differing_numbers(row, payment)
        meant = None if problem else payment.pk
        problem = problem or currency_problem(row, payment.currency)
    except PaymentNotFound as exc:
        problem = _of_order(row, "unknown_order", exc.message)
    except AmbiguousOrder as exc:
        problem = _of_order(row, "ambiguous_order", exc.message)
    problem = _first(row.problems) or problem
    found = Row(
        request=row.request,
        payment_id=None if problem else meant,
        merchant_uid=row.merchant_uid,
        imp_uid=row.imp_uid,
        line=row.line,
        note=row.note,
        problem=problem,
        cells=row.cells,
    )
    return found, meant


def _payment_of(row: SheetRow, by_imp_uid: Mapping[str, Payment], by_order: Mapping[str, list[Payment]]) -> Payment:
    """Return the payment that the row means. Raises `PaymentNotFound`, `AmbiguousOrder`."""
    payment = by_imp_uid.get(row.imp_uid or row.merchant_uid)
    if payment is not None:
        return payment
    if row.imp_uid:
        raise PaymentNotFound(row.imp_uid)
    return payment_that_counts(by_order.get(row.merchant_uid, ()), merchant_uid=row.merchant_uid)


def _differing_numbers(row: SheetRow, payment: Payment) -> Problem | None:
    if not (row.imp_uid and row.merchant_uid) or row.merchant_uid in (payment.merchant_uid, payment.imp_uid):
        return None
    message = _("The payment number belongs to another order: %(order)s. Correct one of the two numbers.")
    return _of_order(row, "numbers_differ", message % {"order": payment.merchant_uid})


def _of_order(row: SheetRow, code: str, message: str) -> Problem:
    field = "imp_uid" if row.imp_uid else "merchant_uid"
    return Problem(code, message, field, row.imp_uid or row.merchant_uid)


def _first(problems: Sequence[Problem]) -> Problem | None:
    """Return the first problem, with the sentences of all."""
    if not problems:
        return None
    return replace(problems[0], message=joined(*dict.fromkeys(problem.message for problem in problems)))


def _duplicate(row: Row, same: Sequence[Row]) -> Problem | None:
    """Return why this row of several of one order does not count; None for the first of identical ones."""
    others = [other.line for other in same if other is not row]
    lines = ", ".join(map(str, others[:_NAMED])) + ("…" if len(others) > _NAMED else "")
    field, number = ("imp_uid", row.imp_uid) if row.imp_uid else ("merchant_uid", row.merchant_uid)
    if any(other.problem or other.request != row.request for other in same):
        message = _("The order has several rows that differ (line %(lines)s). Leave one of them.")
        return Problem("duplicate_differs", message % {"lines": lines}, field, number)
    if row is same[0]:
        return None
    message = _("The same row is in line %(line)s already. That one counts.")
    return Problem("duplicate_row", message % {"line": same[0].line}, field, number)
