"""Crash reports, on development pages and in e-mails: where it happened, without values."""

import re
from collections.abc import ItemsView
from types import FrameType
from typing import Any

from django.http import HttpRequest, QueryDict
from django.views.debug import SafeExceptionReporterFilter


class NoValues(SafeExceptionReporterFilter):
    """Leave out form data and the values of variables: many of them hold account numbers or tokens.

    Django's own filter hides only what is marked, and with DEBUG nothing at all.
    """

    hidden_settings = re.compile(  # addresses hold passwords
        f"{SafeExceptionReporterFilter.hidden_settings.pattern}|DATABASE_URL|BROKER_URL|ENCRYPTION", re.IGNORECASE
    )

    def is_active(self, request: HttpRequest | None) -> bool:
        return True

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        sent = QueryDict() if request is None else request.POST
        return dict.fromkeys(sent, self.cleansed_substitute)

    def get_traceback_frame_variables(self, request: HttpRequest | None, tb_frame: FrameType) -> ItemsView[str, Any]:
        return {name: type(value) for name, value in tb_frame.f_locals.items()}.items()
