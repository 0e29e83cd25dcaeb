"""The file-system broker: no message is read before it is complete, and none crashes the reader."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty

import pytest
from kombu import Connection, Exchange, Queue
from kombu.simple import SimpleQueue

from config import file_broker
from config.broker import make_folders, transport_options

MESSAGES = 1_000


@pytest.fixture
def options(tmp_path: Path) -> dict[str, object]:
    options = transport_options("filesystem://localhost", tmp_path)
    make_folders(options)
    return options


@pytest.fixture
def name(tmp_path: Path) -> str:
    """Return a new queue name, because the process, not the folder, remembers declared queues."""
    return tmp_path.name


@pytest.fixture
def queue(options: dict[str, object], name: str) -> Iterator[SimpleQueue]:
    with Connection("filesystem://localhost", transport_options=options) as connection:
        yield connection.SimpleQueue(name)


def take(queue: SimpleQueue) -> int:
    message = queue.get(block=False)
    message.ack()
    number: int = message.payload["number"]
    return number


def test_every_message_is_read_once_while_it_is_written(
    options: dict[str, object], name: str, queue: SimpleQueue
) -> None:
    def write() -> None:
        with Connection("filesystem://localhost", transport_options=options) as connection:
            out = connection.SimpleQueue(name)
            for number in range(MESSAGES):
                out.put({"number": number})

    writer = threading.Thread(target=write)
    writer.start()
    read: list[int] = []
    deadline = time.monotonic() + 60
    while len(read) < MESSAGES and time.monotonic() < deadline:
        try:
            read.append(take(queue))
        except Empty:
            time.sleep(0)
    writer.join()

    assert read == list(range(MESSAGES))


def test_unreadable_message_is_dropped(
    tmp_path: Path, name: str, queue: SimpleQueue, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "broker" / "messages" / f"0_torn.{name}.msg").write_bytes(b"")
    queue.put({"number": 7})

    assert take(queue) == 7
    assert "0_torn" in caplog.text


def test_messages_without_a_worker_expire(queue: SimpleQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_broker, "MOST_MESSAGES", 2)
    for number in range(3):
        queue.put({"number": number})

    assert [take(queue), take(queue)] == [0, 1]
    with pytest.raises(Empty):
        take(queue)


def test_read_message_leaves_no_file(tmp_path: Path, queue: SimpleQueue) -> None:
    queue.put({"number": 1})
    take(queue)

    assert list((tmp_path / "broker" / "messages").iterdir()) == []


def bind(options: dict[str, object], name: str, *queues: str) -> None:
    """Bind these queues to the exchange `name`, as a starting process does."""
    with Connection("filesystem://localhost", transport_options=options) as connection:
        channel = connection.channel()
        for queue in queues:
            Queue(queue, Exchange(name), routing_key=queue)(channel).declare()


def bound_queues(queue: SimpleQueue, name: str) -> set[str]:
    return {bound.queue for bound in queue.channel.get_table(name)}


def test_parallel_queue_bindings_are_all_kept(options: dict[str, object], name: str, queue: SimpleQueue) -> None:
    names = [f"{name}-{number}" for number in range(160)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda starter: bind(options, name, *names[starter::8]), range(8)))

    assert bound_queues(queue, name) == {name, *names}


def test_half_written_queue_table_does_not_prevent_a_start(
    tmp_path: Path, options: dict[str, object], name: str, queue: SimpleQueue
) -> None:
    (table,) = (tmp_path / "broker" / "control").glob(f"{name}.exchange")
    table.write_text("")

    assert bound_queues(queue, name) == set()
    bind(options, name, f"{name}-later")
    assert bound_queues(queue, name) == {f"{name}-later"}
