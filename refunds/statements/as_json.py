"""Statements as JSON, the same in the API and the command."""

from decimal import Decimal
from typing import Any

from core.money import KRW, precision
from refunds.models import StatementMonth
from refunds.statements.lines import Line, Movements, Sums
from refunds.statements.months import all_months, first_open_month, state_of, this_month
from refunds.statements.read import Statement

Json = dict[str, Any]


def statement_json(statement: Statement) -> Json:
    """Return a month with its lines, its totals by currency, and its last comparison with i'mport."""
    comparison, closed = statement.comparison, statement.closed
    return {
        **_month_json(f"{statement.month:%Y-%m}", statement.state, closed),
        "lines": [
            {"pg_provider": line.pg_provider, "pay_method": line.pay_method, **_line_json(line)}
            for line in statement.lines
        ],
        "totals": [_line_json(total) for total in statement.totals],
        "comparison": {
            "at": comparison.at,
            "agrees": comparison.agrees,
            "differing": comparison.differing,
            "refunded": [
                {
                    "currency": each.currency,
                    "here": _number(each.here, each.currency),
                    "at_iamport": _number(each.there, each.currency),
                    "difference": _number(each.difference, each.currency),
                }
                for each in comparison.sums
            ],
        },
    }


def months_json() -> list[Json]:
    """Return every month from the first to this one, newest first, with its state and who closed it."""
    closed = {each.month: each for each in StatementMonth.objects.all()}
    first_open = first_open_month()
    return [
        _month_json(f"{month:%Y-%m}", state_of(month, closed.get(month), first_open), closed.get(month))
        for month in all_months(min(closed, default=first_open or this_month()))
    ]


def _month_json(month: str, state: str, closed: StatementMonth | None) -> Json:
    return {
        "month": month,
        "state": state,
        "closed_at": closed.closed_at if closed else None,
        "closed_by": closed.closed_by_name if closed else "",
        "note": closed.note if closed else "",
        "despite_difference": closed.despite_difference if closed else False,
    }


def _line_json(line: Line) -> Json:
    amounts = ("net", "supply", "vat", "tax_free", "unknown")
    return {
        "currency": line.currency,
        "paid": _movements_json(line.paid, line.currency),
        "refunded": _movements_json(line.refunded, line.currency),
        "reversed": _movements_json(line.reversed, line.currency),
        **{name: _number(getattr(line, name), line.currency) for name in amounts},
        "fee": _number(line.fee, KRW),
        "open": _sums_json(line.open, line.currency),
    }


def _movements_json(moved: Movements, currency: str) -> Json:
    return {**_sums_json(moved.sums, currency), "earlier": _sums_json(moved.earlier, currency)}


def _sums_json(sums: Sums, currency: str) -> Json:
    return {"count": sums.count, "amount": _number(sums.amount, currency)}


def _number(amount: Decimal, currency: str) -> int | float:
    """Return money as a JSON number, with the precision of the currency."""
    return float(amount) if precision(currency) else int(amount)
