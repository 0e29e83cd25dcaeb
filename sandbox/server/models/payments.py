"""Payments and their cancels."""

from __future__ import annotations

from decimal import Decimal

from django.db import models

from sandbox.server.models.fields import amount_field

THREE_DECIMALS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})


class Payment(models.Model):
    """One payment at i'mport."""

    class Status(models.TextChoices):
        """i'mport's states; `cancelled` begins with the first partial cancel, `pending` ends as paid or failed."""

        READY = "ready"
        PENDING = "pending"
        PAID = "paid"
        CANCELLED = "cancelled"
        FAILED = "failed"

    imp_uid = models.CharField(max_length=32, unique=True)
    merchant_uid = models.CharField(max_length=40, db_index=True)
    customer_uid = models.CharField(max_length=80, blank=True)
    customer_uid_usage = models.CharField(max_length=20, blank=True)
    pay_method = models.CharField(max_length=20, default="card")
    channel = models.CharField(max_length=10, default="pc")
    pg_provider = models.CharField(max_length=20, default="html5_inicis")
    emb_pg_provider = models.CharField(max_length=20, blank=True)
    pg_tid = models.CharField(max_length=80, blank=True)
    pg_id = models.CharField(max_length=80, default="INIpayTest")
    sandbox = models.BooleanField(default=False)
    escrow = models.BooleanField(default=False)
    apply_num = models.CharField(max_length=20, blank=True)
    currency = models.CharField(max_length=3, default="KRW")
    amount = amount_field()
    cancel_amount = amount_field(default=Decimal(0))
    tax_free = amount_field(default=Decimal(0))
    vat_amount = models.DecimalField(max_digits=16, decimal_places=3, null=True, blank=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.PAID)
    started_at = models.BigIntegerField(default=0)
    paid_at = models.BigIntegerField(default=0)
    failed_at = models.BigIntegerField(default=0)
    cancelled_at = models.BigIntegerField(default=0)
    status_at = models.BigIntegerField(default=0, db_index=True)
    updated_at = models.BigIntegerField(default=0)
    fail_reason = models.CharField(max_length=200, blank=True)
    cancel_reason = models.CharField(max_length=200, blank=True)
    receipt_url = models.CharField(max_length=200, blank=True)
    name = models.CharField(max_length=100, default="샌드박스 주문")
    buyer_name = models.CharField(max_length=50, default="홍길동")
    buyer_email = models.CharField(max_length=100, default="buyer@example.com")
    buyer_tel = models.CharField(max_length=30, default="010-1234-5678")
    buyer_addr = models.CharField(max_length=200, blank=True)
    buyer_postcode = models.CharField(max_length=10, blank=True)
    custom_data = models.TextField(blank=True)
    user_agent = models.CharField(max_length=200, default="sandbox")
    card_code = models.CharField(max_length=10, blank=True)
    card_name = models.CharField(max_length=40, blank=True)
    card_issuer_code = models.CharField(max_length=10, blank=True)
    card_issuer_name = models.CharField(max_length=40, blank=True)
    card_publisher_code = models.CharField(max_length=10, blank=True)
    card_publisher_name = models.CharField(max_length=40, blank=True)
    card_number = models.CharField(max_length=30, blank=True)
    card_type = models.IntegerField(null=True, blank=True)
    card_quota = models.IntegerField(default=0)
    bank_code = models.CharField(max_length=10, blank=True)
    bank_name = models.CharField(max_length=40, blank=True)
    vbank_code = models.CharField(max_length=10, blank=True)
    vbank_name = models.CharField(max_length=40, blank=True)
    vbank_num = models.CharField(max_length=30, blank=True)
    vbank_holder = models.CharField(max_length=50, blank=True)
    vbank_date = models.BigIntegerField(default=0)
    vbank_issued_at = models.BigIntegerField(default=0)
    cash_receipt_issued = models.BooleanField(default=False)
    promotion = models.JSONField(null=True, blank=True)
    deposit_history = models.JSONField(null=True, blank=True)

    # Only in the sandbox.
    tier = models.CharField(max_length=3, blank=True)  # the sub-merchant; reached with the header Tier
    remitter = models.CharField(max_length=50, blank=True)  # who paid in (daou, extension=true)
    notice_url = models.CharField(max_length=500, blank=True)
    uses_webhook = models.BooleanField(default=True)
    promotion_tiers = models.JSONField(null=True, blank=True)  # [{"minimum", "percent" or "off"}]
    retains_promotion = models.BooleanField(null=True, blank=True)  # the first partial cancel decides
    other_means = models.JSONField(null=True, blank=True)  # paid by points and the PG's discount (PAYCO, Naver Pay)
    product_orders = models.JSONField(null=True, blank=True)  # of a Naver Pay order (naverco)
    vat_went_wrong = models.BooleanField(default=False)  # an earlier cancel spoilt the VAT that is left
    cancelled_at_pg = models.BooleanField(default=False)  # by the PG's own console; i'mport does not know
    escrow_confirmed = models.BooleanField(default=False)
    escrow_logis = models.JSONField(null=True, blank=True)
    foreign_card = models.BooleanField(default=False)
    card_points = models.BooleanField(default=False)
    history_without_ids = models.BooleanField(default=False)
    total_lag = amount_field(default=Decimal(0))  # carried out, but not yet in the total that is shown
    overlay = models.JSONField(default=dict, blank=True)  # shown over the real fields
    stale = models.JSONField(null=True, blank=True)  # an older state, for the next `stale_reads` readings
    stale_reads = models.IntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(cancel_amount__gte=0, cancel_amount__lte=models.F("amount")),
                name="sandbox_cancel_amount_in_range",
            )
        ]

    def __str__(self) -> str:
        return self.imp_uid

    @property
    def unit(self) -> Decimal:
        """The smallest amount of the currency."""
        if self.currency in {"KRW", "JPY", "VND"}:
            return Decimal(1)
        return Decimal("0.001") if self.currency in THREE_DECIMALS else Decimal("0.01")

    @property
    def promotion_discount(self) -> Decimal:
        """The discount of a promotion; `amount` is the order before it."""
        return Decimal(str((self.promotion or {}).get("discount", 0)))

    def touch(self, now: int) -> None:
        """Set the time of the last change and of the status, by which status lists are filtered."""
        times = {"paid": self.paid_at, "failed": self.failed_at, "cancelled": self.cancelled_at}
        self.status_at = times.get(self.status) or self.started_at
        self.updated_at = now


class Cancellation(models.Model):
    """One cancel; a pending one is accepted but not yet in the history."""

    class State(models.TextChoices):
        """A pending cancel ends as done or refused."""

        DONE = "done"
        PENDING = "pending"
        REFUSED = "refused"

    payment = models.ForeignKey(Payment, on_delete=models.CASCADE, related_name="cancellations")
    cancellation_id = models.CharField(max_length=60, db_index=True)
    pg_tid = models.CharField(max_length=80, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.DONE)
    asked = amount_field()  # as requested, before the discount
    amount = amount_field()  # what was cancelled in money
    tax_free = amount_field(default=Decimal(0))
    vat_amount = amount_field(default=Decimal(0))
    reason = models.CharField(max_length=500, blank=True)
    cancelled_at = models.BigIntegerField(default=0)
    settle_at = models.BigIntegerField(null=True, blank=True)
    receipt_url = models.CharField(max_length=200, blank=True)
    returned = amount_field(default=Decimal(0))  # taken back, although the item still shows it
    hidden = models.BooleanField(default=False)
    id_hidden = models.BooleanField(default=False)
    tid_hidden = models.BooleanField(default=False)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.cancellation_id
