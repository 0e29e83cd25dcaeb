"""The part of the sandbox that the main project installs: one management command, no models."""

from __future__ import annotations

from django.apps import AppConfig


class SandboxConfig(AppConfig):
    """Provide `manage.py sandbox`."""

    name = "sandbox"
