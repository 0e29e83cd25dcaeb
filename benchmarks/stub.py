"""A stand-in for i'mport that costs next to nothing, so that it is never the reason for a limit.

The sandbox checks every rule of i'mport and stores every call: more work than a whole refund takes. The stub knows any
order number of `order(n)`, checks the balance, and answers from memory with payments that look like the sandbox's.
"""

import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from tests.production import HOST, ROOT
from tests.sandbox_control import SandboxControl

AMOUNT = 10_000
CALLS = "/calls"
SECONDS = 60
HEAD_END = b"\r\n\r\n"
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
JSON = dict[str, Any]


@dataclass(frozen=True)
class Order:
    """An order of 10,000 won, paid by card."""

    imp_uid: str
    merchant_uid: str


def order(number: int) -> Order:
    return Order(f"imp_{number:012}", f"bench-{number}")


@dataclass(frozen=True)
class Stub:
    """A running stub."""

    url: str
    process: subprocess.Popen[str]

    def calls(self) -> int:
        """Return how many calls it has answered."""
        return int(requests.get(f"{self.url}{CALLS}", timeout=SECONDS).json())

    def refunded(self, orders: Iterable[Order]) -> dict[str, int]:
        """Return how much was refunded of each order, by its `merchant_uid`."""
        asked = {"imp_uid[]": [one.imp_uid for one in orders]}
        shown = requests.get(f"{self.url}/payments", params=asked, timeout=SECONDS).json()["response"]
        return {payment["merchant_uid"]: payment["cancel_amount"] for payment in shown}


@contextmanager
def running_stub(sandbox: SandboxControl, *, latency_seconds: float) -> Iterator[Stub]:
    """Run a stub in its own process; its payments look like those of the sandbox."""
    created = sandbox.create_payment(amount=AMOUNT, pg_provider="uplus")
    sample = sandbox.api("POST", "payments/cancel", json={"imp_uid": created["imp_uid"], "amount": 1_000}).json()
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.stub"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps({"sample": sample["response"], "latency_seconds": latency_seconds}) + "\n")
        process.stdin.flush()
        yield Stub(process.stdout.readline().strip(), process)
    finally:
        process.stdin.close()  # it ends with its input
        process.wait()
        process.stdout.close()


class Shop:
    """The payments and their cancels."""

    def __init__(self, sample: JSON) -> None:
        (item,) = sample["cancel_history"]
        self._payment, self._item = sample, item
        self._cancels: dict[str, list[JSON]] = {}
        self._calls = 0

    def answer(self, path: str, body: JSON) -> JSON | int:
        """Return the response of one call, with its code."""
        url = urlsplit(path)
        if url.path == CALLS:
            return self._calls
        self._calls += 1
        if url.path == "/users/getToken":
            now = int(time.time())
            return _done({"access_token": "benchmark", "now": now, "expired_at": now + 1_800})
        if url.path == "/payments/cancel":
            return self._cancel(body)
        if url.path.startswith("/payments/status/"):  # a worker copies what is new: nothing
            return _done({"total": 0, "previous": 0, "next": 0, "list": []})
        return _done([self._shown(imp_uid) for imp_uid in parse_qs(url.query)["imp_uid[]"]])

    def _cancel(self, body: JSON) -> JSON:
        imp_uid = body["imp_uid"]
        left = AMOUNT - self._cancelled(imp_uid)
        amount = int(body.get("amount") or left)
        if not 0 < amount <= left or int(body.get("checksum") or left) != left:
            return {"code": 1, "message": "취소 가능 잔액이 checksum과 일치하지 않습니다.", "response": None}
        items = self._cancels.setdefault(imp_uid, [])
        own = {"amount": amount, "reason": body.get("reason"), "cancelled_at": int(time.time())}
        items.append({**self._item, **own, "cancellation_id": f"cancel_{imp_uid}_{len(items)}"})
        return _done(self._shown(imp_uid))

    def _cancelled(self, imp_uid: str) -> int:
        return sum(item["amount"] for item in self._cancels.get(imp_uid, ()))

    def _shown(self, imp_uid: str) -> JSON:
        items = self._cancels.get(imp_uid, [])
        return {
            **self._payment,
            "imp_uid": imp_uid,
            "merchant_uid": order(int(imp_uid.removeprefix("imp_"))).merchant_uid,
            "status": "cancelled" if items else "paid",
            "cancel_amount": self._cancelled(imp_uid),
            "cancelled_at": items[-1]["cancelled_at"] if items else 0,
            "cancel_history": items,
        }


class Connection(asyncio.Protocol):
    """Answer the calls of one kept-alive connection, one after the other."""

    def __init__(self, shop: Shop, latency_seconds: float) -> None:
        self._shop, self._latency = shop, latency_seconds
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(HEAD_END)
        length = LENGTH.search(head)
        if end and len(body) >= int(length[1] if length else 0):
            self._received = b""
            path = head.split(b" ", 2)[1].decode()
            asyncio.get_running_loop().call_later(self._latency, self._answer, path, body)

    def _answer(self, path: str, body: bytes) -> None:
        text = json.dumps(self._shop.answer(path, json.loads(body or b"{}"))).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n"
        self._transport.write(head.encode() + text)


def _done(response: object) -> JSON:
    return {"code": 0, "message": None, "response": response}


async def _serve() -> None:
    given = json.loads(sys.stdin.readline())
    shop, loop = Shop(given["sample"]), asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(shop, given["latency_seconds"]), HOST, backlog=512)
    sys.stdout.write(f"http://{HOST}:{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve())
