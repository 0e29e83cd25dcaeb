"""The states of a refund and its entry points."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class RefundStatus(models.TextChoices):
    """The states of a refund. Every page, export and command takes their names from here."""

    REQUESTED = "requested", _("Refund in progress")
    PENDING = "pending", _("Waiting for the PG")
    UNKNOWN = "unknown", _("Outcome unknown")
    SUCCEEDED = "succeeded", _("Refunded")
    FAILED = "failed", _("Refund failed")


LIVE_STATUSES = (RefundStatus.REQUESTED, RefundStatus.PENDING, RefundStatus.UNKNOWN)
FINAL_STATUSES = (RefundStatus.SUCCEEDED, RefundStatus.FAILED)


class RefundSource(models.TextChoices):
    """Entry point of a refund. CONSOLE: cancelled at i'mport by others and found there by us."""

    ADMIN = "admin", _("Admin")
    API = "api", _("Storefront")
    COMMAND = "command", _("Command line")
    CONSOLE = "console", _("i'mport console")
