from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RefundsConfig(AppConfig):
    name = "refunds"
    verbose_name = _("Refunds")

    def ready(self) -> None:
        import_module("refunds.checks")
        import_module("refunds.metrics")
        import_module("refunds.receivers")  # connects the ledger to what payments read from i'mport
