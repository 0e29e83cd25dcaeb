"""How many calls to i'mport one web process makes at a time."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from payments.gateway import GatewayBusy, call_slot, slots
from payments.gateway.iamport.client import IamportGateway
from tests.payments.gateway.raw_server import RawServer, ok
from tests.payments.gateway.samples import UID, config, payment_json


@pytest.fixture(autouse=True)
def no_limit() -> Iterator[None]:
    yield
    slots._limit = None
    assert slots._taken == 0


def in_a_thread(for_staff: bool) -> bool:
    """Return whether another thread gets a slot."""

    def take() -> bool:
        try:
            with call_slot(for_staff=for_staff):
                return True
        except GatewayBusy:
            return False

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(take).result()


def hold(stack: ExitStack, count: int) -> None:
    """Hold slots as other threads do."""
    for _ in range(count):
        slots._take(for_staff=True)
        stack.callback(slots._give_back)


@pytest.mark.parametrize(
    ("threads", "held", "for_buyers", "for_staff"),
    [
        (8, 0, True, True),
        (8, 2, True, True),
        (8, 3, False, True),
        (8, 4, False, False),
        (6, 1, False, True),
        (5, 1, False, False),
        (1, 0, True, True),
        (1, 1, False, False),
    ],
)
def test_threads_are_left_for_pages_and_the_last_slot_for_staff(
    threads: int, held: int, for_buyers: bool, for_staff: bool
) -> None:
    slots.limit_calls(threads)
    with ExitStack() as stack:
        hold(stack, held)
        assert (in_a_thread(False), in_a_thread(True)) == (for_buyers, for_staff)


def test_commands_and_workers_have_no_limit() -> None:
    with ExitStack() as stack:
        hold(stack, 100)
        assert in_a_thread(False)


def test_calls_of_one_thread_share_its_slot() -> None:
    slots.limit_calls(5)
    with call_slot(for_staff=False), call_slot():
        pass
    assert in_a_thread(False)


def test_every_call_takes_a_slot() -> None:
    slots.limit_calls(5)
    with RawServer().running() as server, ExitStack() as stack:
        server.answer = lambda _: ok(payment_json())
        gateway = IamportGateway(config(server.url))
        hold(stack, 1)
        for read in (lambda: gateway.payment(UID), lambda: gateway.payments([UID, "imp_2"])):
            with pytest.raises(GatewayBusy, match="Nothing was sent"):
                read()
    assert server.calls == server.token_calls == []
