"""Print the ledger of a database, one line per payment. Run by test_database_gone.py as a child process.

python -m tests.proof.ledger_rows              imp_uid=refunded amount, then the status of each refund
python -m tests.proof.ledger_rows age SECONDS  make the open refunds that much older
"""

import sys
from datetime import timedelta

import django
from django.apps import apps
from django.db.models import F


def main(arguments: list[str]) -> None:
    django.setup()
    if arguments:
        age = timedelta(seconds=float(arguments[1]))
        apps.get_model("refunds", "RefundRecord").objects.live().update(requested_at=F("requested_at") - age)
        return
    for payment in apps.get_model("payments", "Payment").objects.order_by("pk"):
        statuses = " ".join(payment.refunds.values_list("status", flat=True))
        sys.stdout.write(f"{payment.imp_uid}={payment.cancel_amount:.0f} {statuses}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
