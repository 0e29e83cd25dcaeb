"""Fixtures of all tests: a database server, the sandbox i'mport, real processes, a browser."""

from __future__ import annotations

import gc
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management.commands import flush
from django.db import connection
from django.db.backends.base.operations import BaseDatabaseOperations
from django.db.models import DateTimeField, Value
from django.utils import timezone, translation
from playwright.sync_api import Browser, Page, expect, sync_playwright
from pytest_django import DjangoDbBlocker, Settings

from config.celery import app
from refunds.models import RefundReason
from tests.migrated_once import sharing_migrations
from tests.postgres import running_server
from tests.sandbox_server import SandboxServer

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Playwright's own list, which this one replaces, and the address bar's popups: each window would load them for half a
# second of processor time.
UNUSED_FEATURES = (
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable",
    "LensOverlay",
    "MediaRouter",
    "PaintHolding",
    "ThirdPartyStoragePartitioning",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "OptimizationHints",
    "NetworkTimeServiceQuerying",
    "AimEnabled",
    "PreconnectToSearch",
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
)
BROWSER_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    f"--disable-features={','.join(UNUSED_FEATURES)}",
]
BROWSER_TIMEOUT_MS = 30_000  # a busy machine is slow
# `make test` runs these on PostgreSQL too, and beside them only what is marked `postgres`. Their subjects depend on the
# database: SQL of lists and sums, constraints, triggers, locks, transactions, killed processes. All others, whose
# subjects are pages, texts, forms, parsing, permissions, configuration and i'mport, run on SQLite only.
BOTH_DATABASES = (
    "tests/access/test_attempts",
    "tests/access/test_limits.py::test_duplicate_request",
    "tests/access/test_limits.py::test_parallel",
    "tests/access/test_two_factor.py::test_one_code_used_in_parallel",
    "tests/core/test_outage.py::test_commands_begin",
    "tests/core/test_outage.py::test_the_api",
    "tests/core/test_reencrypt",
    "tests/core/test_time_limits",
    "tests/payments/intake/test_catch_up.py::test_a_flood",
    "tests/payments/intake/test_inbox",
    "tests/payments/intake/test_sync",
    "tests/payments/intake/test_webhook.py::test_database_gone",
    "tests/payments/intake/test_webhook.py::test_flood",
    "tests/payments/intake/test_webhook.py::test_junk",
    "tests/payments/test_checks",
    "tests/payments/test_search",
    "tests/proof/test_attacks",
    "tests/proof/test_costs",
    "tests/proof/test_junk",
    "tests/proof/test_kill",
    "tests/proof/test_one_key",
    "tests/proof/test_processes",
    "tests/proof/test_regressions",
    "tests/proof/test_restore",
    "tests/refunds/admin/test_bulk_refund.py::test_two_presses",
    "tests/refunds/admin/test_dashboard",
    "tests/refunds/admin/test_drift_repair.py::test_two_presses",
    "tests/refunds/admin/test_export",
    "tests/refunds/admin/test_lists",
    "tests/refunds/admin/test_overview.py::test_each_bar",
    "tests/refunds/admin/test_overview.py::test_every_number",
    "tests/refunds/api/test_lists",
    "tests/refunds/approvals/test_two_persons",
    "tests/refunds/batches/test_concurrency",
    "tests/refunds/batches/test_expiry",
    "tests/refunds/batches/test_find_rows",
    "tests/refunds/batches/test_report",
    "tests/refunds/batches/test_run.py",
    "tests/refunds/batches/test_start",
    "tests/refunds/notices/test_notices",
    "tests/refunds/reconciliation/test_later",
    "tests/refunds/reconciliation/test_reconcile",
    "tests/refunds/services/test_approval",
    "tests/refunds/services/test_busy",
    "tests/refunds/services/test_idempotency",
    "tests/refunds/services/test_refund",
    "tests/refunds/statements/test_closing",
    "tests/refunds/statements/test_months",
    "tests/refunds/test_constraints",
    "tests/refunds/test_races",
    "tests/refunds/test_retention",
    "tests/refunds/test_storefront.py::test_the_number_of_queries",
    "tests/test_schema",
    "tests/webhooks/test_delivery",
)
# Each takes as long as hundreds of other tests, so they start first; neighbours in this list run side by side.
LONG = (
    "tests/browser/test_every_page",
    "tests/proof/test_contract",
    "tests/proof/test_roles",
    "tests/browser/test_staff_day",
    "tests/test_deploy",
    "tests/proof/test_batch_kills",
    "tests/proof/test_database_gone",
    "tests/proof/test_no_account_leaks",
    "tests/proof/test_untidy_model",
    "tests/proof/test_model",
    "tests/proof/test_junk",
    "tests/proof/test_fault_matrix",
    "tests/browser/test_storefront",
    "tests/webhooks/test_processes",
    "tests/proof/test_kill",
)

_at_exit = ExitStack()


def _is_postgres() -> bool:
    return "postgresql" in django_settings.DATABASES["default"]["ENGINE"]


def pytest_configure(config: pytest.Config) -> None:
    """Start PostgreSQL in the controller unless TEST_DATABASE_URL names one; xdist's workers inherit its address."""
    is_worker = hasattr(config, "workerinput")
    database_url = os.environ["DATABASE_URL"]
    if is_worker or config.option.collectonly or not database_url.endswith("@/postgres"):
        return
    server = _at_exit.enter_context(running_server())
    # The database URL has no host and port, so that libpq uses these.
    os.environ.update(PGHOST="127.0.0.1", PGPORT=str(server.port))


def pytest_xdist_auto_num_workers() -> int:
    """Return two workers per processor: tests often wait for a server or a browser."""
    return 2 * (os.cpu_count() or 1)


def pytest_unconfigure() -> None:
    _at_exit.close()


def pytest_report_header() -> str:
    return f"database: {'PostgreSQL' if _is_postgres() else 'SQLite'}"


def _is_for_sqlite_only(item: pytest.Item) -> bool:
    return not (item.nodeid.startswith(BOTH_DATABASES) or item.get_closest_marker("postgres"))


def _with_long_tests_first(items: list[pytest.Item]) -> list[pytest.Item]:
    """Begin each worker's part with its share of the long tests: worksteal splits the list into equal parts."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    rest = [item for item in items if not item.nodeid.startswith(LONG)]
    ordered: list[pytest.Item] = []
    for worker in range(workers):
        share = [item for name in LONG[worker::workers] for item in items if item.nodeid.startswith(name)]
        size = (len(items) - len(ordered)) // (workers - worker)
        filling = max(0, size - len(share))
        ordered += share + rest[:filling]
        del rest[:filling]
    return ordered + rest


def pytest_collection_finish() -> None:
    """Spare the garbage collector what lives until the end: thousands of tests, and all modules."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if _is_postgres():
        config.hook.pytest_deselected(items=[item for item in items if _is_for_sqlite_only(item)])
        items[:] = [item for item in items if not _is_for_sqlite_only(item)]
    items[:] = _with_long_tests_first(items)
    if _is_postgres():
        return
    skip = pytest.mark.skip(reason="needs PostgreSQL: TEST_DATABASE=postgres")
    for item in items:
        if item.get_closest_marker("postgres"):
            item.add_marker(skip)


# --- The test database --------------------------------------------------------------------------------------

# Tables that `migrate` fills and no test changes: filling them again takes longer than most tests.
KEPT_TABLES = {"auth_permission", "django_content_type"}


def _delete_rows(ops: BaseDatabaseOperations, _style: object, tables: list[str], **_options: object) -> list[str]:
    """Return the statements that empty the database after a test: for few rows DELETE is faster than TRUNCATE."""
    # History can be deleted once there are no payments, an approval after its payment or bulk refund.
    order = {"payments_payment": 0, "refunds_refundapproval": 2}
    ordered = sorted(tables, key=lambda name: order.get(name, 1))
    return [f"DELETE FROM {ops.quote_name(name)}" for name in ordered if name not in KEPT_TABLES]  # noqa: S608


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Migrate one database for all workers, unless the server is somebody's own and would keep a copy."""
    with pytest.MonkeyPatch.context() as patch:
        if "PYTEST_XDIST_WORKER" in os.environ and "TEST_DATABASE_URL" not in os.environ:
            creation = type(connection.creation)
            shared = tmp_path_factory.getbasetemp().parent
            patch.setattr(creation, "create_test_db", sharing_migrations(creation.create_test_db, shared))
        yield


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Create the test database; drop it at the end even if a browser or a killed process left a session open."""
    with django_db_blocker.unblock():
        reasons = list(RefundReason.objects.all())  # the usual ones, of a migration
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(connection.ops), "sql_flush", _delete_rows)
        # The last step of a flush: create again what a migration created.
        patch.setattr(flush, "emit_post_migrate_signal", lambda *_: RefundReason.objects.bulk_create(reasons))
        yield
    if _is_postgres():
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            others = "datname = current_database() AND pid <> pg_backend_pid()"
            cursor.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")  # noqa: S608


# --- No network ---------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def own_language() -> Iterator[None]:
    """Reset the thread's language, which a request leaves active, before each test."""
    yield
    translation.deactivate()


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Allow connections to this machine only: a test that reached i'mport could move money."""
    connect = socket.socket.connect

    def connect_locally(sock: socket.socket, address: Any) -> None:
        host = address[0] if isinstance(address, tuple) else "localhost"
        if host not in {"localhost", "127.0.0.1", "::1"}:
            raise AssertionError(f"a test tried to reach {host}")
        connect(sock, address)

    monkeypatch.setattr(socket.socket, "connect", connect_locally)


# --- Background tasks ---------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def no_messages_left() -> Iterator[None]:
    """No test's messages wait for the worker of another one."""
    yield
    for message in (django_settings.VAR_DIR / "broker" / "messages").glob("*.msg"):
        message.unlink()


# --- The sandbox i'mport ------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def sandbox_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    with SandboxServer.start(tmp_path_factory.mktemp("sandbox") / "sandbox.sqlite3") as server:
        yield server


@pytest.fixture
def sandbox(sandbox_server: SandboxServer, settings: Settings) -> SandboxServer:
    """Return an empty sandbox i'mport that the gateway uses."""
    sandbox_server.reset()
    settings.IAMPORT_API_URL = sandbox_server.url
    settings.IAMPORT_IMP_KEY = sandbox_server.imp_key
    settings.IAMPORT_IMP_SECRET = sandbox_server.imp_secret
    return sandbox_server


@pytest.fixture
def eager_worker() -> Iterator[None]:
    """Run enqueued tasks immediately in this process."""
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False


# --- Real processes -----------------------------------------------------------------------------------------


def _live_database_url() -> str:
    database = connection.settings_dict
    if not _is_postgres():
        return f"sqlite:///{database['NAME']}"
    account = database["USER"] + (f":{database['PASSWORD']}" if database["PASSWORD"] else "")
    host = f"{database['HOST'] or os.environ['PGHOST']}:{database['PORT'] or os.environ.get('PGPORT', 5432)}"
    return f"postgres://{account}@{host}/{database['NAME']}"


@pytest.fixture(autouse=True)
def clock_that_travels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the database's clock follow time_machine, but for a test marked `database_clock`."""
    if "database_clock" not in request.keywords:
        monkeypatch.setattr("core.clock.database_now", timezone.now)
        monkeypatch.setattr("core.clock.database_clock", lambda: Value(timezone.now(), output_field=DateTimeField()))
        monkeypatch.setattr("core.clock.clock_column", lambda: "")


@pytest.fixture
def child_environment(transactional_db: None) -> Callable[..., dict[str, str]]:
    """Return a function that builds the environment of a child process that uses this test's database."""

    def build(**changes: str) -> dict[str, str]:
        iamport = {
            name: str(getattr(django_settings, name))
            for name in ("IAMPORT_API_URL", "IAMPORT_IMP_KEY", "IAMPORT_IMP_SECRET")
        }
        return {
            **os.environ,
            **iamport,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DATABASE_URL": _live_database_url(),
            **changes,
        }

    return build


# --- The browser --------------------------------------------------------------------------------------------


def _browser_path() -> str | None:
    named = os.environ.get("CHROMIUM")
    return named or next(filter(None, map(shutil.which, BROWSERS)), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = _browser_path()
    if path is None:
        # A skipped test looks like a passed one, so CI fails instead.
        (pytest.fail if os.environ.get("CI") else pytest.skip)(
            f"no browser: install one of {', '.join(BROWSERS)} or set CHROMIUM to its path"
        )
    if not Path(path).exists():
        pytest.fail(f"CHROMIUM={path} does not exist")
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright's event loop runs in the test's thread, which Django would take for async code.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        expect.set_options(timeout=BROWSER_TIMEOUT_MS)
        running = playwright.chromium.launch(executable_path=path, args=BROWSER_FLAGS)
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Open a page with a new profile in Korean; an uncaught script error fails the test."""
    context = browser.new_context(locale="ko-KR", viewport={"width": 1280, "height": 900})
    context.set_default_timeout(BROWSER_TIMEOUT_MS)
    page = context.new_page()
    script_errors: list[str] = []
    page.on("pageerror", lambda error: script_errors.append(str(error)))
    yield page
    context.close()
    assert script_errors == []
