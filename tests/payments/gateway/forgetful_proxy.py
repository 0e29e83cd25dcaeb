"""A proxy that forgets idle connections, as NATs and load balancers do."""

import selectors
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

RESET = struct.pack("ii", 1, 0)


@contextmanager
def forgetful_proxy(url: str, *, fault: str, after: float) -> Iterator[str]:
    """Yield the URL of a proxy to `url`. A connection that was idle for `after` seconds gets no more answers.

    `fault` is "reset": the next bytes are answered with a reset, or "black hole": they vanish.
    """
    parts = urlsplit(url)
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        target = (str(parts.hostname), int(parts.port or 80))
        threading.Thread(target=_accept, args=(listener, target, fault, after), daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, target: tuple[str, int], fault: str, after: float) -> None:
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_forward, args=(client, target, fault, after), daemon=True).start()


def _forward(client: socket.socket, target: tuple[str, int], fault: str, after: float) -> None:
    with client, socket.create_connection(target) as server, selectors.DefaultSelector() as ready, suppress(OSError):
        ready.register(client, selectors.EVENT_READ, server)
        ready.register(server, selectors.EVENT_READ, client)
        while events := ready.select(after):
            for key, _ in events:
                source, sink = key.fileobj, key.data
                assert isinstance(source, socket.socket)
                if not (data := source.recv(65536)):
                    return
                sink.sendall(data)
        if fault == "black hole":
            while client.recv(65536):
                continue
        client.recv(65536)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
