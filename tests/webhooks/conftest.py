"""A receiver on this machine, and an endpoint that leads to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_network

import pytest
from pytest_django import Settings

from tests.webhooks.receiver import Receiver, running_receiver
from webhooks.endpoints import add_endpoint
from webhooks.models import Delivery, Endpoint


@dataclass(frozen=True)
class Connected:
    """An endpoint, its secret and its receiver."""

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
