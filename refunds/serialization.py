"""How payments, refunds and errors are written down as JSON: the same from the API and the command line."""

from typing import Any

from django.utils.translation import gettext as _

from core.errors import DomainError
from core.money import format_money, quantize
from payments.models import Payment
from refunds.errors import InvalidQuery, InvalidRequest, PolicyViolated, RefundNotDone, Violation
from refunds.messages import message_of
from refunds.models import ReconciliationReport, RefundRecord
from refunds.services.preview import RefundPreview

Json = dict[str, Any]


def payment_json(payment: Payment) -> Json:
    """A payment as the storefront sees it. Amounts are numbers in major units of `currency`."""

    return {
        "imp_uid": payment.imp_uid,
        "merchant_uid": payment.merchant_uid,
        "name": payment.name,
        "status": payment.status,
        "pay_method": payment.pay_method,
        "currency": payment.currency,
        "amount": _number(payment, "amount"),
        "cancel_amount": _number(payment, "cancel_amount"),
        "refundable_amount": _number(payment, "refundable_amount"),
        "paid_at": payment.paid_at,
    }


def refund_json(refund: RefundRecord) -> Json:
    """One refund as the storefront sees it; of the account only the last digits are known at all."""
    return {
        "id": refund.pk,
        "number": refund.number,
        "imp_uid": refund.payment.imp_uid,
        "merchant_uid": refund.payment.merchant_uid,
        "status": refund.status,
        "source": refund.source,
        "currency": refund.payment.currency,
        "amount": _number(refund, "amount"),
        "cancelled_amount": _number(refund, "cancelled_amount"),
        "reason": refund.reason,
        "refund_account_last4": refund.refund_account_last4,
        "cancellation_id": refund.cancellation_id,
        "receipt_url": refund.receipt_url,
        "code": refund.error_code,
        "message": message_of(refund),
        "requested_at": refund.requested_at,
        "settled_at": refund.settled_at,
    }


def _number(source: Payment | RefundRecord, name: str) -> int | float | None:
    """An amount as a JSON number. `float` only writes it down here: its shortest form is the exact text."""
    amount = getattr(source, name)
    if amount is None:
        return None
    currency = source.currency if isinstance(source, Payment) else source.payment.currency
    exact = quantize(amount, currency)
    return int(exact) if exact == exact.to_integral_value() else float(exact)


def preview_json(preview: RefundPreview) -> Json:
    """What would happen to one order, before anything is sent."""
    payment = preview.payment
    amount = format_money(preview.amount, payment.currency)
    if preview.problems:
        message = " ".join(problem.message for problem in preview.problems)
    else:
        left = format_money(payment.refundable_amount, payment.currency)
        message = _("%(amount)s of %(left)s would be refunded.") % {"amount": amount, "left": left}
    return {
        "ok": not preview.problems,
        "code": preview.problems[0].code if preview.problems else "",
        "message": message,
        "violations": _violations(preview.problems),
        "warnings": _violations(preview.warnings),
        "payment": payment_json(payment),
    }


def _violations(violations: tuple[Violation, ...]) -> list[Json]:
    return [{"code": found.code, "message": found.message, "field": found.field} for found in violations]


def report_json(report: ReconciliationReport) -> Json:
    """A drift report with its differences."""
    return {
        "ok": not report.remaining and not report.error,
        "since": report.since,
        "until": report.until,
        "check_only": report.check_only,
        "compared": report.compared,
        "found": report.found,
        "repaired": report.repaired,
        "error": report.error,
        "differences": [
            {
                "merchant_uid": found.merchant_uid,
                "imp_uid": found.imp_uid,
                "kind": found.kind,
                "ours": found.here,
                "theirs": found.there,
                "repaired": found.repaired,
            }
            for found in report.differences.all()
        ],
    }


def error_json(exc: DomainError) -> Json:
    """The body of a domain error: message, code, retryable, and what else is known."""
    body: Json = {"message": exc.message, "code": exc.code, "retryable": exc.retryable}
    if isinstance(exc, InvalidRequest):
        body["violations"] = [{"code": exc.code, "message": exc.message, "field": exc.field}]
    if isinstance(exc, PolicyViolated | InvalidQuery):
        body["violations"] = _violations(exc.violations)
    if isinstance(exc, RefundNotDone):
        body["refund"] = refund_json(exc.refund)
    return body
