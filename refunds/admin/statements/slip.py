"""The refund slip: one page that confirms a refund to the buyer, in Korean or English, to print."""

import re

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from core.admin.pages import StaffRequest, staff_may
from payments.labels import bank_label, bank_name, card_label, method_label, pg_label
from payments.models import Payment
from refunds.admin.timeline import reason_line
from refunds.models import RefundRecord, RefundStatus
from refunds.notices.outbox import shop_settings
from refunds.permissions import may_view_refunds
from refunds.policies.tax_split import split_of

LANGUAGES = {"ko": "한국어", "en": "English"}
_LAST_DIGITS = re.compile(r"\d{4}$", re.ASCII)


@require_safe
@staff_may(may_view_refunds)
def slip(request: StaffRequest, pk: int) -> HttpResponse:
    """Show the slip of a refund that succeeded, in the language of the address; of another one say that there is none.

    Only what the buyer may read is on it: no notes, and of an account or a card at most the last four digits.
    """
    refund = get_object_or_404(RefundRecord.objects.select_related("payment"), pk=pk)
    language = request.GET.get("language", "")
    with translation.override(language if language in LANGUAGES else translation.get_language()):
        # A template response renders later, when another language is active.
        return _page(request, refund).render()


def _page(request: StaffRequest, refund: RefundRecord) -> TemplateResponse:
    payment = refund.payment
    is_done = refund.status == RefundStatus.SUCCEEDED
    facts = {
        "title": _("Refund slip"),
        "refund": refund,
        "payment": payment,
        "is_done": is_done,
        "paid_with": paid_with(payment),
        "paid_back_to": paid_back_to(refund),
        # The parts are those of what remains: beside the whole amount they would not add up.
        "split": None if refund.reversed_amount else split_of(refund, settings.IAMPORT_CONTRACTS),
        "reason": reason_line(refund),
        "shop": shop_settings().shop or _("Refund desk"),
        "contact": settings.SHOP_CONTACT,
        "issued_at": timezone.now(),
        "issued_by": request.user.get_full_name() or request.user.get_username(),
        "languages": LANGUAGES,
        "language": translation.get_language(),
    }
    return TemplateResponse(request, "admin/refunds/slip.html", facts, status=200 if is_done else 409)


def paid_with(payment: Payment) -> str:
    """Return the method with the card, and of its number the last four digits if i'mport showed them."""
    digits = _LAST_DIGITS.search(payment.card_number)
    card = " ".join(filter(None, (card_label(payment), f"•••• {digits[0]}" if digits else "")))
    bank = bank_name(payment.bank_code, payment.bank_name) or bank_name(payment.vbank_code, payment.vbank_name)
    return " · ".join(filter(None, (method_label(payment.pay_method), card or bank, pg_label(payment.pg_provider))))


def paid_back_to(refund: RefundRecord) -> str:
    """Return the bank with the account's last digits; "" if the refund goes the way the payment came."""
    if not refund.refund_account_last4:
        return ""
    return f"{bank_label(refund.refund_bank)} •••• {refund.refund_account_last4}"
