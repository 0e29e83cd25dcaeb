"""Rows that are written once and never changed."""

from typing import Any, NoReturn

from django.db import models


class AppendOnlyError(Exception):
    """A row of history was about to be changed or deleted."""


class AppendOnlyQuerySet(models.QuerySet[Any]):
    def update(self, **kwargs: Any) -> NoReturn:
        raise _error(self.model)

    def delete(self) -> NoReturn:
        raise _error(self.model)


class AppendOnlyModel(models.Model):
    """Base of such rows. Triggers in the database refuse changes as well (`migrations.0001_initial`)."""

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise _error(type(self))
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise _error(type(self))


def _error(model: type[models.Model]) -> AppendOnlyError:
    return AppendOnlyError(f"{model._meta.verbose_name_plural} are append-only")  # noqa: SLF001 (Django's public API)
