"""What `manage.py refund --file` shows: the preview and the outcome, as text and as JSON."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.mail import site_link
from core.money import KRW, format_money, quantize
from payments.labels import method_label, pg_label
from refunds.batches.check import LEFT_OUT
from refunds.batches.outcomes import LABELS, BatchOutcome, State, all_lines, counts_of
from refunds.batches.preview import BatchPreview
from refunds.batches.report import reason_of
from refunds.batches.sheets.read import Sheet
from refunds.batches.words import batch_path
from refunds.models import RefundBatch
from refunds.serialization import Json, payment_json, refund_json

MOST_LINES = 100  # of orders that were not refunded, on a terminal


def address(batch: RefundBatch) -> str:
    """Return where the batch's page is; without SITE_URL the path only."""
    return site_link(batch_path(batch)) or batch_path(batch)


def known_text(batch: RefundBatch) -> str:
    """Say that the file was read before."""
    message = _("This file was read before. Its bulk refund: %(state)s, %(url)s")
    return message % {"state": batch.get_status_display(), "url": address(batch)}


def preview_texts(batch: RefundBatch, preview: BatchPreview, sheet: Sheet) -> Iterator[str]:
    """Yield the lines of the preview."""
    rows = ngettext("%(count)s row", "%(count)s rows", preview.rows) % {"count": f"{preview.rows:,}"}
    yield f"{sheet.name}: {rows}"
    yield _("To be refunded: %(orders)s, %(total)s") % {
        "orders": _orders(preview.orders),
        "total": _sums(preview.totals),
    }
    for one in preview.sums:
        where = f"{method_label(one.pay_method)}, {pg_label(one.pg_provider)}"
        yield f"  {where}: {_orders(one.orders)}, {format_money(one.total, one.currency)}"
    if preview.test_orders:
        yield _("  Test payments, in no sum: %(orders)s") % {"orders": _orders(preview.test_orders)}
    if preview.fees:
        yield _("Fees for the shop: %(fees)s") % {"fees": format_money(preview.fees, KRW)}
    for warning in preview.warnings:
        yield _("Warning: %(orders)s: %(message)s") % {"orders": _orders(warning.orders), "message": warning.message}
    problems = list(all_lines(batch, State.PROBLEM))
    if problems:
        yield _("Not refunded: %(orders)s") % {"orders": _orders(len(problems))}
        yield from (f"  {text}" for text in failure_texts([_line_json(line) for line in problems]))


def count_texts(batch: RefundBatch) -> Iterator[str]:
    """Yield how many orders are in each state, with their amounts."""
    counts = counts_of(batch)
    for state, figure in counts.figures.items():
        if figure.count:
            sums = counts.moved if state is State.REFUNDED else figure.sums
            amounts = f", {_sums(sums)}" if sums else ""
            yield f"{LABELS[state]}: {_orders(figure.count)}{amounts}"


def failure_texts(results: Sequence[Json]) -> Iterator[str]:
    """Yield a line for each order that was not refunded, up to a number of them."""
    for result in results[:MOST_LINES]:
        where = [_("line %(line)s") % {"line": result["line"]}] if result.get("line") else []
        where += [result["order"]] if result["order"] not in ("", "*") else []
        if result.get("value") and result["value"] != result["order"]:
            where.append(f"{result['field']} “{result['value']}”")
        elif result.get("field"):
            where.append(result["field"])
        yield f"{', '.join(where)}: {result['message']}" if where else result["message"]
    if (more := len(results) - MOST_LINES) > 0:
        yield _("… and %(count)s more.") % {"count": f"{more:,}"}


def result_lines(batch: RefundBatch) -> list[Json]:
    """Return what became of each row, or, before the start, whether it will be refunded."""
    is_started = batch.started_at is not None
    return [_line_json(outcome, is_started=is_started) for outcome in all_lines(batch)]


def batch_json(batch: RefundBatch) -> Json:
    """Return the facts of the batch as a whole."""
    counts = counts_of(batch)
    return {
        "token": str(batch.token),
        "status": batch.status,
        "pause_code": batch.pause_code,
        "url": address(batch),
        "title": batch.title,
        "reason": batch.reason,
        "reason_code": batch.reason_code,
        "counts": {state.value: figure.count for state, figure in counts.figures.items()},
        "refunded": _exact(counts.moved),
        "created_at": batch.created_at,
        "started_at": batch.started_at,
        "finished_at": batch.finished_at,
    }


def preview_json(preview: BatchPreview) -> Json:
    """Return what a start would refund."""
    return {
        "rows": preview.rows,
        "orders": preview.orders,
        "totals": _exact(preview.totals),
        "fees": quantize(preview.fees, KRW),
        "sums": [
            {
                "pay_method": one.pay_method,
                "pg_provider": one.pg_provider,
                "currency": one.currency,
                "orders": one.orders,
                "total": quantize(one.total, one.currency),
            }
            for one in preview.sums
        ],
        "warnings": [
            {"code": one.code, "message": one.message, "orders": one.orders, "totals": _exact(one.totals)}
            for one in preview.warnings
        ],
        "problems": [{"code": one.code, "message": one.message, "orders": one.orders} for one in preview.problems],
    }


def _line_json(outcome: BatchOutcome, *, is_started: bool = True) -> Json:
    item, payment = outcome.item, outcome.payment
    good = (State.REFUNDED,) if is_started else (State.WAITING,)
    amount = outcome.requested
    return {
        "order": item.number or (payment.merchant_uid if payment else ""),
        "line": item.line,
        "ok": outcome.state in good or item.error_code == LEFT_OUT,
        "state": outcome.state.value,
        "code": outcome.code or ("" if outcome.state in good else outcome.state.value),
        "message": reason_of(outcome),
        "field": item.error_field,
        "value": item.error_value,
        "amount": None if amount is None else quantize(amount, payment.currency if payment else KRW),
        "warnings": item.shown_warnings,
        "payment": payment_json(payment) if payment else None,
        "refund": refund_json(outcome.refund) if outcome.refund else None,
    }


def _orders(count: int) -> str:
    return ngettext("%(count)s order", "%(count)s orders", count) % {"count": f"{count:,}"}


def _exact(sums: Mapping[str, Decimal]) -> dict[str, Decimal]:
    return {currency: quantize(amount, currency) for currency, amount in sums.items()}


def _sums(sums: Mapping[str, Decimal]) -> str:
    return " + ".join(format_money(amount, currency) for currency, amount in sorted(sums.items())) or format_money(
        Decimal(0), KRW
    )
