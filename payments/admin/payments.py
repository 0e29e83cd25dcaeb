"""Payments for staff: search, view, and change the buyer's user and tax parts. i'mport's data cannot be edited."""

from decimal import Decimal
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from unfold.admin import ModelAdmin

from core.admin.browsing import Tab
from core.admin.display import (
    badge,
    day_and_hour,
    format_time,
    linked_lines,
    mail_link,
    pairs,
    safe_link,
    tel_link,
    two_lines,
    with_copy_button,
)
from core.admin.lists import ReadOnlyAdmin
from core.money import format_money
from payments.admin.filters import CurrencyFilter, MethodFilter, PaidFilter, PgFilter, StatusFilter, TestFilter
from payments.admin.forms import PaymentForm
from payments.admin.search import known_numbers, search_payments, warn_if_short, warn_of_missing
from payments.errors import LookupUnavailable
from payments.labels import (
    PaymentState,
    bank_name,
    card_label,
    method_and_pg,
    method_label,
    payment_state,
    pg_label,
    status_label,
)
from payments.models import Payment, PaymentStatus
from payments.models.payments import PAYMENT_TIME
from payments.tax_parts import TAX_PARTS
from payments.templatetags.payment_display import test_mark

LIST = "payments_payment_changelist"
COLOURS = {
    PaymentState.PAID: "green",
    PaymentState.PARTLY_REFUNDED: "blue",
    PaymentState.REFUNDED: "grey",
    PaymentState.READY: "amber",
    PaymentState.PENDING: "amber",
    PaymentState.FAILED: "red",
    PaymentState.UNPAID: "grey",
    PaymentState.UNKNOWN: "amber",
}


def state_badge(payment: Payment) -> SafeString:
    """Return the payment's state as a badge. i'mport's own status does not tell partial from full refunds."""
    shown = badge(*state_of(payment))
    return format_html("{} {}", shown, test_mark(payment)) if payment.sandbox else shown


def state_of(payment: Payment) -> tuple[str, str]:
    """Return the colour and the name of the payment's state."""
    state = payment_state(payment)
    unknown = state == PaymentState.UNKNOWN
    return COLOURS[state], status_label(payment.status) if unknown else str(state.label)


class PaymentAdmin(ReadOnlyAdmin):
    form = PaymentForm
    list_display = ("order", "buyer", "goods", "paid", "refunded", "refundable", "state", "paid_on")
    list_filter: tuple[Any, ...] = (
        StatusFilter,
        MethodFilter,
        PgFilter,
        TestFilter,
        CurrencyFilter,
        ("paid_at", PaidFilter),
    )
    list_display_links = None  # `order` has the link, beside the button that copies it
    list_select_related = False
    sortable_by = ("paid", "paid_on")
    in_order_of = "paid_on"
    tabs: tuple[Tab, ...] = (
        Tab(pgettext_lazy("rows", "All"), {}),
        *(
            Tab(state.label, {StatusFilter.parameter_name: state.value})
            for state in (PaymentState.PAID, PaymentState.PARTLY_REFUNDED, PaymentState.REFUNDED)
        ),
    )
    search_fields = ("search_key",)
    search_help_text = gettext_lazy("Any part of an order, buyer or goods; an amount")
    autocomplete_fields = ("user",)
    change_form_outer_before_template = "admin/payments/payment/overview.html"

    # The buyer's account and the tax parts may be changed.
    has_change_permission = ModelAdmin.has_change_permission

    def name_of(self, obj: Payment) -> str:
        return obj.merchant_uid

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Payment], search_term: str
    ) -> tuple[QuerySet[Payment], bool]:
        is_list = request.resolver_match is not None and request.resolver_match.url_name == LIST
        newest = is_list and request.method == "GET"  # an action on all that match is for all of them
        try:
            warn_if_short(request, search_term)
            if newest:
                warn_of_missing(request, search_term, known_numbers(search_term))
            return search_payments(queryset, search_term, ask_gateway=is_list, newest=newest), False
        except LookupUnavailable as exc:
            self.message_user(request, exc.message, messages.WARNING)
            return queryset.none(), False

    def save_model(self, request: HttpRequest, obj: Payment, form: "ModelForm[Payment]", change: bool) -> None:
        """Save these fields only: a refund booked meanwhile must not be overwritten by the old amounts."""
        obj.save(update_fields=["user", *TAX_PARTS, "updated_at"])

    def get_readonly_fields(self, request: HttpRequest, obj: Payment | None = None) -> list[str]:
        rows = [row for _title, options in self.get_fieldsets(request, obj) for row in options["fields"]]
        return [name for row in rows for name in row if name not in ("user", *TAX_PARTS)]

    def get_fieldsets(self, request: HttpRequest, obj: Payment | None = None) -> list[Any]:
        """Return the fields that this payment has: of a card, of a virtual account, of a bank transfer."""
        method: list[Any] = ["method_name", "pg_name"]
        how: list[Any] = []
        if obj and obj.card_name:
            method += ["issuer", "card_number", "card_type"]
        if obj and (obj.vbank_num or obj.pay_method == "vbank"):
            how = ["vbank", "vbank_num", "vbank_holder", "vbank_date"]
        elif obj and obj.bank_name:
            method.append("bank")
        flags = [
            name for name in ("sandbox", "escrow", "has_promotion", "cash_receipt_issued") if obj and getattr(obj, name)
        ]
        taxes = list(TAX_PARTS)
        if not self.has_change_permission(request, obj):
            taxes = [f"{name}_money" for name in TAX_PARTS if obj and getattr(obj, name) is not None]
        if obj and obj.promotion_discount:
            flags += ["promotion_id", "discount_money"]
        account = "user"
        if not (self.has_change_permission(request, obj) or request.user.has_perm("auth.view_user")):
            account = "account"  # a link to it would answer 403
        # After a refund i'mport says "cancelled", of a part as well: our own state says more.
        theirs = [] if obj and obj.cancel_amount and obj.status == PaymentStatus.CANCELLED else ["imp_status"]
        ends = [name for name in ("fail_reason", "cancel_reason") if obj and getattr(obj, name)]
        sections = [
            (_("Order"), ["order_number", "name", "buyer_name", "mail", "telephone", "paid_at", account]),
            (_("Payment method"), [*method, *flags, *ends]),
            (_("Virtual account"), how),
            (_("Tax parts of the payment"), taxes),
            (_("At i'mport"), ["payment_number", *theirs, "pg_number", "pg_id", "read_time"]),
        ]
        return [(title, {"fields": list(pairs(names))}) for title, names in sections if names]

    def page_context(self, request: HttpRequest, obj: Payment) -> dict[str, Any]:
        return {
            "title": obj.merchant_uid,
            "state": self.state(obj),
            "method": method_label(obj.pay_method),
            "paid": self.paid(obj),
            "refunded": self.refunded(obj),
            "lapsed_discount": obj.lapsed_discount and format_money(obj.lapsed_discount, obj.currency),
            "refundable": self.refundable(obj),
            "receipt": safe_link(obj.receipt_url),
        }

    @admin.display(description=gettext_lazy("order"))
    def order(self, payment: Payment) -> SafeString:
        return linked_lines(payment.page_url, payment.merchant_uid, payment.imp_uid)  # type: ignore[attr-defined]

    @admin.display(description=gettext_lazy("buyer"))
    def buyer(self, payment: Payment) -> SafeString:
        reached_by = tel_link(payment.buyer_tel) if payment.buyer_tel else mail_link(payment.buyer_email)
        return two_lines(payment.buyer_name or "–", reached_by)

    @admin.display(description=gettext_lazy("goods"))
    def goods(self, payment: Payment) -> SafeString:
        # The method stands below: a column of its own does not fit into 1280 pixels.
        return two_lines(payment.name or "–", method_and_pg(payment.pay_method, payment.pg_provider))

    @admin.display(description=gettext_lazy("card"))
    def issuer(self, payment: Payment) -> str:
        return card_label(payment)

    @admin.display(description=gettext_lazy("bank"))
    def bank(self, payment: Payment) -> str:
        return bank_name(payment.bank_code, payment.bank_name)

    @admin.display(description=gettext_lazy("virtual account bank"))
    def vbank(self, payment: Payment) -> str:
        return bank_name(payment.vbank_code, payment.vbank_name)

    @admin.display(description=gettext_lazy("order"))
    def order_number(self, payment: Payment) -> SafeString | str:
        return with_copy_button(payment.merchant_uid)

    @admin.display(description=gettext_lazy("payment number"))
    def payment_number(self, payment: Payment) -> SafeString | str:
        return with_copy_button(payment.imp_uid)

    @admin.display(description=gettext_lazy("PG transaction"))
    def pg_number(self, payment: Payment) -> SafeString | str:
        return with_copy_button(payment.pg_tid)

    @admin.display(description=gettext_lazy("e-mail"))
    def mail(self, payment: Payment) -> SafeString | str:
        return mail_link(payment.buyer_email) or "–"

    @admin.display(description=gettext_lazy("telephone"))
    def telephone(self, payment: Payment) -> SafeString | str:
        return tel_link(payment.buyer_tel) or "–"

    @admin.display(description=gettext_lazy("buyer's account"))
    def account(self, payment: Payment) -> str:
        return payment.user.get_username() if payment.user else "–"

    @admin.display(description=gettext_lazy("method"))
    def method_name(self, payment: Payment) -> str:
        return method_label(payment.pay_method)

    @admin.display(description=gettext_lazy("PG"))
    def pg_name(self, payment: Payment) -> str:
        return pg_label(payment.pg_provider)

    @admin.display(description=gettext_lazy("amount"), ordering="amount")
    def paid(self, payment: Payment) -> str:
        return format_money(payment.amount, payment.currency)

    @admin.display(description=gettext_lazy("refunded"))
    def refunded(self, payment: Payment) -> str:
        return format_money(payment.cancel_amount, payment.currency) if payment.cancel_amount else "–"

    @admin.display(description=gettext_lazy("refundable"))
    def refundable(self, payment: Payment) -> str:
        left = payment.refundable_amount
        return format_money(left, payment.currency) if left else "–"

    @admin.display(description=gettext_lazy("promotion discount"))
    def discount_money(self, payment: Payment) -> str:
        return format_money(payment.promotion_discount, payment.currency)

    @admin.display(description=gettext_lazy("tax-free part"))
    def tax_free_money(self, payment: Payment) -> str:
        return format_money(payment.tax_free or Decimal(0), payment.currency)

    @admin.display(description=gettext_lazy("VAT part"))
    def vat_amount_money(self, payment: Payment) -> str:
        return format_money(payment.vat_amount or Decimal(0), payment.currency)

    @admin.display(description=gettext_lazy("status"))
    def state(self, payment: Payment) -> SafeString:
        return state_badge(payment)

    @admin.display(description=gettext_lazy("status at i'mport"))
    def imp_status(self, payment: Payment) -> str:
        return status_label(payment.status)

    @admin.display(description=gettext_lazy("paid at"), ordering=PAYMENT_TIME)
    def paid_on(self, payment: Payment) -> SafeString:
        return day_and_hour(payment.paid_at)

    @admin.display(description=gettext_lazy("last read"))
    def read_time(self, payment: Payment) -> str:
        return format_time(payment.updated_at)
