"""A receiver on this machine, an endpoint that leads to it, and threads that end with the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_network

import pytest
from pytest_django import Settings

from payments.background import BackgroundThreads
from tests.webhooks.receiver import Receiver, running_receiver
from webhooks import receivers
from webhooks.delivery import threads as delivery_threads
from webhooks.endpoints import add_endpoint
from webhooks.models import Delivery, Endpoint


@dataclass(frozen=True)
class Connected:
    """An endpoint, the secret that its receiver knows, and the receiver."""

    endpoint: Endpoint
    secret: str
    receiver: Receiver

    @property
    def delivery(self) -> Delivery:
        return self.endpoint.deliveries.get()


@pytest.fixture
def this_machine_is_allowed(settings: Settings) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = (ip_network("127.0.0.1/32"),)
    settings.WEBHOOK_ALLOW_HTTP = True


@pytest.fixture
def receiver(this_machine_is_allowed: None) -> Iterator[Receiver]:
    with running_receiver() as running:
        yield running


@pytest.fixture
def connected(receiver: Receiver, transactional_db: None) -> Connected:
    endpoint, secret = add_endpoint(name="Shop", url=receiver.url, types=[])
    return Connected(endpoint, secret, receiver)


@pytest.fixture
def sending(monkeypatch: pytest.MonkeyPatch) -> Iterator[BackgroundThreads]:
    """Threads of the test's own that send right after a commit."""
    threads = delivery_threads.sending_threads()
    monkeypatch.setattr(delivery_threads, "_sending", threads)
    yield threads
    threads.finish(30)  # whoever is at work now would note what to look at later
    with threads._changed:
        threads._due.clear()
        threads._changed.notify_all()
    for thread in list(threads._threads):
        thread.join(30)


@pytest.fixture
def no_sending(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process is killed right after each commit."""
    silent: Callable[[object], None] = lambda endpoints: None  # noqa: E731 - as short as it does little
    monkeypatch.setattr(receivers, "send_soon", silent)
