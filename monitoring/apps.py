from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from monitoring.collectors import register_own_collectors
from monitoring.database_errors import shorten_errors
from monitoring.readiness import register_own_checks


class MonitoringConfig(AppConfig):
    name = "monitoring"
    verbose_name = _("Monitoring")

    def ready(self) -> None:
        shorten_errors()
        register_own_checks()
        register_own_collectors()
        import_module("monitoring.worker")  # needs the models
