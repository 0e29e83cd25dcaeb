"""Random requests. Each depends on its number and the seed only, so that it can be reproduced."""

from __future__ import annotations

import json
import random
import re
import socket
import struct
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from tests.endpoints import Endpoint
from tests.proof import junk_values as words

HOST = "127.0.0.1"
TIMEOUT_SECONDS = 60
CSRF = "a" * 32
# These lead to money and personal data, so they get most of the junk.
API = ("/payments/", "/refunds/", "/webhooks/")
API_SHARE = 6
TAME = 8
ELSEWHERE = [
    *("/favicon.ico", "/robots.txt", "/.env", "/.git/config", "/api", "/api/", "/payments", "/refunds", "/webhooks/"),
    *("/static/", "/static/storefront/base.css", "/static/admin/js/core.js", "/static/../manage.py", "/db.sqlite3"),
    *("/console/", "/_sandbox/payments", "/accounts/", "/accounts/password_reset/", "/admin/doc/", "/__debug__/"),
]
Headers = Sequence[tuple[str, bytes]]


@dataclass(frozen=True)
class Role:
    """A sender. `values` are the ids that it knows, by parameter (`object_id` with its model before it)."""

    name: str
    headers: Headers
    values: Mapping[str, Sequence[str]]
    is_staff: bool = False  # has a session at the admin
    sees_all: bool = False  # may read all data


@dataclass(frozen=True)
class Junk:
    """One request. `aborted`: the sender breaks the connection in the middle of the body."""

    role: Role
    method: str
    target: bytes
    raw: bytes = field(repr=False)
    malformed: bool = False
    aborted: bool = False


@dataclass(frozen=True)
class Answer:
    status: int
    head: bytes
    body: bytes

    @property
    def is_html_of_the_server(self) -> bool:
        """Return whether this is gunicorn's own page for invalid HTTP, which does not reach the application."""
        return re.match(rb"\s*<html>\s*<head>\s*<title>", self.body) is not None


class Factory:
    """Build request number N, always the same one."""

    def __init__(self, *, seed: int, endpoints: Sequence[Endpoint], roles: Sequence[Role]) -> None:
        self.seed, self.roles = seed, roles
        self.endpoints = [one for one in endpoints for _ in range(API_SHARE if one.path.startswith(API) else 1)]

    def make(self, number: int) -> Junk:
        return _Maker(random.Random(f"{self.seed}-{number}"), self.endpoints, self.roles).make()


class _Maker:
    def __init__(self, dice: random.Random, endpoints: Sequence[Endpoint], roles: Sequence[Role]) -> None:
        self.dice = dice
        self.wild = self._one_in(3)  # the others are nearly valid, so that they get past the first checks
        self.endpoint = dice.choice(endpoints)
        # All other roles are only redirected there.
        staff = self.endpoint.path.startswith("/admin/") and not self._one_in(4)
        self.role = dice.choice([role for role in roles if role.is_staff] if staff else roles)
        if "logout" in self.endpoint.path:  # otherwise the role would be signed out for all later requests
            self.role = replace(self.role, headers=())

    def make(self) -> Junk:
        if self._one_in(40):
            return Junk(self.role, "", b"", self.dice.choice(words.MALFORMED), malformed=True)
        endpoint = self.endpoint
        method = self.dice.choices(["GET", "POST", self.dice.choice(words.METHODS)], [9, 8, 3 if self.wild else 1])[0]
        target = self._target(endpoint)
        content_type, body = self._body(endpoint) if method not in ("GET", "HEAD") or self._one_in(15) else (None, b"")
        headers = self._headers(content_type)
        length = str(len(body)).encode() if body or method not in ("GET", "HEAD") else None
        if length is not None and self._odd(12):
            length = self.dice.choice([b"0", b"5", str(len(body) + 999).encode(), b"x", b"-1", b"1e3", None])
        if length is not None:
            headers.append(("Content-Length", length))
        lines = [
            method.encode() + b" " + target + b" HTTP/1.1",
            *(name.encode() + b": " + value for name, value in headers),
        ]
        raw = b"\r\n".join([*lines, b"", body])
        return Junk(self.role, method, target, raw, aborted=bool(body) and self._one_in(60))

    # --- The URL ----------------------------------------------------------------------------------------------

    def _target(self, endpoint: Endpoint) -> bytes:
        path = self.dice.choice(ELSEWHERE) if self._odd(15) else self._path(endpoint)
        if self._odd(3):
            path = self._mutated(path)
        if self._one_in(2):
            path += "?" + "&".join(self._pair(endpoint) for _ in range(self.dice.randint(1, 4)))
        return path.encode("latin-1", errors="replace").replace(b" ", b"%20")

    def _path(self, endpoint: Endpoint) -> str:
        path = endpoint.at({name: self._value(endpoint, name) for name in endpoint.parameters})
        return path.removesuffix("/") if self._one_in(6) and path != "/" else path

    def _value(self, endpoint: Endpoint, parameter: str) -> str:
        model = endpoint.model
        known = self.role.values.get(f"{model._meta.label_lower}.{parameter}" if model else parameter, ())
        if known and not self._odd(2):
            return self.dice.choice(known)
        return self._junk()

    def _junk(self) -> str:
        return self.dice.choice(words.RAW) if self._one_in(3) else quote(self.dice.choice(words.TEXTS), safe="")

    def _mutated(self, path: str) -> str:
        at = self.dice.randint(1, len(path))
        match self.dice.randrange(5):
            case 0:
                return path[:at] + self.dice.choice(words.RAW) + path[at:]
            case 1:
                return path[:at] + f"%{ord(path[at]):02x}" + path[at + 1 :] if at < len(path) else path + "."
            case 2:
                return path.swapcase()
            case 3:
                return path.replace("/", self.dice.choice(["//", "/./", "/x/../", "%2f", ";/"]))
            case _:
                return path + self.dice.choice([".json", ".php", "/..", "/.", "%00.html", "~", "/" * 50, "/x" * 200])

    def _pair(self, endpoint: Endpoint) -> str:
        name = self.dice.choice(words.QUERY_NAMES)
        if endpoint.model is not None and not self._one_in(3):
            fields = [found.name for found in endpoint.model._meta.get_fields()]
            name = "__".join([self.dice.choice(fields), *self.dice.sample(words.LOOKUPS, self.dice.randint(0, 2))])
        if self._one_in(5):
            return f"{name}={self.dice.choice(list(self.role.values.values()) or [['1']])[0]}"
        return f"{name}={self._junk()}"

    # --- The head ---------------------------------------------------------------------------------------------

    def _headers(self, content_type: bytes | None) -> list[tuple[str, bytes]]:
        headers = [("Host", HOST.encode())] if not self._odd(30) else []
        headers.append(("Connection", b"close"))
        if not self._odd(8):
            headers += self.role.headers
        if content_type is not None:
            headers.append(("Content-Type", content_type))
        for name in self.dice.sample(
            list(words.HEADERS), self.dice.choice([0, 0, 1, 1, 2, 3] if self.wild else [0, 0, 0, 1])
        ):
            headers.append((name, self.dice.choice(words.HEADERS[name])))
        if self._odd(15):
            headers.append((f"X-{'a' * self.dice.choice([10, 200])}", b"b" * self.dice.choice([10, 5_000])))
        return headers

    # --- The body ---------------------------------------------------------------------------------------------

    def _body(self, endpoint: Endpoint) -> tuple[bytes, bytes]:
        if self._odd(50):
            start, size = self.dice.choice(list(words.HUGE_BODIES.values()))
            return self.dice.choice(words.CONTENT_TYPES), start.ljust(size, b"0")
        if self._odd(3):
            return self.dice.choice(words.CONTENT_TYPES), self.dice.choice(words.WHOLE_BODIES)
        if endpoint.path.startswith(API):
            return b"application/json" if not self._odd(6) else self.dice.choice(words.CONTENT_TYPES), self._json()
        return b"application/x-www-form-urlencoded", self._form(endpoint)

    def _json(self) -> bytes:
        parts = (
            {"imp_uid": self._known_json("imp_uid")}
            if self._one_in(2)
            else {"merchant_uid": self._known_json("number")}
        )
        if not self._one_in(3):
            parts["cancel_request_amount"] = self.dice.choice(["1", "7", "100", self.dice.choice(words.JSON_VALUES)])
        for _ in range(self.dice.choice([0, 0, 1, 2])):
            parts[self.dice.choice(words.JSON_NAMES)] = self.dice.choice(words.JSON_VALUES)
        return ("{" + ",".join(f'"{name}":{value}' for name, value in parts.items()) + "}").encode()

    def _known_json(self, name: str) -> str:
        known = self.role.values.get(name, ())
        return (
            json.dumps(self.dice.choice(known))
            if known and not self._one_in(5)
            else self.dice.choice(words.JSON_VALUES)
        )

    def _form(self, endpoint: Endpoint) -> bytes:
        # A right password costs the server half a second of hashing, which is not the subject here.
        names = [name for name in words.FORM_NAMES if name != "password" or self._one_in(30)]
        pairs = {self.dice.choice(names): self._junk() for _ in range(self.dice.randint(0, 5))}
        if endpoint.model_admin is not None and self._one_in(2):
            pairs |= {"action": self.dice.choice(["refund_orders", "check_orders", "delete_selected", self._junk()])}
            pairs |= {"_selected_action": self._value(endpoint, "object_id")}
        for pk in self.role.values.get("payments.payment.object_id", ())[:2]:
            if self._one_in(2):
                pairs |= {
                    f"p{pk}-selected": "on",
                    f"p{pk}-amount": self._junk(),
                    f"p{pk}-expected_balance": self._junk(),
                }
        return "&".join(f"{name}={value}" for name, value in pairs.items()).encode("latin-1", errors="replace")

    def _one_in(self, count: int) -> bool:
        return self.dice.randrange(count) == 0

    def _odd(self, count: int) -> bool:
        """Return whether to do something invalid here: one time in `count`, rarely in a nearly valid request."""
        return self._one_in(count if self.wild else count * TAME)


def send(junk: Junk, port: int) -> Answer | None:
    """Send it and read the whole response; None if the server closed without one."""
    with socket.create_connection((HOST, port), timeout=TIMEOUT_SECONDS) as connection:
        if junk.aborted:
            connection.sendall(junk.raw[: -len(junk.raw) // 4])
            # Close with a reset, as a killed sender does.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return None
        received = bytearray()
        try:
            connection.sendall(junk.raw)
            with suppress(OSError):  # already closed
                connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(65_536):
                received += part
        except (BrokenPipeError, ConnectionResetError):  # the server answered before it had read everything
            received += _rest(connection)
    return _parsed(bytes(received))


def _rest(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65_536)
    except OSError:
        return b""


def _parsed(received: bytes) -> Answer | None:
    received = received.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    head, _, body = received.partition(b"\r\n\r\n")
    found = re.match(rb"HTTP/1\.[01] (\d{3}) ", head)
    if b"transfer-encoding: chunked" in head.lower():
        body = b"".join(re.split(rb"\r?\n?[0-9a-fA-F]+\r\n", body))
    return Answer(int(found[1]), head, body) if found else None
