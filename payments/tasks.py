"""Where Celery looks for the tasks of this application."""

from payments.intake.tasks import read_notified

__all__ = ["read_notified"]
