"""Write a reconciliation report as JSON."""

from refunds.models import ReconciliationReport, Refunded
from refunds.serialization import Json, exact_number


def report_json(report: ReconciliationReport) -> Json:
    """A reconciliation report with its discrepancies.

    A refund that waits for the PG stands among them, as it always did; `waiting` tells it from what differs.
    """
    everything = list(report.discrepancies.all())
    return {
        "ok": not report.remaining and not report.waiting.exists() and not report.error,
        "since": report.since,
        "until": report.until,
        "check_only": report.check_only,
        "compared": report.compared,
        "found": len(everything),
        "repaired": sum(found.repaired for found in everything),
        "error": report.error,
        "refunded": [_refunded_json(refunded) for refunded in report.refunded],
        "differences": [
            {
                "merchant_uid": found.merchant_uid,
                "imp_uid": found.imp_uid,
                "kind": found.kind,
                "ours": found.here,
                "theirs": found.there,
                "repaired": found.repaired,
                "waiting": found.is_waiting,
                "refunded": _refunded_json(found.refunded),
            }
            for found in everything
        ],
    }


def _refunded_json(refunded: Refunded) -> Json:
    amounts = {"here": refunded.here, "at_iamport": refunded.there, "difference": refunded.difference}
    currency = refunded.currency
    return {"currency": currency, **{name: exact_number(amount, currency) for name, amount in amounts.items()}}
