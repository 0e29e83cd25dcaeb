"""BULK_RATE: so many orders per second begin at most, over all workers and machines that share the database."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction

from core import clock
from refunds.models import BatchPace


def seconds_until_turn() -> float:
    """Take the next turn of all workers, and return the seconds until it. A turn that is not used is lost."""
    with transaction.atomic():
        pace, _is_new = BatchPace.objects.select_for_update().get_or_create(
            pk=1, defaults={"next_at": clock.database_now()}
        )
        now = clock.database_now()  # once the row is locked
        turn = max(pace.next_at, now)
        pace.next_at = turn + timedelta(seconds=1 / settings.BULK_RATE)
        pace.save(update_fields=["next_at"])
    return (turn - now).total_seconds()
