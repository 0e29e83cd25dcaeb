"""Count the messages that wait at the broker, which also checks that it answers."""

from celery import current_app
from kombu.exceptions import ChannelError


def waiting_messages() -> int:
    """Return how many messages wait for a worker. Raises the errors of the broker's client."""
    with current_app.connection_for_write() as connection, connection.channel() as channel:
        try:
            declared = channel.queue_declare(  # type: ignore[attr-defined]
                current_app.conf.task_default_queue, passive=True
            )
        except ChannelError:  # nothing was sent yet, or the queue is empty, which in Redis means that it does not exist
            return 0
        return int(declared.message_count)
