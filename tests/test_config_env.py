"""Environment readers: valid values get their type, errors name the variable and the correction."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import RequestFactory
from pytest_django import Settings

from config import env
from config.contracts import known_contracts
from config.mail import mail
from config.unfold import environment

Reader = Callable[[], Any]


def _database() -> dict[str, Any]:
    return env.database("NAME", "sqlite:///db.sqlite3", Path("/project"))


@pytest.mark.parametrize(
    ("value", "reader", "expected"),
    [
        ("true", lambda: env.flag("NAME", default=False), True),
        ("0", lambda: env.flag("NAME", default=True), False),
        ("2.5", lambda: env.positive_seconds("NAME", 1), 2.5),
        ("300", lambda: env.amount("NAME", Decimal(0)), Decimal(300)),
        ("0", lambda: env.count("NAME", 5), 0),
        (" a , b,", lambda: env.names("NAME"), ["a", "b"]),
        ("http://127.0.0.1:8001/", lambda: env.http_url("NAME", ""), "http://127.0.0.1:8001"),
        ("en", lambda: env.choice("NAME", "ko", {"ko", "en"}), "en"),
        ("600/min", lambda: env.rate("NAME", "1/s"), "600/min"),
        ("", lambda: env.rate("NAME", "5/s"), "5/s"),
        ("0", lambda: env.rate("NAME", "1/s"), None),
    ],
)
def test_value_gets_its_type(monkeypatch: pytest.MonkeyPatch, value: str, reader: Reader, expected: object) -> None:
    monkeypatch.setenv("NAME", value)

    assert reader() == expected


@pytest.mark.parametrize(
    ("value", "reader"),
    [
        ("ture", lambda: env.flag("NAME", default=False)),
        ("abc", lambda: env.positive_seconds("NAME", 1)),
        ("0", lambda: env.positive_seconds("NAME", 1)),
        ("-3", lambda: env.positive_seconds("NAME", 1)),
        ("nan", lambda: env.positive_seconds("NAME", 1)),
        ("inf", lambda: env.positive_seconds("NAME", 1)),
        ("-1", lambda: env.count("NAME", 1)),
        ("1.5", lambda: env.count("NAME", 1)),
        ("-300", lambda: env.amount("NAME", Decimal(0))),
        ("NaN", lambda: env.amount("NAME", Decimal(0))),
        ("ftp://api.iamport.kr", lambda: env.http_url("NAME", "")),
        ("api.iamport.kr", lambda: env.http_url("NAME", "")),
        ("http://host:port", lambda: env.http_url("NAME", "")),
        ("jp", lambda: env.choice("NAME", "ko", {"ko", "en"})),
        *((value, lambda: env.rate("NAME", "1/s")) for value in ("600", "600/minute", "0/min", "-1/s", "1.5/s")),
        ("mysql://user:hunter2@host/shop", _database),
        ("postgres://user:hunter2@host:port/shop", _database),
        ("postgres://user:hunter2@host", _database),
        ("", lambda: env.required_text("NAME", "set it")),
        (" ", lambda: env.required_names("NAME", "set it")),
    ],
)
def test_wrong_value_is_one_line_that_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, value: str, reader: Reader
) -> None:
    monkeypatch.setenv("NAME", value)

    with pytest.raises(ImproperlyConfigured, match=r"^NAME[^\n]+$") as caught:
        reader()

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "sender"),
    [
        ("mail.shop.example", "a@shop.example"),
        ("smtps://kim:hunter2@mail.shop.example", "a@shop.example"),
        ("smtp://kim:hunter2@mail.shop.example:port", "a@shop.example"),
        ("submission://", "a@shop.example"),
        ("smtp://kim:hunter2@mail.shop.example", ""),
    ],
)
def test_mail_without_server_or_sender_is_refused_in_one_line(url: str, sender: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^EMAIL_(URL|FROM)[^\n]+$") as caught:
        mail("EMAIL_URL", url, sender=sender)

    assert "hunter2" not in str(caught.value)


def test_mail_server_is_encrypted_and_not_waited_for_without_end() -> None:
    found = mail("EMAIL_URL", "submission://kim:p%40ss@mail.shop.example", sender="a@shop.example")

    assert (found["EMAIL_HOST_PASSWORD"], found["EMAIL_PORT"], found["EMAIL_USE_TLS"]) == ("p@ss", 587, True)
    assert (found["EMAIL_TIMEOUT"], found["DEFAULT_FROM_EMAIL"]) == (10, "a@shop.example")
    assert "dummy" in mail("EMAIL_URL", "", sender="")["EMAIL_BACKEND"]


def test_empty_value_means_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAME", "")

    assert env.positive_seconds("NAME", 5) == 5


def test_sqlite_file_is_relative_to_the_project_and_takes_the_write_lock_at_begin(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NAME", raising=False)

    database = _database()

    assert database["NAME"] == "/project/db.sqlite3"
    assert database["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "synchronous=FULL" in database["OPTIONS"]["init_command"]


def test_postgres_connections_are_kept_and_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAME", "postgres://user:p%40ss@host:5433/shop")

    database = _database()

    assert (database["PASSWORD"], database["PORT"], database["NAME"]) == ("p@ss", 5433, "shop")
    assert (database["CONN_MAX_AGE"], database["CONN_HEALTH_CHECKS"]) == (60, True)


def test_postgres_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAME", "postgres://user@host/shop")

    database = _database()

    assert (database["OPTIONS"]["connect_timeout"], database["OPTIONS"]["tcp_user_timeout"]) == (5, 10_000)
    assert database["LIMITS"] == {"statement_timeout": 15_000, "lock_timeout": 10_000}


def test_limits_of_postgres_can_be_given_in_the_url(monkeypatch: pytest.MonkeyPatch) -> None:
    query = "statement_timeout=60000&connect_timeout=9&sslmode=require&disable_server_side_cursors=true"
    monkeypatch.setenv("NAME", f"postgres://user@host/shop?{query}")

    database = _database()

    assert (database["OPTIONS"]["connect_timeout"], database["OPTIONS"]["sslmode"]) == (9, "require")
    assert database["LIMITS"] == {"statement_timeout": 60_000, "lock_timeout": 10_000}
    assert database["DISABLE_SERVER_SIDE_CURSORS"]
    assert not {"statement_timeout", "disable_server_side_cursors"} & set(database["OPTIONS"])


@pytest.mark.parametrize("query", ["statement_timeout=15s", "lock_timeout=1.5", "connect_timeout=soon"])
def test_a_malformed_limit_of_postgres_is_one_line(monkeypatch: pytest.MonkeyPatch, query: str) -> None:
    monkeypatch.setenv("NAME", f"postgres://user@host/shop?{query}")
    with pytest.raises(ImproperlyConfigured, match="whole numbers"):
        _database()


def test_real_environment_wins_over_dotenv(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("FROM_BOTH=file\nFROM_FILE=file\n")
    monkeypatch.setenv("DJANGO_READ_DOTENV", "1")
    monkeypatch.setenv("FROM_BOTH", "environment")
    # Registered first, so that the file's variables are removed afterwards.
    monkeypatch.setenv("FROM_FILE", "")
    monkeypatch.delenv("FROM_FILE")

    env.read_dotenv(tmp_path / ".env")

    assert env.text("FROM_BOTH", "") == "environment"
    assert env.text("FROM_FILE", "") == "file"


def test_dotenv_with_a_byte_order_mark_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# 환불\r\nFROM_FILE=값\r\n", encoding="utf-8-sig")
    monkeypatch.setenv("DJANGO_READ_DOTENV", "1")
    monkeypatch.setenv("FROM_FILE", "")
    monkeypatch.delenv("FROM_FILE")

    env.read_dotenv(tmp_path / ".env")

    assert env.text("FROM_FILE", "") == "값"


@pytest.mark.parametrize("encoding", ["cp949", "utf-16", "utf-16-le", "utf-16-be", "johab"])
def test_dotenv_in_another_encoding_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, encoding: str) -> None:
    (tmp_path / ".env").write_text("# settings\n# 환불 설정\nFROM_FILE=file\n", encoding=encoding)
    monkeypatch.setenv("DJANGO_READ_DOTENV", "1")

    with pytest.raises(ImproperlyConfigured, match=r"\.env is not UTF-8 \(line [12]\): save it") as error:
        env.read_dotenv(tmp_path / ".env")
    assert "\n" not in str(error.value)


def test_dotenv_that_cannot_be_read_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DJANGO_READ_DOTENV", "1")
    monkeypatch.setattr(Path, "read_bytes", Mock(side_effect=PermissionError(13, "Permission denied")))
    (tmp_path / ".env").touch()

    with pytest.raises(ImproperlyConfigured, match=r"\.env cannot be read: Permission denied"):
        env.read_dotenv(tmp_path / ".env")


def test_contract_for_one_pg_is_known() -> None:
    names = {"vbank_refund:danal_tpay", "kcp_phone_partial", "mixed_tax:kcp"}

    assert known_contracts(names) == names


@pytest.mark.parametrize("name", ["kcp_phone", "vbank_refund:", "kcp_phone_partial:kcp", "mixed_tax", "mixed_tax:"])
def test_unknown_contract_is_rejected(name: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=name):
        known_contracts({name})


@pytest.mark.parametrize(
    ("api_url", "badge"),
    [("https://api.iamport.kr", None), ("http://127.0.0.1:8001", ["sandbox", "warning"])],
)
def test_admin_shows_a_badge_unless_money_is_real(
    settings: Settings, rf: RequestFactory, api_url: str, badge: list[str] | None
) -> None:
    settings.IAMPORT_API_URL = api_url

    assert environment(rf.get("/admin/")) == badge
