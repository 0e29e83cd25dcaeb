"""The message broker: does it answer, and how many messages wait there."""

import os
from pathlib import Path

from celery import current_app
from kombu import Connection
from kombu.exceptions import ChannelError

CONNECT_SECONDS = 2


class BrokerUnusable(Exception):
    """The broker does not take messages."""


def ensure_broker_answers() -> None:
    """Returns if messages can be sent. Raises `BrokerUnusable`, or what the broker's client raises."""
    folder = _folder()
    if folder is None:
        with _connection() as connection:
            connection.connect()
    elif not folder.is_dir() or not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise BrokerUnusable("the broker's folder below VAR_DIR is missing or cannot be written")


def waiting_messages() -> int:
    """How many messages wait for a worker. Raises what the broker's client raises."""
    queue = str(current_app.conf.task_default_queue)
    folder = _folder()
    if folder is not None:
        return sum(name.partition(".")[2] == f"{queue}.msg" for name in os.listdir(folder))  # noqa: PTH208 - no stat
    with _connection() as connection, connection.channel() as channel:
        try:
            declared = channel.queue_declare(queue, passive=True)  # type: ignore[attr-defined]
        except ChannelError:  # nothing was ever sent; to Redis an empty queue does not exist either
            return 0
        return int(declared.message_count)


def _folder() -> Path | None:
    """Where messages are kept if they are files; None for a broker that is a service."""
    folder = current_app.conf.broker_transport_options.get("data_folder_in")
    return Path(folder) if folder else None


def _connection() -> Connection:
    limits = {"socket_connect_timeout": CONNECT_SECONDS, "socket_timeout": CONNECT_SECONDS, "max_retries": 0}
    return current_app.connection_for_write(connect_timeout=CONNECT_SECONDS, transport_options=limits)
