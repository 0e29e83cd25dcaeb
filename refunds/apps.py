from importlib import import_module

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class RefundsConfig(AppConfig):
    name = "refunds"
    verbose_name = _("Refunds")

    def ready(self) -> None:
        import_module("refunds.checks")
        import_module("refunds.metrics")
        import_module("refunds.retention")
        import_module("refunds.receivers")  # connects the ledger to what payments read from i'mport
        groups = import_module("refunds.groups")
        post_migrate.connect(groups.make_groups_once, dispatch_uid="refunds.groups")
