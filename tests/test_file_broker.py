"""The broker in folders: no message is read before it is complete, and none ends the reader."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Empty

import pytest
from kombu import Connection
from kombu.simple import SimpleQueue

from config.broker import make_folders, transport_options

MESSAGES = 1_000


@pytest.fixture
def options(tmp_path: Path) -> dict[str, object]:
    options = transport_options("filesystem://localhost", tmp_path)
    make_folders(options)
    return options


@pytest.fixture
def name(tmp_path: Path) -> str:
    """A queue of its own: what is declared once is remembered by the process, not by the folder."""
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


def test_a_message_that_cannot_be_read_is_dropped(
    tmp_path: Path, name: str, queue: SimpleQueue, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "broker" / "messages" / f"0_torn.{name}.msg").write_bytes(b"")
    queue.put({"number": 7})

    assert take(queue) == 7
    assert "0_torn" in caplog.text


def test_nothing_is_left_of_a_message_that_was_read(tmp_path: Path, queue: SimpleQueue) -> None:
    queue.put({"number": 1})
    take(queue)

    assert list((tmp_path / "broker" / "messages").iterdir()) == []


def test_a_table_of_queues_that_is_still_being_written_is_empty(tmp_path: Path, name: str, queue: SimpleQueue) -> None:
    """kombu opens the file, which empties it, before it locks and writes it."""
    folder = tmp_path / "broker" / "control"
    (table,) = (path for path in folder.iterdir() if name in path.name)
    channel, written = queue.channel, table.read_text(encoding="utf-8")
    table.write_text("")
    assert channel.get_table(name) == []
    table.write_text(written)
    assert [bound.queue for bound in channel.get_table(name)] == [name]
