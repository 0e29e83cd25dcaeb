"""Payments with their refunds: the actions "Refund" and "Check with i'mport"."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from core.admin.browsing import BrowsingChangeList, Tab
from core.admin.returning import with_next
from core.money import precision, quantize
from payments.admin.payments import PaymentAdmin, state_badge
from payments.models import Payment
from refunds.admin.approval_badges import waiting_approval, waiting_badge
from refunds.admin.batches.selection import batch_of_payments, selection_text
from refunds.admin.bulk_refund.views import confirm, confirmation_url, too_many_message
from refunds.admin.export import ExportingAdmin
from refunds.admin.filters import RefundStateFilter
from refunds.admin.notes import note_form, note_on_payment
from refunds.admin.payment_timeline import payment_timeline
from refunds.admin.progress import waiting_refund
from refunds.admin.reconcile import check, report_check
from refunds.admin.reversal import reversal, reversal_url
from refunds.admin.timeline import REFUNDS_SHOWN, attention_badge, older_refunds_url, taken_back_badge
from refunds.admin.try_again import try_again_url
from refunds.batches.create import MAX_ORDERS
from refunds.messages import taken_back_message
from refunds.models import LIVE_STATUSES, ApprovalStatus, RefundApproval, RefundRecord
from refunds.models.refund_numbers import REFUND_NUMBER
from refunds.permissions import may_refund_any, may_state_tax_parts


class RefundableList(BrowsingChangeList):
    """The payment list, whose rows lead to their refund and back to the list as it is."""

    @property
    def sum_url(self) -> str:
        """Return the address that adds up all orders that match."""
        return reverse("admin:payments_payment_refund_total")

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        for payment in self.result_list if may_refund_any(request.user) else ():
            is_busy = payment.waiting_approvals or any(refund.is_live for refund in payment.notable_refunds)
            if payment.refundable_amount and not is_busy:
                payment.refund_url = with_next(confirmation_url([payment.pk]), request.get_full_path())


class RefundablePaymentAdmin(ExportingAdmin, PaymentAdmin):
    """The payment list with refunds; it is in this app because payments must not import refunds."""

    list_filter = (PaymentAdmin.list_filter[0], RefundStateFilter, *PaymentAdmin.list_filter[1:])
    actions = ("refund_orders", "check_orders", "export_selected")
    tabs = (
        *PaymentAdmin.tabs,
        Tab(_("Refund in progress"), {"refund": "in_progress"}),
        Tab(ApprovalStatus.WAITING.label, {"refund": "awaiting"}),
        Tab(_("Needs review"), {"refund": "attention"}),
        Tab(_("Refund failed"), {"refund": "failed"}),
    )

    most_at_once = MAX_ORDERS
    limited_action = "check_orders"
    over_most = format_lazy(
        _("Refund… makes a bulk refund of more than {most}. Only {most} can be checked at a time."), most=MAX_ORDERS
    )

    change_form_outer_before_template = "admin/refunds/payment_overview.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Payment]:
        notable = RefundRecord.objects.filter(Q(status__in=LIVE_STATUSES) | Q(needs_review=True))
        payments: QuerySet[Payment] = super().get_queryset(request)
        return payments.prefetch_related(
            Prefetch("refunds", notable, to_attr="notable_refunds"),
            Prefetch("approvals", RefundApproval.objects.waiting(), to_attr="waiting_approvals"),
        )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[RefundableList]:
        return RefundableList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Payment], search_term: str
    ) -> tuple[QuerySet[Payment], bool]:
        """Find the payment of a refund by the refund's number as well."""
        number = search_term.strip().upper()
        if REFUND_NUMBER.fullmatch(number):
            of_refund = queryset.filter(refunds__number=number)
            if of_refund.exists():
                return of_refund, False
        return super().get_search_results(request, queryset, search_term)

    def has_view_permission(self, request: HttpRequest, obj: Payment | None = None) -> bool:
        return bool(super().has_view_permission(request, obj)) or may_refund_any(request.user)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(super().has_module_permission(request)) or may_refund_any(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Payment | None = None) -> bool:
        """Require the permission to refund as well: the buyer of an order may refund it."""
        return may_state_tax_parts(request.user)

    def has_refund_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_refund_any(request.user)

    def get_urls(self) -> list[URLPattern]:
        site = self.admin_site
        own = [
            path("refund/", site.admin_view(confirm), name="payments_payment_refund"),
            path("refund-total/", site.admin_view(self.refund_total), name="payments_payment_refund_total"),
            path("check/", site.admin_view(check), name="payments_payment_check"),
            path("<int:pk>/note/", site.admin_view(note_on_payment), name="payments_payment_note"),
            path("<int:pk>/reversal/", site.admin_view(reversal), name="payments_payment_reversal"),
        ]
        return [*own, *super().get_urls()]

    def page_context(self, request: HttpRequest, obj: Payment) -> dict[str, Any]:
        refunds = list(obj.refunds.select_related("late_record")[:REFUNDS_SHOWN])
        for refund in refunds:
            refund.payment = obj
        timeline, has_older = payment_timeline(obj, request.user)
        waiting, approval = waiting_refund(obj), waiting_approval(obj, request.user)
        return {
            **super().page_context(request, obj),
            "refunds": refunds,
            "older_refunds_url": older_refunds_url(obj),
            "timeline": timeline,
            "has_older_events": has_older,
            "note_form": note_form(request.user, obj),
            "refund_url": "" if waiting or approval else self._refund_url(request, obj),
            "try_again_url": try_again_url(request, refunds[0]) if refunds else "",
            "waiting": waiting,
            "approval": approval,
            "may_check": may_refund_any(request.user),
            "taken_back": taken_back_message(obj) if obj.taken_back else "",
            "reversal_url": reversal_url(request.user, obj),
        }

    def _refund_url(self, request: HttpRequest, payment: Payment) -> str:
        """Return where the payment is refunded; "" if this user may not, or nothing is left."""
        may_refund = self.has_refund_permission(request) and payment.refundable_amount
        return confirmation_url([payment.pk], next=request.get_full_path()) if may_refund else ""

    def refund_total(self, request: HttpRequest) -> HttpResponse:
        """Return how many orders match the list's filters, and what can be refunded of them, in words."""
        if not self.has_refund_permission(request):
            raise PermissionDenied
        try:
            matching = self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters:
            matching = Payment.objects.none()
        return JsonResponse({"text": selection_text(matching.prefetch_related(None))})

    @admin.display(description=_("refundable"))
    def refundable(self, payment: Payment) -> SafeString | str:
        """Show the amount with its units, which the script adds up over the ticked rows, and the row's "Refund"."""
        text: SafeString | str = super().refundable(payment)
        if payment.refundable_amount and not payment.sandbox:
            left = f"{quantize(payment.refundable_amount, payment.currency):f}"
            attributes = {"left": left, "currency": payment.currency, "precision": precision(payment.currency)}
            text = format_html(
                '<span data-left="{left}" data-currency="{currency}" data-precision="{precision}">{text}</span>',
                text=text,
                **attributes,
            )
        url = getattr(payment, "refund_url", "")  # on the list only
        if not url:
            return text
        name = gettext("Refund %(name)s") % {"name": payment.merchant_uid}
        link = format_html('<a class="rd-link" href="{}" aria-label="{}">{}</a>', url, name, gettext("Refund…"))
        return format_html('<span class="rd-lines"><span>{}</span><small>{}</small></span>', text, link)

    @admin.display(description=_("status"))
    def state(self, payment: Payment) -> SafeString:
        attention = attention_badge(payment.notable_refunds)  # type: ignore[attr-defined]
        approval = waiting_badge(payment.waiting_approvals)  # type: ignore[attr-defined]
        return format_html("{} {} {} {}", state_badge(payment), taken_back_badge(payment), attention, approval)

    @action(description=_("Refund…"), permissions=["refund"])  # type: ignore[untyped-decorator]
    def refund_orders(self, request: HttpRequest, queryset: QuerySet[Payment]) -> HttpResponse | None:
        """Confirm up to 50 orders on one page; make a bulk refund of more."""
        chosen = queryset.prefetch_related(None)
        ids = list(chosen.values_list("pk", flat=True)[: MAX_ORDERS + 1])
        if len(ids) <= MAX_ORDERS:
            return HttpResponseRedirect(with_next(confirmation_url(ids), request.get_full_path())) if ids else None
        return batch_of_payments(request, chosen, self.get_changelist_instance(request))

    @action(description=_("Check with i'mport"), permissions=["refund"])  # type: ignore[untyped-decorator]
    def check_orders(self, request: HttpRequest, queryset: QuerySet[Payment]) -> None:
        ids = _selected(request, queryset)
        if ids:
            report_check(request, Payment.objects.filter(pk__in=ids))


def _selected(request: HttpRequest, queryset: QuerySet[Payment]) -> list[int]:
    """Return the ids of the selected payments; none, with an error message, if they are too many."""
    ids = list(queryset.prefetch_related(None).values_list("pk", flat=True)[: MAX_ORDERS + 1])
    if len(ids) <= MAX_ORDERS:
        return ids
    messages.error(request, too_many_message(), extra_tags="too_many_orders")
    return []
