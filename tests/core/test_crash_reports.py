"""Crash reports contain no values, with DEBUG and without."""

from __future__ import annotations

import sys

import pytest
from django.test import RequestFactory
from django.views.debug import ExceptionReporter, get_exception_reporter_filter
from pytest_django import Settings

NUMBER = "110-123-456789"


@pytest.mark.parametrize("debug", [True, False])
def test_crash_report_contains_neither_request_data_nor_variables(settings: Settings, debug: bool) -> None:
    settings.DEBUG = debug
    request = RequestFactory().post("/", {"p1-refund_account": NUMBER})
    typed = {"account": NUMBER}
    try:
        raise RuntimeError(f"{len(typed)} things")
    except RuntimeError:
        reporter = ExceptionReporter(request, *sys.exc_info())
    for report in (reporter.get_traceback_html(), reporter.get_traceback_text()):
        assert "1 things" in report
        assert NUMBER not in report
    assert "p1-refund_account" in reporter.get_traceback_html()
    assert "typed" in reporter.get_traceback_html()


def test_passwords_in_urls_are_hidden(settings: Settings) -> None:
    settings.CELERY_BROKER_URL = "amqp://user:hunter2@host//"
    request = RequestFactory().get("/", DATABASE_URL="postgres://user:hunter2@host/name")
    reports = get_exception_reporter_filter(request)
    assert "hunter2" not in str(reports.get_safe_settings())
    assert "hunter2" not in str(reports.get_safe_request_meta(request))
