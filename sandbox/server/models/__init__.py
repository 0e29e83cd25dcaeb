"""The tables of the simulated i'mport. Times are UNIX seconds (0 = never), as in its API."""

from sandbox.server.models.payments import Cancellation, Payment
from sandbox.server.models.shop import AccessToken, Account, Customer, Preparation, Receipt, Schedule
from sandbox.server.models.switches import CallLog, Config, FaultRule, Quirk, WebhookDelivery

__all__ = [
    "AccessToken",
    "Account",
    "CallLog",
    "Cancellation",
    "Config",
    "Customer",
    "FaultRule",
    "Payment",
    "Preparation",
    "Quirk",
    "Receipt",
    "Schedule",
    "WebhookDelivery",
]
