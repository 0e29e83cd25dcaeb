"""From the payment list to a bulk refund: the sum of what is selected, and a batch of more than one page confirms."""

import uuid
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.models import User
from django.db.models import Count, F, QuerySet, Sum
from django.http import HttpRequest, HttpResponseRedirect
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from core.money import KRW, format_money, format_totals
from payments.models import Payment
from refunds.admin.batches.preview import actor_of
from refunds.batches.check import check_batch
from refunds.batches.create import MAX_ROWS, create_batch
from refunds.batches.errors import BatchError
from refunds.batches.find_rows import rows_of_payments
from refunds.batches.words import batch_path
from refunds.models import BatchOrigin, RefundSource


def selection_text(payments: QuerySet[Payment]) -> str:
    """Return how many of these payments can be refunded, and their total. Test payments are in no total."""
    count = payments.order_by().values("pk")[: MAX_ROWS + 1].count()
    if count > MAX_ROWS:
        return _("More than %(most)s orders: narrow the list.") % {"most": f"{MAX_ROWS:,}"}
    left = Sum(F("amount") - F("cancel_amount") - F("lapsed_discount"))
    refundable = Payment.objects.filter(pk__in=payments.order_by().values("pk")).refundable()
    found = list(refundable.order_by().values_list("currency", "sandbox").annotate(orders=Count("pk"), left=left))
    orders = sum(count for _currency, _sandbox, count, _left in found)
    totals = format_totals((total, currency) for currency, sandbox, _count, total in found if not sandbox)
    words = {"count": f"{orders:,}", "total": " + ".join(totals) or format_money(0, KRW)}  # type: ignore[arg-type]
    return _("%(count)s refundable: %(total)s") % words


def batch_of_payments(request: HttpRequest, payments: QuerySet[Payment], shown: Any) -> HttpResponseRedirect | None:
    """Make a batch of all that is left of these payments, and lead to its preview. None, with the reason: no batch."""
    actor = actor_of(cast(User, request.user))
    try:
        batch = create_batch(
            token=uuid.uuid4(),
            actor=actor,
            source=RefundSource.ADMIN,
            origin=BatchOrigin.FILTER,
            title=", ".join(chip.text for chip in shown.chips),
            rows=rows_of_payments(payments),
            reason="",
            language=get_language() or "",
        )
        check_batch(batch=batch, actor=actor)
    except BatchError as exc:
        messages.error(request, exc.message, extra_tags=exc.code)
        return None
    return HttpResponseRedirect(batch_path(batch))
