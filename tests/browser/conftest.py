"""Fixtures of the browser tests."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command
from pytest_django import Settings

from monitoring.worker import note_worker
from tests.sandbox_server import SandboxServer


@pytest.fixture
def demo(sandbox: SandboxServer, settings: Settings, transactional_db: None) -> SandboxServer:
    """Fill the shop and the sandbox with the accounts and orders of `manage.py demo`; a worker has been seen."""
    settings.DEBUG = True
    call_command("demo", stdout=StringIO())
    settings.DEBUG = False
    note_worker()
    return sandbox
