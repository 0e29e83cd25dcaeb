"""The Django project. Importing it makes `celery_app` the application that `shared_task` uses."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
