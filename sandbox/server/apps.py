"""App configuration of the sandbox server (installed only by sandbox.settings)."""

from __future__ import annotations

from django.apps import AppConfig


class SandboxServerConfig(AppConfig):
    """The app with the models of the simulated API."""

    name = "sandbox.server"
    label = "sandbox_server"
    default_auto_field = "django.db.models.BigAutoField"
