"""People of the demo: accounts that can sign in, and buyers named on the orders."""

from dataclasses import dataclass
from typing import NamedTuple

_STAFF = (
    "payments.view_payment",
    "refunds.view_refundrecord",
    "refunds.view_reconciliationreport",
    "refunds.refund_payment",
    "refunds.resolve_refund",
    "refunds.accept_reversal",
    "refunds.close_month",
    "refunds.manage_notices",
    "refunds.view_account",
    "refunds.add_note",
    "refunds.view_refundreason",
)
STAFF_GROUP, APPROVERS_GROUP = "환불팀", "환불 승인자"
# The groups of staff, and what they may do.
GROUPS = {STAFF_GROUP: _STAFF, APPROVERS_GROUP: (*_STAFF, "refunds.approve_refund")}


@dataclass(frozen=True, slots=True)
class Account:
    """An account with a public password."""

    username: str
    password: str
    full_name: str  # family name first
    group: str = ""  # of staff
    is_superuser: bool = False

    @property
    def is_staff(self) -> bool:
        return bool(self.group)


ACCOUNTS = (
    Account("buyer", "buyer-demo", "김하늘"),
    Account("staff", "staff-demo", "이서준", STAFF_GROUP),
    Account("approver", "approver-demo", "최유진", APPROVERS_GROUP),
    Account("admin", "admin-demo", "박지민", STAFF_GROUP, is_superuser=True),
)
BUYER, STAFF = ACCOUNTS[:2]


class Person(NamedTuple):
    name: str
    email: str
    tel: str


HANEUL = Person("김하늘", "haneul@example.com", "010-2345-1001")
DOYUN = Person("이도윤", "doyun@example.com", "010-2345-1002")
SEOYEON = Person("박서연", "seoyeon@example.com", "010-2345-1003")
MINJUN = Person("최민준", "minjun@example.com", "010-2345-1004")
JIWOO = Person("정지우", "jiwoo@example.com", "010-2345-1005")
YUNA = Person("한유나", "yuna@example.com", "010-2345-1006")
EMILY = Person("Emily Carter", "emily@example.com", "+1-415-555-0132")
