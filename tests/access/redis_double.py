"""A minimal Redis server in this process, over a real socket: strings with an expiry, as a cache uses them."""

from __future__ import annotations

import socketserver
import threading
import time
from types import TracebackType
from typing import Self

NOTHING = b"_\r\n"


class _Handler(socketserver.StreamRequestHandler):
    server: RedisDouble

    def handle(self) -> None:
        while line := self.rfile.readline():
            words = []
            for _ in range(int(line[1:])):
                length = int(self.rfile.readline()[1:])
                words.append(self.rfile.read(length + 2)[:-2])
            self.wfile.write(self.server.answer([words[0].upper(), *words[1:]]))


class RedisDouble(socketserver.ThreadingTCPServer):
    """Serve `redis.url` inside `with RedisDouble() as redis:`."""

    allow_reuse_address = daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.port = self.server_address[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.values: dict[bytes, tuple[bytes, float]] = {}
        self.lock = threading.Lock()

    def answer(self, words: list[bytes]) -> bytes:
        with self.lock:
            match words:
                case [b"SET", key, value, *options]:
                    seconds = float(options[options.index(b"EX") + 1])
                    self.values[key] = (value, time.time() + seconds)
                    return b"+OK\r\n"
                case [b"GET", key]:
                    value = self._get(key)
                    return NOTHING if value is None else b"$%d\r\n%s\r\n" % (len(value), value)
                case [b"HELLO", *_rest]:
                    return b"%1\r\n$5\r\nproto\r\n:3\r\n"
                case [b"CLIENT" | b"SELECT", *_rest]:
                    return b"+OK\r\n"
                case _:
                    return b"-ERR unknown command\r\n"

    def _get(self, key: bytes) -> bytes | None:
        value, ends = self.values.get(key, (None, 0))
        return value if ends > time.time() else None

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()
        self.server_close()
