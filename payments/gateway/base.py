"""The gateway protocol and its values: all that the rest of the project knows of a payment gateway."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal, Protocol

from core.money import KRW

Requester = Literal["customer", "admin"]
StatusFilter = Literal["all", "ready", "paid", "cancelled", "failed"]

# Why a cancel was refused, as far as its text tells. "other": no known text.
RefusalClass = Literal[
    "already_cancelled",
    "already_running",
    "settlement_short",
    "shop_limit",
    "period_over",
    "not_in_part",
    "buyer_confirmed",
    "account_wrong",
    "use_plain_cancel",
    "receipt_first",
    "not_allowed",
    "pg_down",
    "other",
]
# What staff do after a refused cancel; `refunds.messages` has a sentence for each.
NextStep = Literal[
    "compare",
    "wait",
    "ask_pg",
    "ask_pg_contract",
    "wait_for_sales",
    "pay_in",
    "tomorrow",
    "next_month",
    "later",
    "in_10_minutes",
    "outside",
    "outside_agreed",
    "in_full",
    "larger_part",
    "rest_in_part",
    "real_balance",
    "tax_parts",
    "other_account",
    "own_account",
    "check_bank",
    "without_account",
    "receipt_later",
    "escrow_service",
    "wait_for_buyer",
    "check_number",
    "test_payment",
    "read_message",
]


@dataclass(frozen=True, slots=True)
class Cancellation:
    """One item of `cancel_history`: one executed cancel. `amount` in major units of the currency."""

    amount: Decimal
    cancelled_at: datetime | None
    cancellation_id: str = ""  # older payments lack it
    pg_tid: str = ""
    reason: str = ""
    receipt_url: str = ""


@dataclass(frozen=True, slots=True)
class GatewayPayment:
    """A payment as i'mport shows it. Amounts in major units of `currency`; times are aware, None = never.

    `status` is i'mport's word, whatever it is, and already "cancelled" after a partial cancel: go by the amounts.
    `read_at` is when the call was sent: what i'mport does later, this reading cannot show.
    """

    imp_uid: str
    merchant_uid: str
    status: str
    amount: Decimal
    cancel_amount: Decimal
    currency: str = KRW
    cancel_history: tuple[Cancellation, ...] = ()
    pay_method: str = ""
    pg_provider: str = ""
    emb_pg_provider: str = ""
    pg_tid: str = ""
    pg_id: str = ""
    escrow: bool = False
    paid_at: datetime | None = None
    cancelled_at: datetime | None = None
    failed_at: datetime | None = None
    fail_reason: str = ""
    cancel_reason: str = ""
    receipt_url: str = ""
    name: str = ""
    buyer_name: str = ""
    buyer_email: str = ""
    buyer_tel: str = ""
    vbank_code: str = ""
    vbank_name: str = ""
    vbank_num: str = ""
    vbank_holder: str = ""
    vbank_date: datetime | None = None
    bank_code: str = ""
    bank_name: str = ""
    card_code: str = ""
    card_name: str = ""
    card_number: str = ""
    card_type: int | None = None  # 0 credit, 1 debit
    cash_receipt_issued: bool = False
    sandbox: bool = False  # paid through a test channel: not real money
    has_promotion: bool = False
    promotion_id: str = ""
    promotion_discount: Decimal = Decimal(0)  # 0 also where i'mport does not say how much
    read_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """One cancel request. `amount` is always explicit and above 0; `checksum` is the refundable amount that we know.

    `refund_bank` is already in the form that the PG wants; `refund_account` and `refund_tel` are digits only.
    """

    imp_uid: str
    amount: Decimal
    checksum: Decimal
    reason: str
    refund_holder: str = ""
    refund_bank: str = ""
    refund_account: str = ""
    refund_tel: str = ""
    tax_free: Decimal | None = None
    vat_amount: Decimal | None = None
    requester: Requester | None = None  # naverpay only
    retain_promotion: bool | None = None  # payments with a promotion only

    def __repr__(self) -> str:  # account numbers must not reach a log or a traceback
        return f"CancelRequest({self.imp_uid}, amount={self.amount}, checksum={self.checksum})"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Classify a refused cancel by its text. A hint: only reading the payment tells whether money moved."""

    kind: RefusalClass
    next_step: NextStep


@dataclass(frozen=True, slots=True)
class Balance:
    """What is left tax-free of a PAYCO payment (`GET /payments/{imp_uid}/balance`).

    `tax_free` is what the buyer paid, by any means. How the tax-free part of the PG's own discount counts is not
    documented.
    """

    tax_free: Decimal
    discounted_tax_free: Decimal = Decimal(0)


class Gateway(Protocol):
    """Every method raises a `GatewayError` subclass and nothing else."""

    @property
    def longest_cancel(self) -> float:
        """Return the seconds that a cancel can take, with a new token before it and a reading after a refusal."""

    def cancel(self, request: CancelRequest) -> GatewayPayment:
        """Send one cancel once, and never repeat it. Return the payment as i'mport shows it afterwards."""

    def payment(self, imp_uid: str) -> GatewayPayment:
        """Read one payment. Raises `PaymentUnknown` if there is none."""

    def payments(self, imp_uids: Sequence[str]) -> list[GatewayPayment]:
        """Read many payments, a hundred per call. Leave out those that i'mport does not know, or not show readably."""

    def payments_between(
        self, start: datetime, end: datetime, *, status: StatusFilter = "all"
    ) -> Iterator["PaymentPage"]:
        """Read every payment whose final status was set in [start, end], page by page, oldest window first."""

    def payments_of_order(self, merchant_uid: str) -> list[GatewayPayment]:
        """Read every payment of an order, newest first; none if i'mport does not know the order."""

    def balance(self, imp_uid: str) -> Balance:
        """Read what is left tax-free of a payment. PAYCO only: at other PGs the call fails."""

    def account_holder(self, *, bank_code: str, account: str) -> str:
        """Return the name of the account's holder. Raises `GatewayRejected` if the bank does not know the account."""


@dataclass(frozen=True, slots=True)
class PaymentPage:
    """One page of a listing. `total` counts the payments of the current 90-day window.

    `unreadable` names the payments of the page that could not be read.
    """

    payments: tuple[GatewayPayment, ...]
    window_start: datetime
    total: int
    unreadable: tuple[str, ...] = ()
