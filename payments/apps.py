from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PaymentsConfig(AppConfig):
    name = "payments"
    verbose_name = _("Payments")

    def ready(self) -> None:
        import_module("payments.readiness")  # says whether i'mport's keys are there
        import_module("payments.metrics")
        import_module("payments.checks")
