"""Expired data of refunds."""

from core.retention import register_job
from refunds.batches.expiry import drop_typed_rows
from refunds.notices.retention import drop_old_texts
from refunds.services.bank_accounts import drop_old_accounts
from refunds.services.idempotency import forget_old_keys

register_job("refund_accounts", drop_old_accounts)
register_job("idempotency_keys", forget_old_keys)
register_job("batch_rows", drop_typed_rows)
register_job("notice_texts", drop_old_texts)
