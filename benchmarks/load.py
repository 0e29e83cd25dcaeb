"""Send requests over kept-alive connections, from a process of its own.

Each client is a thread with one connection, and sends the next request as soon as it has an answer.
"""

import http.client
import json
import queue
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.production import ROOT

NO_ANSWER = 0  # in place of a status
ANSWER_SECONDS = 120
JSON = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """One POST; its body is JSON."""

    path: str
    headers: dict[str, str]
    body: JSON


@dataclass(frozen=True)
class Load:
    """Hold the time of each request that was answered with 200, and how many had each status."""

    seconds: float
    times: list[float]  # ms
    statuses: Counter[int]
    cpu_seconds: float  # of the sending process

    @property
    def per_second(self) -> float:
        return len(self.times) / self.seconds


def send(url: str, requests: Sequence[Request], *, clients: int) -> Load:
    """Send the requests, so many at a time, in their order."""
    wanted = {"url": url, "clients": clients, "requests": [vars(request) for request in requests]}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"],
        cwd=ROOT,
        input=json.dumps(wanted),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    result = json.loads(done.stdout)
    return Load(
        seconds=result["seconds"],
        times=[ms for status, ms in result["answers"] if status == 200],
        statuses=Counter(status for status, _ms in result["answers"]),
        cpu_seconds=result["cpu_seconds"],
    )


class _Clients:
    def __init__(self, url: str, requests: list[JSON]) -> None:
        self._address = urlsplit(url).netloc
        self._left: queue.SimpleQueue[JSON] = queue.SimpleQueue()
        for request in requests:
            self._left.put(request)
        self.answers: list[tuple[int, float]] = []

    def run(self) -> None:
        """Be one client until no request is left."""
        connection = http.client.HTTPConnection(self._address, timeout=ANSWER_SECONDS)
        while True:
            try:
                request = self._left.get_nowait()
            except queue.Empty:
                connection.close()
                return
            started = time.perf_counter()
            status = _post(connection, request)
            self.answers.append((status, (time.perf_counter() - started) * 1000))


def _post(connection: http.client.HTTPConnection, request: JSON) -> int:
    headers = {"Content-Type": "application/json", **request["headers"]}
    try:
        connection.request("POST", request["path"], json.dumps(request["body"]), headers)
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        connection.close()  # the next request opens it again
        return NO_ANSWER
    return answer.status


def main() -> None:
    """Send what standard input says; write the answers to standard output."""
    wanted = json.load(sys.stdin)
    clients = _Clients(wanted["url"], wanted["requests"])
    threads = [threading.Thread(target=clients.run) for _ in range(wanted["clients"])]
    started, cpu = time.perf_counter(), time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    used = {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - cpu}
    json.dump({**used, "answers": clients.answers}, sys.stdout)


if __name__ == "__main__":
    main()
