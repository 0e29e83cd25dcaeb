"""Signals of the refund ledger."""

from django.dispatch import Signal

# Sent inside the transaction that ends a refund record, once per record, when it has succeeded or failed.
# Argument: record (RefundRecord). Its payment's `cancel_amount` may still be about to change in that transaction.
# Only a database error of a receiver ends the transaction; any other is logged.
refund_settled = Signal()

# Sent inside the transaction in which a refund begins to wait for its PG, with the same rules.
# Argument: record (RefundRecord).
refund_accepted = Signal()

# Sent inside the transaction that notes that a buyer has not received the money, with the same rules.
# Argument: record (RefundRecord).
refund_missed = Signal()

# Sent inside the transaction that books a reversal, once per reversal, with the same rules.
# Argument: reversal (RefundReversal).
refund_reversed = Signal()

# Sent inside the transaction that makes or ends a request for approval, with the same rules: its status tells which.
# Argument: approval (RefundApproval).
approval_changed = Signal()
