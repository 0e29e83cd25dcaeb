"""Tasks of this application, where Celery looks for them."""

from payments.intake.tasks import read_notified

__all__ = ["read_notified"]
