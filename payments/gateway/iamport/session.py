"""HTTP: pooled connections for reads, a new one for each cancel, and errors that say how far a failed call got."""

import os
import socket
import ssl
import time
from collections.abc import Iterator
from functools import cache
from http.client import HTTPException
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any

import certifi
import requests
import urllib3.exceptions
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from requests.utils import get_environ_proxies
from urllib3.connection import HTTPConnection
from urllib3.util.ssl_ import create_urllib3_context

from payments.gateway.iamport.config import GatewayConfig
from payments.gateway.iamport.wire import Call, encode

POOL_SIZE = 256  # connections kept open at most; more threads than that still work, on connections of their own
BODY_LIMIT = 8 * 1024 * 1024  # bytes; a full page of payments is well below one megabyte
CHUNK = 64 * 1024
# Idle connections are probed before a NAT or a load balancer forgets them (350 s at AWS), and sent bytes that nobody
# acknowledges end a connection: otherwise a read would wait for its whole time-out. Seconds, except for the count.
_KEEP_ALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}
_UNACKNOWLEDGED = 10

_BAD_ADDRESS = (
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidHeader,
)
# Raised only while the connection is being made, before the first byte of a request.
_CONNECTING = (urllib3.exceptions.ConnectTimeoutError, ssl.SSLCertVerificationError)


class TransportError(Exception):
    """A call that got no complete answer. The text names exception classes only: theirs can hold the URL."""


class NotSent(TransportError):
    """The connection was never made, so the request was not sent."""


class ConnectionLost(TransportError):
    """The connection broke after it was made: the request may have arrived."""


class NoAnswer(TransportError):
    """The answer did not come in time, or was too long: the request may have arrived."""


class HttpSession:
    """Sends calls to one i'mport address. Threads may share it.

    Reads go over kept-alive connections, cancels over a new one each: a connection that was idle may be dead without
    our knowing, and a cancel that is sent into it has an unknown outcome.
    """

    def __init__(self, config: GatewayConfig) -> None:
        self._config = config
        # Read once: requests would search the environment for them at every call.
        self._proxies = get_environ_proxies(config.api_url)
        self._session = self._new_session(POOL_SIZE)

    def send(self, call: Call, token: str = "") -> tuple[int, bytes]:
        """Send `call`. Return the status and the body. Raises `TransportError`.

        A call that moves money is sent at most once. Any other is sent again if its connection broke: the server may
        have closed an idle connection just before we used it.
        """
        try:
            return self._send_once(call, token)
        except ConnectionLost:
            if call.moves_money:
                raise
        return self._send_once(call, token)

    def _send_once(self, call: Call, token: str) -> tuple[int, bytes]:
        if not call.moves_money:
            return self._send_over(self._session, call, token)
        with self._new_session(1) as session:
            return self._send_over(session, call, token)

    def _new_session(self, pool_size: int) -> requests.Session:
        session = requests.Session()
        adapter = _Adapter(pool_connections=1, pool_maxsize=pool_size, max_retries=0)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        session.trust_env = False  # also: no credentials from ~/.netrc
        session.proxies = self._proxies
        session.headers["Accept"] = "application/json"
        # The API needs no cookies, and threads would share them.
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        return session

    def _send_over(self, session: requests.Session, call: Call, token: str) -> tuple[int, bytes]:
        connect, read = self._config.timeouts(brief=call.is_brief)
        deadline = time.monotonic() + connect + 2 * read
        # `from None`: the causes carry the URL and the body in their text and frames, and so account numbers.
        try:
            with session.request(
                call.method,
                self._config.api_url + call.path,
                params=list(call.params),
                data=None if call.body is None else encode(call.body).encode(),
                headers={} if call.body is None else {"Content-Type": "application/json"},
                auth=_TokenAuth(token),
                timeout=(connect, read),
                allow_redirects=False,
                stream=True,
            ) as response:
                return response.status_code, _read_body(response, deadline)
        except _BAD_ADDRESS as exc:
            raise NotSent(type(exc).__name__) from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, HTTPException, OSError) as exc:
            raise _translated(exc) from None


class _Adapter(HTTPAdapter):
    """Sets the options of each connection's socket, and lets all connections share the certificates we trust."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, socket_options=_socket_options(), ssl_context=_trust(), **kwargs)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        return super().proxy_manager_for(proxy, ssl_context=_trust(), **kwargs)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Require a certificate that `_trust` verifies. The default would load all certificates at each connection."""
        conn.cert_reqs = "CERT_REQUIRED"


@cache
def _trust() -> ssl.SSLContext:
    """Return the certificates that i'mport's must be signed by: those of certifi, or of the usual variables.

    Loading them takes longer than the rest of a refund, so a process does it once.
    """
    named = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or certifi.where()
    context = create_urllib3_context()
    context.load_verify_locations(**{"capath" if Path(named).is_dir() else "cafile": named})
    return context


def _socket_options() -> list[tuple[int, int, int]]:
    options = [*HTTPConnection.default_socket_options, (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    seconds = {name: value for name, value in _KEEP_ALIVE.items() if hasattr(socket, name)}  # not on every system
    options += [(socket.IPPROTO_TCP, getattr(socket, name), value) for name, value in seconds.items()]
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        options.append((socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNACKNOWLEDGED * 1000))
    return options


class _TokenAuth(AuthBase):
    """Sets the token."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = self._token
        return request


def _read_body(response: requests.Response, deadline: float) -> bytes:
    # read1 returns after one socket read. read() would wait for a full chunk while a server sends single bytes, each
    # within the read time-out. A body shorter than its Content-Length raises at the end.
    body = bytearray()
    while chunk := response.raw.read1(CHUNK, decode_content=True):
        body += chunk
        if len(body) > BODY_LIMIT or time.monotonic() > deadline:
            raise NoAnswer("the answer is too long or too slow")
    return bytes(body)


def _translated(exc: Exception) -> TransportError:
    links = list(_chain(exc))
    names = " < ".join(type(link).__name__ for link in links)
    if any(isinstance(link, _CONNECTING) for link in links):
        return NotSent(names)
    if any(isinstance(link, requests.Timeout | TimeoutError | urllib3.exceptions.TimeoutError) for link in links):
        return NoAnswer(names)
    return ConnectionLost(names)


def _chain(exc: BaseException) -> Iterator[BaseException]:
    """Yield `exc` and its causes.

    Leaves out `__context__`: it can be an older, unrelated error that the caller is handling, and an old "connection
    refused" must not make this call look unsent.
    """
    todo, seen = [exc], set[int]()
    while todo:
        link = todo.pop()
        if id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        causes = (link.__cause__, getattr(link, "reason", None), getattr(link, "original_error", None))
        todo += [cause for cause in (*causes, *link.args) if isinstance(cause, BaseException)]
