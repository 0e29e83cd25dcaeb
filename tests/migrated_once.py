"""Migrate one test database per run and copy it for the other workers: migrating takes as long as hundreds of tests."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.db import connection
from django.db.backends.base.creation import BaseDatabaseCreation
from filelock import FileLock

NAME = "migrated"  # on PostgreSQL: of a database of the run's own server


def sharing_migrations(create: Callable[..., str], folder: Path) -> Callable[..., str]:
    """Wrap `create_test_db`: the first to come keeps a copy of its database for the others. All share `folder`."""
    migrated = folder / NAME

    def create_or_copy(creation: BaseDatabaseCreation, *args: Any, **options: Any) -> str:
        with FileLock(migrated.with_suffix(".lock")):
            if migrated.exists():
                return create(creation, *args, **options | _from_copy(migrated))
            name = create(creation, *args, **options)
            _keep_copy(migrated)
            return name

    return create_or_copy


def _keep_copy(migrated: Path) -> None:
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM INTO %s", [str(migrated)])
        return
    connection.close()  # a template has no other sessions
    with connection._nodb_cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {NAME} TEMPLATE {connection.settings_dict['NAME']}")
    migrated.touch()


def _from_copy(migrated: Path) -> dict[str, Any]:
    """Provide the copy, and return the options of `create_test_db` that use it."""
    if connection.vendor == "sqlite":
        shutil.copy(migrated, connection.settings_dict["TEST"]["NAME"])
        return {"keepdb": True}
    connection.settings_dict["TEST"]["TEMPLATE"] = NAME
    return {}
