"""Payments, mirrored from i'mport."""

from datetime import datetime
from decimal import Decimal
from typing import Self

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from core.fields import AmountField
from core.money import KRW, format_money
from payments import limits
from payments.search_keys import KeyField

# When a payment was paid, or first seen here if it was not: every list is in this order.
PAYMENT_TIME = Coalesce("paid_at", "created_at")


class PaymentStatus(models.TextChoices):
    """The statuses that i'mport documents; a payment may have another word.

    CANCELLED already follows a *partial* cancel: compare the amounts instead. PENDING (PayPal) becomes paid or failed.
    """

    READY = "ready", _("Waiting for payment")
    PENDING = "pending", _("Pending")
    PAID = "paid", _("Paid")
    CANCELLED = "cancelled", _("Cancelled")
    FAILED = "failed", _("Payment failed")


# Not paid, whatever else the payment shows.
_UNPAID = (PaymentStatus.READY, PaymentStatus.FAILED)


def _times_are_possible() -> Q:
    return Q(**{f"{name}__lt": limits.TIMES_BEFORE for name in ("paid_at", "cancelled_at", "failed_at", "vbank_date")})


class PaymentQuerySet(models.QuerySet["Payment"]):
    def visible_to_buyer(self, user: models.Model) -> Self:
        """The payments of this buyer's own orders."""
        return self.filter(user=user)

    def real(self) -> Self:
        """Payments of real money: not those of a test channel."""
        return self.filter(sandbox=False)

    def ever_paid(self) -> Self:
        """Payments whose money has reached the shop, refunded or not."""
        has_money = ~Q(status__in=_UNPAID) & (Q(paid_at__isnull=False) | Q(cancel_amount__gt=0))
        return self.filter(Q(status=PaymentStatus.PAID) | has_money)

    def refundable(self) -> Self:
        """Payments with an amount left to refund."""
        return self.ever_paid().filter(cancel_amount__lt=F("amount") - F("lapsed_discount"))

    def paid_between(self, start: datetime | None, end: datetime | None) -> Self:
        """Payments paid in [start, end), by the index of the lists' order; None is no limit."""
        wanted = {"time__gte": start, "time__lt": end}
        given = {name: limit for name, limit in wanted.items() if limit is not None}
        return self.alias(time=PAYMENT_TIME).filter(paid_at__isnull=False, **given) if given else self

    def paid_in(self, start: datetime, end: datetime) -> Self:
        """Those of `ever_paid` that were paid in [start, end), read from the index `payment_paid` alone."""
        return self.filter(paid_at__gte=start, paid_at__lt=end).exclude(status__in=_UNPAID)

    def taken_back(self) -> Self:
        """Payments for which i'mport shows less refunded than the ledger."""
        return self.filter(taken_back_seen_at__isnull=False)


class Payment(models.Model):
    """One payment at i'mport, known by `imp_uid`. Amounts in major units of `currency`.

    `merchant_uid` is the shop's order number and not unique: a failed try and a paid one can share it.
    `cancel_amount` is the sum of the succeeded refund records minus their reversals; only the refund ledger changes it.
    """

    imp_uid = models.CharField(_("payment number"), max_length=limits.IMP_UID, unique=True)
    merchant_uid = models.CharField(_("order"), max_length=limits.MERCHANT_UID)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("buyer's account"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="payments",
        help_text=_("The buyer account that can request a refund of this order on the storefront."),
    )
    status = models.CharField(_("status"), max_length=limits.STATUS, choices=PaymentStatus.choices)
    currency = models.CharField(_("currency"), max_length=3, default=KRW)
    amount = AmountField(_("paid"))
    cancel_amount = AmountField(_("refunded"), default=Decimal(0))
    # With a promotion, `amount` and requested amounts count before the discount, `cancel_amount` after it: the
    # discount on the refunded part can neither be requested nor is it given back.
    lapsed_discount = AmountField(
        _("discount on the refunded part"),
        default=Decimal(0),
        db_default=Decimal(0),  # for processes that run the code before it
    )
    # How much less than `cancel_amount` i'mport shows refunded (a cancel taken back), since when; 0 if they agree.
    taken_back = AmountField(_("taken back at i'mport"), default=Decimal(0), db_default=Decimal(0), editable=False)
    taken_back_seen_at = models.DateTimeField(null=True, editable=False)
    # Parts of `amount` as stated at payment. i'mport does not show them: the shop enters them. Null: not known.
    tax_free = AmountField(_("tax-free part"), null=True, blank=True)
    vat_amount = AmountField(_("VAT part"), null=True, blank=True)

    pay_method = models.CharField(_("method"), max_length=limits.TEXTS["pay_method"], blank=True)
    pg_provider = models.CharField(_("PG"), max_length=limits.TEXTS["pg_provider"], blank=True)
    emb_pg_provider = models.CharField(_("embedded PG"), max_length=limits.TEXTS["emb_pg_provider"], blank=True)
    pg_id = models.CharField(_("PG store id"), max_length=limits.TEXTS["pg_id"], blank=True)
    pg_tid = models.CharField(_("PG transaction"), max_length=limits.TEXTS["pg_tid"], blank=True)
    escrow = models.BooleanField(_("escrow"), default=False)
    # Paid through a test channel. Marked wherever it is shown, and left out of every sum and limit.
    sandbox = models.BooleanField(_("test payment"), default=False, db_default=False)
    has_promotion = models.BooleanField(_("promotion"), default=False)
    promotion_id = models.CharField(_("promotion number"), max_length=limits.TEXTS["promotion_id"], blank=True)
    promotion_discount = AmountField(_("promotion discount"), default=Decimal(0))

    name = models.CharField(_("goods"), max_length=limits.TEXTS["name"], blank=True)
    buyer_name = models.CharField(_("buyer"), max_length=limits.TEXTS["buyer_name"], blank=True)
    buyer_email = models.CharField(_("e-mail"), max_length=limits.TEXTS["buyer_email"], blank=True)
    buyer_tel = models.CharField(_("telephone"), max_length=limits.TEXTS["buyer_tel"], blank=True)

    paid_at = models.DateTimeField(_("paid at"), null=True, blank=True)
    cancelled_at = models.DateTimeField(_("cancelled at"), null=True, blank=True)
    failed_at = models.DateTimeField(_("failed at"), null=True, blank=True)
    fail_reason = models.CharField(_("failure reason"), max_length=limits.TEXTS["fail_reason"], blank=True)
    cancel_reason = models.CharField(_("cancel reason"), max_length=limits.TEXTS["cancel_reason"], blank=True)
    receipt_url = models.CharField(_("receipt"), max_length=limits.URL, blank=True)

    vbank_code = models.CharField(_("virtual account bank code"), max_length=limits.TEXTS["vbank_code"], blank=True)
    vbank_name = models.CharField(_("virtual account bank"), max_length=limits.TEXTS["vbank_name"], blank=True)
    vbank_num = models.CharField(_("virtual account"), max_length=limits.TEXTS["vbank_num"], blank=True)
    vbank_holder = models.CharField(_("virtual account holder"), max_length=limits.TEXTS["vbank_holder"], blank=True)
    vbank_date = models.DateTimeField(_("virtual account valid until"), null=True, blank=True)
    bank_code = models.CharField(_("bank code"), max_length=limits.TEXTS["bank_code"], blank=True)
    bank_name = models.CharField(_("bank"), max_length=limits.TEXTS["bank_name"], blank=True)
    card_code = models.CharField(_("card code"), max_length=limits.TEXTS["card_code"], blank=True)
    card_name = models.CharField(_("card"), max_length=limits.TEXTS["card_name"], blank=True)
    card_number = models.CharField(_("card number (masked)"), max_length=limits.TEXTS["card_number"], blank=True)
    card_type = models.PositiveSmallIntegerField(
        _("card type"), null=True, blank=True, choices=[(0, _("Credit")), (1, _("Debit"))]
    )
    cash_receipt_issued = models.BooleanField(_("cash receipt issued"), default=False)

    # The search compares a whole order number, and a part of any of these.
    order_key = KeyField("merchant_uid")
    search_key = KeyField("merchant_uid", "imp_uid", "buyer_name", "buyer_email", "buyer_tel", "name")

    created_at = models.DateTimeField(_("first seen"), auto_now_add=True)
    updated_at = models.DateTimeField(_("last change"), auto_now=True)

    objects = PaymentQuerySet.as_manager()

    class Meta:
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        ordering = (PAYMENT_TIME.desc(), "-id")
        indexes = (
            models.Index(PAYMENT_TIME.desc(), F("id").desc(), name="payment_by_time"),
            models.Index(F("status"), PAYMENT_TIME.desc(), F("id").desc(), name="payment_by_status"),
            models.Index(F("pay_method"), PAYMENT_TIME.desc(), F("id").desc(), name="payment_by_method"),
            models.Index(F("pg_provider"), PAYMENT_TIME.desc(), F("id").desc(), name="payment_by_pg"),
            # All that the sums of a period read: without it, each payment's row.
            models.Index(fields=["paid_at", "sandbox", "status", "currency", "amount"], name="payment_paid"),
            models.Index(
                fields=["taken_back_seen_at"], condition=Q(taken_back_seen_at__isnull=False), name="payment_taken_back"
            ),
            models.Index(fields=["merchant_uid"], name="payment_by_order"),
            models.Index(fields=["order_key"], opclasses=["text_pattern_ops"], name="payment_by_order_key"),
            models.Index(fields=["amount"], name="payment_by_amount"),
            models.Index(fields=["updated_at"], name="payment_by_change"),
            # SQLite makes it an ordinary index, and reads it from end to end: far less than the rows themselves.
            GinIndex(fields=["search_key"], opclasses=["gin_trgm_ops"], name="payment_search"),
        )
        constraints = (
            models.CheckConstraint(condition=Q(amount__gte=0), name="payment_amount_not_negative"),
            # It is not documented which of i'mport's amounts count before a promotion's discount.
            models.CheckConstraint(
                condition=Q(cancel_amount__gte=0, cancel_amount__lte=F("amount") + F("promotion_discount")),
                name="payment_cancel_amount_within_amount",
            ),
            models.CheckConstraint(
                condition=Q(lapsed_discount=0)
                | Q(lapsed_discount__gt=0, lapsed_discount__lte=F("amount") - F("cancel_amount")),
                name="payment_lapsed_discount_within_rest",
            ),
            models.CheckConstraint(
                condition=Q(promotion_discount=0) | Q(promotion_discount__gt=0, has_promotion=True),
                name="payment_discount_of_a_promotion",
            ),
            models.CheckConstraint(
                condition=Q(taken_back=0, taken_back_seen_at=None)
                | Q(taken_back__gt=0, taken_back__lte=F("cancel_amount"), taken_back_seen_at__isnull=False),
                name="payment_taken_back_within_refunded",
            ),
            models.CheckConstraint(
                condition=(Q(tax_free=None) | Q(tax_free__gte=0)) & (Q(vat_amount=None) | Q(vat_amount__gte=0)),
                name="payment_tax_parts_not_negative",
            ),
            models.CheckConstraint(condition=~Q(status=""), name="payment_status_not_empty"),
            models.CheckConstraint(condition=~Q(imp_uid=""), name="payment_imp_uid_not_empty"),
            models.CheckConstraint(condition=_times_are_possible(), name="payment_times_possible"),
        )

    def __str__(self) -> str:
        return f"{self.merchant_uid} ({format_money(self.amount, self.currency)})"

    @property
    def was_paid(self) -> bool:
        """Return whether the money has reached the shop (an expired virtual account is also "cancelled").

        Of the other words only "paid" says so by itself.
        """
        if self.status == PaymentStatus.PAID:
            return True
        return self.status not in _UNPAID and (self.paid_at is not None or self.cancel_amount > 0)

    @property
    def has_unknown_status(self) -> bool:
        return self.status not in PaymentStatus.values

    @property
    def refundable_amount(self) -> Decimal:
        """Return what can still be refunded, in major units of `currency`; 0 for a payment that was never paid.

        With a promotion it counts before the discount, as i'mport's `amount` and `checksum` of a cancel do.
        """
        if not self.was_paid:
            return Decimal(0)
        return max(Decimal(0), self.amount - self.cancel_amount - self.lapsed_discount)

    @property
    def shown_cancel_amount(self) -> Decimal:
        """Return what i'mport showed refunded when it was last read."""
        return self.cancel_amount - self.taken_back

    @property
    def is_fully_refunded(self) -> bool:
        return self.was_paid and self.refundable_amount <= 0

    @property
    def is_partially_refunded(self) -> bool:
        return self.cancel_amount > 0 and self.refundable_amount > 0
