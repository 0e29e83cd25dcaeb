from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class WebhooksConfig(AppConfig):
    name = "webhooks"
    verbose_name = _("Webhooks")

    def ready(self) -> None:
        import_module("webhooks.metrics")
        import_module("webhooks.receivers")  # stores what the refund ledger announces
        import_module("webhooks.retention")
