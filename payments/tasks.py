"""Tasks of this application, where Celery looks for them."""

from payments.intake.tasks import mirror, read_notified

__all__ = ["mirror", "read_notified"]
