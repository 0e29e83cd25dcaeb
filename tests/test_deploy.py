"""The deployment files match docs/operations.md, and their commands run.

`tests/proof/test_shutdown.py` starts and stops the same commands during refunds.
"""

from __future__ import annotations

import configparser
import json
import os
import re
import runpy
import shlex
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.message import Message
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
import requests
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.factories import make_staff
from tests.production import PROGRAMS, ROOT, WEB, WORKER, Server, running, running_web, wait_for
from tests.proof.own_postgres import free_port

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
BUILD = re.search(r"RUN (DEBUG=false [^\n]*?) \\\n\s+python (manage\.py collectstatic[^\n]*)", DOCKERFILE)


def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8")))


def unit(path: Path) -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(path, encoding="utf-8")
    return parser["Service"]


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


def gunicorn_settings(monkeypatch: pytest.MonkeyPatch, **environment: str) -> dict[str, Any]:
    monkeypatch.setenv("DJANGO_READ_DOTENV", "0")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return runpy.run_path(str(ROOT / "gunicorn.conf.py"))


# --- The files agree ----------------------------------------------------------------------------------------


def test_image_compose_units_and_manual_start_the_same_commands() -> None:
    services, manual = compose()["services"], (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    started = {path.stem: shlex.split(unit(path)["ExecStart"].rpartition("/bin/")[2]) for path in UNITS}

    assert json.loads(DOCKERFILE.rpartition("\nCMD ")[2]) == services["web"]["command"] == WEB
    assert services["worker"]["command"] == WORKER
    assert started == {"refund-desk-web": WEB, "refund-desk-worker": WORKER}
    assert all(f"`{shlex.join(command)}`" in manual for command in (WEB, WORKER))


def test_stop_timeouts_are_longer_than_the_graceful_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    grace = gunicorn_settings(monkeypatch)["graceful_timeout"]
    services = compose()["services"]

    assert {seconds(services[name]["stop_grace_period"]) > grace for name in ("web", "worker")} == {True}
    assert {int(unit(path)["TimeoutStopSec"]) > grace for path in UNITS} == {True}


def test_nothing_starts_before_the_database_is_migrated() -> None:
    services = compose()["services"]

    for name in ("web", "worker"):
        assert services[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert services["migrate"]["depends_on"]["database"] == {"condition": "service_healthy"}
    assert services["migrate"]["command"][:3] == ["python", "manage.py", "migrate"]


def test_no_process_runs_as_root_or_writes_outside_its_folder() -> None:
    assert re.findall(r"^USER (.*)$", DOCKERFILE, re.MULTILINE) == ["refund-desk"]
    for name in ("migrate", "web", "worker"):
        service = compose()["services"][name]
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    for path in UNITS:
        assert (unit(path)["User"], unit(path)["ProtectSystem"], unit(path)["NoNewPrivileges"]) == (
            "refund-desk",
            "strict",
            "true",
        )
        assert unit(path)["StateDirectory"] == "refund-desk"


@pytest.mark.parametrize("file", ["Dockerfile", "compose.yaml", ".dockerignore"])
def test_deployment_files_contain_no_secret(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8").replace("SECRET_KEY=only-for-collectstatic", "")

    assert not re.search(r"(SECRET|PASSWORD|TOKEN)\w*\s*[=:]\s*(?!\$\{)\w", text)
    assert "!.env" not in text


def test_base_image_and_every_service_have_a_version() -> None:
    images = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    images += [service["image"] for service in compose()["services"].values() if "build" not in service]

    assert all(re.search(r":\d", image) for image in images)


# --- gunicorn -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("named", "workers"), [("3", 3), ("", None)])
def test_number_of_workers_is_the_setting_or_the_number_of_processors(
    monkeypatch: pytest.MonkeyPatch, named: str, workers: int | None
) -> None:
    found = gunicorn_settings(monkeypatch, WEB_CONCURRENCY=named)["workers"]

    assert found == workers or (workers is None and 2 <= found <= 4)


@pytest.mark.parametrize(("workers", "threads"), [("1", 32), ("2", 32), ("3", 21), ("4", 16), ("16", 8)])
def test_the_processes_share_the_database_connections(
    monkeypatch: pytest.MonkeyPatch, workers: str, threads: int
) -> None:
    assert gunicorn_settings(monkeypatch, WEB_CONCURRENCY=workers)["threads"] == threads


@pytest.mark.parametrize(("name", "value"), [("WEB_CONCURRENCY", "many"), ("LOG_FORMAT", "xml"), ("DEBUG", "perhaps")])
def test_a_malformed_variable_stops_the_web_server_with_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    with pytest.raises(SystemExit):
        gunicorn_settings(monkeypatch, **{name: value})

    assert capsys.readouterr().err.startswith(f"{name}={value} is malformed: ")


# --- A release as the image holds it ------------------------------------------------------------------------


def in_image() -> list[str]:
    """Return the paths that .dockerignore lets into the image."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    return [line.removeprefix("!") for line in lines if line.startswith("!")]


@contextmanager
def release(folder: Path, environment: dict[str, str]) -> Iterator[tuple[Path, dict[str, str]]]:
    """Copy the image's files and collect the static files, as the build does; yield the folder and its environment."""
    for name in in_image():
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    assert BUILD is not None
    building = dict(item.split("=", 1) for item in shlex.split(BUILD[1]))
    places = {"STATIC_DIR": str(folder / "static"), "VAR_DIR": str(folder / "var"), "DJANGO_READ_DOTENV": "0"}
    subprocess.run(
        [str(PROGRAMS / "python"), *shlex.split(BUILD[2])],
        cwd=folder,
        env={"PATH": environment["PATH"], **building, **places},
        check=True,
        capture_output=True,
    )
    yield folder, {**environment, **places}


class Assets(HTMLParser):
    """Collect the URLs of everything a page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        if tag in {"script", "img"} and named.get("src"):
            self.found.add(named["src"])
        if tag == "link" and set(named.get("rel", "").split()) & {"stylesheet", "icon", "preload", "modulepreload"}:
            self.found.add(named["href"])


def assets_of(text: str, url: str) -> set[str]:
    """Return the assets of a page, a stylesheet or a script module, as absolute URLs."""
    parser = Assets()
    parser.feed(text)
    found = parser.found
    if urlsplit(url).path.endswith(".css"):
        found = set(re.findall(r"url\(['\"]?(?!data:|#)([^'\")]+)", text))
    return {urljoin(url, address) for address in found if not address.startswith("data:")}


def loaded(session: requests.Session, server: Server, path: str) -> dict[str, int]:
    """Return the status of every asset that the page at `path` loads, including those of its stylesheets."""
    page = session.get(f"{server.url}{path}", timeout=30)
    assert page.status_code == 200, path
    found: dict[str, int] = {}
    waiting = assets_of(page.text, page.url)
    while waiting:
        url = waiting.pop()
        assert url.startswith(server.url), f"{path} loads {url}"
        answer = session.get(url, timeout=30)
        found[url] = answer.status_code
        if urlsplit(url).path.endswith(".css"):
            waiting |= assets_of(answer.text, url) - found.keys()
    return found


@pytest.mark.django_db(transaction=True)
def test_release_serves_every_asset_under_a_hashed_name(
    child_environment: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    staff = make_staff("refund_payment", "view_payment")
    (tmp_path / "release").mkdir()
    with (
        release(tmp_path / "release", child_environment()) as (folder, environment),
        running_web(environment, tmp_path / "web.log", folder) as server,
        requests.Session() as session,
    ):
        pages = {path: loaded(session, server, path) for path in ("/admin/login/", "/accounts/login/", "/api/docs")}
        sign_in(session, server, staff.get_username())
        pages |= {path: loaded(session, server, path) for path in ("/", "/admin/", "/admin/payments/payment/")}
        kept = session.get(max(pages["/"]), timeout=30).headers

    assert all(pages.values())
    statuses = {url: status for found in pages.values() for url, status in found.items()}
    assert set(statuses.values()) == {200}, {url: status for url, status in statuses.items() if status != 200}
    unhashed = [url for url in statuses if not re.search(r"\.[0-9a-f]{12}\.\w+$", urlsplit(url).path)]
    assert [url for url in unhashed if "/static/" in url] == []
    assert kept["Cache-Control"] == "max-age=315360000, public, immutable"
    assert kept["Content-Encoding"] in {"br", "gzip"}


def sign_in(session: requests.Session, server: Server, name: str) -> None:
    url = f"{server.url}/accounts/login/"
    session.get(url, timeout=30)
    form = {"username": name, "password": "secret", "csrfmiddlewaretoken": session.cookies["csrftoken"]}
    assert session.post(url, form, timeout=30, headers={"Referer": url}).status_code == 200


def test_every_package_that_the_code_imports_is_in_the_image() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "chaos", "benchmarks", "scripts"}

    assert packages <= set(in_image())


# --- nginx --------------------------------------------------------------------------------------------------

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:" + os.environ["PATH"])


@pytest.fixture
def upstream() -> Iterator[tuple[int, list[Message]]]:
    """Run a server that keeps the headers it gets; yield its port and the headers."""
    seen: list[Message] = []

    class Keep(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Keep) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port, seen
        server.shutdown()
        thread.join()


def write_certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "refunds.example")])
    now = datetime.now(UTC)
    until = now + timedelta(days=1)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, until)
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    builder = builder.add_extension(address, critical=False)
    pem = serialization.Encoding.PEM
    (folder / "fullchain.pem").write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(pem))
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "privkey.pem").write_bytes(secret)


@pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
def test_nginx_passes_on_the_host_with_its_port(upstream: tuple[int, list[Message]], tmp_path: Path) -> None:
    plain, secure = free_port(), free_port()
    write_certificate(tmp_path)
    site = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    for old, new in {
        "listen 80;": f"listen 127.0.0.1:{plain};",
        "listen 443 ssl;": f"listen 127.0.0.1:{secure} ssl;",
        "127.0.0.1:8000": f"127.0.0.1:{upstream[0]}",
        "/etc/ssl/refunds.example": str(tmp_path),
    }.items():
        assert old in site
        site = site.replace(old, new)
    folders = "".join(f"{name}_temp_path {tmp_path}/{name};" for name in TEMPORARY)
    main = f"daemon off; pid {tmp_path}/pid; error_log stderr; events {{}} http {{ access_log off; {folders} {site} }}"
    (tmp_path / "nginx.conf").write_text(main, encoding="utf-8")

    with running([str(NGINX), "-c", str(tmp_path / "nginx.conf")], dict(os.environ), tmp_path / "nginx.log"):
        address = f"https://127.0.0.1:{secure}/admin/login/"
        wait_for(lambda: accepts(secure), "nginx does not listen")
        trusted = str(tmp_path / "fullchain.pem")
        answer = requests.get(address, verify=trusted, timeout=30, headers={"X-Forwarded-For": "203.0.113.9"})

    assert answer.status_code == 204
    (headers,) = upstream[1]
    assert (headers["X-Forwarded-Host"], headers["X-Forwarded-Proto"]) == (f"127.0.0.1:{secure}", "https")
    assert headers["X-Forwarded-For"] == "203.0.113.9, 127.0.0.1"


TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def accepts(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
        return True
    return False
