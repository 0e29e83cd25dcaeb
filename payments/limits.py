"""Limit i'mport's values, where they are read, to what the columns of a payment and of its cancels hold.

A longer text is cut. An order or payment number must be exact, so a longer one makes the payment unreadable.
"""

from datetime import UTC, datetime

IMP_UID = 32
MERCHANT_UID = 40
STATUS = 32
URL = 500
CANCELLATION_ID = 160

TEXTS = {
    "pay_method": 32,
    "pg_provider": 32,
    "emb_pg_provider": 32,
    "pg_id": 80,
    "pg_tid": 100,
    "promotion_id": 100,
    "name": 255,
    "buyer_name": 100,
    "buyer_email": 254,
    "buyer_tel": 40,
    "fail_reason": 500,
    "cancel_reason": 500,
    "vbank_code": 10,
    "vbank_name": 50,
    "vbank_num": 50,
    "vbank_holder": 100,
    "bank_code": 10,
    "bank_name": 50,
    "card_code": 10,
    "card_name": 50,
    "card_number": 40,
}
CANCEL_REASON = 255

# A later time is taken for none: in Korea the year 9999 ends beyond what Python can show.
TIMES_BEFORE = datetime(2100, 1, 1, tzinfo=UTC)
