"""Check the message broker and count its waiting messages."""

import os
from pathlib import Path

from celery import current_app
from kombu import Connection
from kombu.exceptions import ChannelError

CONNECT_SECONDS = 2


class BrokerUnusable(Exception):
    """The broker does not take messages."""


def ensure_broker_answers() -> None:
    """Check that messages can be sent. Raises `BrokerUnusable`, or an error of the broker's client."""
    folder = _folder()
    if folder is None:
        with _connection() as connection:
            connection.connect()
    elif not folder.is_dir() or not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise BrokerUnusable("the broker's folder below VAR_DIR is missing or cannot be written")


def waiting_messages() -> int:
    """Return how many messages wait for a worker. Raises the errors of the broker's client."""
    queue = str(current_app.conf.task_default_queue)
    folder = _folder()
    if folder is not None:
        return sum(name.partition(".")[2] == f"{queue}.msg" for name in os.listdir(folder))  # noqa: PTH208 - no stat
    with _connection() as connection, connection.channel() as channel:
        try:
            declared = channel.queue_declare(queue, passive=True)  # type: ignore[attr-defined]
        except ChannelError:  # nothing was sent yet, or the queue is empty, which in Redis means that it does not exist
            return 0
        return int(declared.message_count)


def _folder() -> Path | None:
    """Return the folder of the file-system broker's messages; None for any other broker."""
    folder = current_app.conf.broker_transport_options.get("data_folder_in")
    return Path(folder) if folder else None


def _connection() -> Connection:
    limits = {"socket_connect_timeout": CONNECT_SECONDS, "socket_timeout": CONNECT_SECONDS, "max_retries": 0}
    return current_app.connection_for_write(connect_timeout=CONNECT_SECONDS, transport_options=limits)
