from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from core.database.time_limits import limit_waiting
from monitoring.database_errors import shorten_errors


class MonitoringConfig(AppConfig):
    name = "monitoring"
    verbose_name = _("Monitoring")

    def ready(self) -> None:
        shorten_errors()
        limit_waiting(self)
        import_module("monitoring.worker")
        import_module("monitoring.static_files")
