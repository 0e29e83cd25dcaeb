"""The system check of the database's encoding."""

import copy

import psycopg2
import pytest
from django.db import connection
from django.db.utils import ConnectionHandler

from payments import checks

pytestmark = pytest.mark.django_db


def codes(*databases: str) -> list[str | None]:
    return [found.id for found in checks.databases_are_unicode(databases=databases)]


def test_a_database_in_utf8_passes() -> None:
    assert codes("default") == []
    assert codes() == []


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "EUC_KR"])
def test_a_database_in_another_encoding_is_reported(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite is always in UTF-8")
    server = psycopg2.connect(**{**connection.get_connection_params(), "dbname": "postgres"})
    server.autocommit = True
    name = f"other_{connection.settings_dict['NAME']}"[:60]
    with server.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
        try:
            others = ConnectionHandler({"default": {**copy.deepcopy(connection.settings_dict), "NAME": name}})
            monkeypatch.setattr(checks, "connections", others)
            assert codes("default") == ["payments.E001"]
            others["default"].close()
        finally:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
            server.close()
