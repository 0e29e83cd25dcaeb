"""Send one POST to an external server: checked addresses only, bounded time, bounded answer.

Uses sockets and the standard library's HTTP. HTTP clients look names up themselves, follow redirects, use proxies and
passwords of the environment, and wait as long as single bytes arrive.
"""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from webhooks.delivery.destinations import SocketAddress, Target, look_up
from webhooks.failures import Failure, SendError

CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
TOTAL_SECONDS = 20.0  # however slowly an answer trickles
ANSWER_BYTES = 2_000
ANSWER_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class Answer:
    """The server's answer. `retry_after`: seconds of its Retry-After header, 0 without one."""

    status: int
    text: str
    retry_after: int


def post(target: Target, *, headers: dict[str, str], body: bytes) -> Answer:
    """Send the request once. Return the answer, whatever its status. Raises `SendError`."""
    with closing(_connect(look_up(target))) as line, _cut_off_in_time(line) as is_cut_off:
        try:
            return _exchange(line, target, headers, body, is_cut_off)
        except TimeoutError as exc:
            raise SendError(Failure.TOO_SLOW) from exc
        except _NotEncryptedError as exc:
            raise SendError(Failure.TOO_SLOW if is_cut_off.is_set() else Failure.NOT_ENCRYPTED) from exc
        except (OSError, HTTPException, ValueError) as exc:
            raise SendError(Failure.TOO_SLOW if is_cut_off.is_set() else Failure.BROKEN_ANSWER) from exc


class _NotEncryptedError(Exception):
    """The server does not speak TLS, or its certificate is not for this host."""


def _connect(addresses: list[SocketAddress]) -> socket.socket:
    """Connect to the first of these addresses that accepts."""
    end = time.perf_counter() + CONNECT_SECONDS
    for found in addresses:
        line = socket.socket(found.family, socket.SOCK_STREAM)
        try:
            line.settimeout(max(end - time.perf_counter(), 0.1))
            line.connect(found.address)
        except OSError:
            line.close()
        else:
            line.settimeout(READ_SECONDS)
            return line
    raise SendError(Failure.NOT_REACHED)


@contextmanager
def _cut_off_in_time(line: socket.socket) -> Iterator[threading.Event]:
    """Break the connection after `TOTAL_SECONDS`: the socket's own time-out restarts with every byte."""
    is_cut_off = threading.Event()
    handle = line.dup()  # its own, as encryption takes the other one over

    def cut_off() -> None:
        is_cut_off.set()
        with suppress(OSError):  # it has ended by itself
            handle.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(TOTAL_SECONDS, cut_off)
    timer.daemon = True
    timer.start()
    try:
        yield is_cut_off
    finally:
        timer.cancel()
        handle.close()


def _exchange(
    line: socket.socket, target: Target, headers: dict[str, str], body: bytes, is_cut_off: threading.Event
) -> Answer:
    with closing(HTTPConnection(target.host, target.port)) as connection:
        connection.auto_open = 0  # it may never look the host up itself
        connection.sock = _encrypted(line, target.host) if target.is_encrypted else line
        connection.request("POST", target.path, body, {"Host": target.host_header, **headers})
        with closing(connection.getresponse()) as response:
            if is_cut_off.is_set():  # the standard library takes the end of the line for the end of the headers
                raise TimeoutError
            return Answer(response.status, _text_of(response), _retry_after(response))


def _encrypted(line: socket.socket, host: str) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)
    context.load_default_certs()  # a shop's own authority, known to its system or named in SSL_CERT_FILE
    try:
        return context.wrap_socket(line, server_hostname=host)
    except TimeoutError:
        raise
    except (OSError, ValueError) as exc:
        raise _NotEncryptedError from exc


def _text_of(response: HTTPResponse) -> str:
    """Return the beginning of the body, as far as it came; the status counts without it."""
    read = b""
    with suppress(OSError, HTTPException, ValueError):
        while len(read) < ANSWER_BYTES and (part := response.read1(ANSWER_BYTES - len(read))):
            read += part
    text = read.decode(errors="replace")
    return "".join(character for character in text if character in "\n\t" or character.isprintable()).strip()[
        :ANSWER_CHARACTERS
    ]


def _retry_after(response: HTTPResponse) -> int:
    seconds = response.headers.get("Retry-After", "")
    return int(seconds) if seconds.isascii() and seconds.isdecimal() and len(seconds) < 9 else 0
