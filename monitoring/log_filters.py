"""Logging filter that adds the request id and removes paths."""

import logging

from django.http import HttpRequest

from core.request_ids import request_id
from monitoring.routes import route_of


class Context(logging.Filter):
    """Add the request id, and replace a request's path, which contains an order number, with its route."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id()
        request = getattr(record, "request", None)
        if isinstance(request, HttpRequest) and isinstance(record.args, tuple):
            paths = {request.path, request.path_info}
            record.args = tuple(
                route_of(request) if isinstance(arg, str) and arg in paths else arg for arg in record.args
            )
        return True
