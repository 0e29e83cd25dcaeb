from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from monitoring.collectors import register_own_collectors
from monitoring.readiness import register_own_checks


class MonitoringConfig(AppConfig):
    name = "monitoring"
    verbose_name = _("Monitoring")

    def ready(self) -> None:
        register_own_checks()
        register_own_collectors()
