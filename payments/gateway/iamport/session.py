"""HTTP: pooled connections for reads, a new one for each cancel, and errors that say how far a failed call got."""

import os
import socket
import ssl
import time
from collections.abc import Iterator
from functools import cache
from http.client import HTTPException
from pathlib import Path
from typing import Any

import certifi
import requests
import urllib3.exceptions
from requests.adapters import HTTPAdapter
from requests.utils import default_user_agent, get_environ_proxies
from urllib3.connection import HTTPConnection
from urllib3.util.ssl_ import create_urllib3_context

from payments.gateway.iamport.config import GatewayConfig
from payments.gateway.iamport.wire import Call, encode

POOL_SIZE = 256  # connections kept open at most; more threads than that still work, on connections of their own
BODY_LIMIT = 8 * 1024 * 1024  # bytes; a full page of payments is well below one megabyte
CHUNK = 64 * 1024
USER_AGENT = default_user_agent()
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
        # Read once: requests would search the whole environment at each call.
        self._proxies = get_environ_proxies(config.api_url)
        self._pool = _Adapter(pool_connections=1, pool_maxsize=POOL_SIZE)

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
            return self._send_over(self._pool, call, token)
        connection = _Adapter(pool_connections=1, pool_maxsize=1)
        try:
            return self._send_over(connection, call, token)
        finally:
            connection.close()

    def _send_over(self, adapter: HTTPAdapter, call: Call, token: str) -> tuple[int, bytes]:
        """Send over a connection of `adapter`: without redirects, cookies and credentials of the machine.

        requests' session would add these, and its own work, to each call.
        """
        timeout = connect, read = self._config.timeouts(brief=call.is_brief)
        deadline = time.monotonic() + connect + 2 * read
        # `from None`: the causes carry the URL and the body in their text and frames, and so account numbers.
        try:
            request = self._prepared(call, token)
            with adapter.send(request, stream=True, timeout=timeout, proxies=self._proxies) as response:
                return response.status_code, _read_body(response, deadline)
        except _BAD_ADDRESS as exc:
            raise NotSent(type(exc).__name__) from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, HTTPException, OSError) as exc:
            raise _translated(exc) from None

    def _prepared(self, call: Call, token: str) -> requests.PreparedRequest:
        body = None if call.body is None else encode(call.body).encode()
        headers = {"Accept": "application/json", "User-Agent": USER_AGENT, "Accept-Encoding": "gzip, deflate"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if token:
            headers["Authorization"] = token
        url = self._config.api_url + call.path
        return requests.Request(call.method, url, headers, params=list(call.params), data=body).prepare()


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

    requests would load them for each connection, which takes longer than a call. A process does it once.
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
