"""The part of the sandbox the main project installs: one management command, no models."""

from __future__ import annotations

from django.apps import AppConfig


class SandboxConfig(AppConfig):
    """Makes `manage.py sandbox` available."""

    name = "sandbox"
