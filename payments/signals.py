"""Signals of payments for other applications."""

from django.dispatch import Signal

# Sent inside the transaction that holds the lock on the payment's row, each time i'mport was read.
# Arguments: payment (Payment, locked), gateway_payment (GatewayPayment). The refund ledger books its cancels.
payment_read = Signal()
