"""Endpoints and deliveries in the admin: secrets shown once, URLs checked, events sent again with a permission."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from core.admin import log
from core.admin.display import format_time
from tests.admin_pages import codes, sign_in
from tests.factories import make_staff
from tests.webhooks.conftest import Connected
from tests.webhooks.test_events import fail, requested_refund
from webhooks.admin import deliveries, endpoint_views
from webhooks.delivery.service import deliver_due, send_test
from webhooks.endpoints import add_endpoint
from webhooks.models import Delivery, DeliveryStatus, Endpoint

pytestmark = pytest.mark.django_db(transaction=True)

ENDPOINTS = "/admin/webhooks/endpoint/"
DELIVERIES = "/admin/webhooks/delivery/"
MANAGER = ("add_endpoint", "change_endpoint", "view_endpoint", "view_delivery", "send_delivery")
SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]{44}")


@pytest.fixture
def manager(client: Client) -> Client:
    return sign_in(client, make_staff(*MANAGER))


@pytest.fixture
def waiting(connected: Connected) -> Connected:
    """A refund has failed, and no worker runs."""
    fail(requested_refund())
    return connected


@pytest.fixture
def paused(connected: Connected) -> Connected:
    """An endpoint that failed three times in a row, and another event that was not tried."""
    connected.receiver.answers = [500]
    for _ in range(4):
        fail(requested_refund())
    deliver_due()
    return connected


@pytest.fixture
def delivered(connected: Connected) -> Connected:
    """Deliver the event of a failed refund to the endpoint."""
    fail(requested_refund())
    deliver_due()
    return connected


def page_of(thing: Endpoint | Delivery) -> str:
    folder = ENDPOINTS if isinstance(thing, Endpoint) else DELIVERIES
    return f"{folder}{thing.pk}/change/"


def told(answer: Any) -> list[str]:
    """Return the codes of the messages on the page after a form."""
    return [message.extra_tags for message in answer.context["messages"]]


# --- Endpoints ----------------------------------------------------------------------------------------------


def test_an_added_endpoints_secret_is_shown_once_and_kept_nowhere(manager: Client, connected: Connected) -> None:
    asked = {"name": "Second", "url": connected.receiver.url, "types": ["refund.failed"]}
    answer = manager.post(f"{ENDPOINTS}add/", asked)

    (secret,) = set(SECRET.findall(answer.text))
    assert "no-store" in answer["Cache-Control"]
    endpoint = Endpoint.objects.get(name="Second")
    send_test(endpoint)
    assert connected.receiver.received[0].verified_with(secret)
    for url in (ENDPOINTS, page_of(endpoint), f"{ENDPOINTS}{endpoint.pk}/history/", f"{ENDPOINTS}{endpoint.pk}/edit/"):
        assert not SECRET.search(manager.get(url).text)
    # Reloading the page adds nothing.
    assert codes(manager.post(f"{ENDPOINTS}add/", asked).text) == ["unique"]
    assert "refund.failed" in endpoint.types


def test_a_double_click_adds_one_endpoint(
    manager: Client, connected: Connected, monkeypatch: pytest.MonkeyPatch
) -> None:
    def after_the_other_click(**fields: Any) -> tuple[Endpoint, str]:
        add_endpoint(**fields)
        return add_endpoint(**fields)

    monkeypatch.setattr(endpoint_views, "add_endpoint", after_the_other_click)
    answer = manager.post(f"{ENDPOINTS}add/", {"name": "Twice", "url": connected.receiver.url})
    assert codes(answer.text) == ["unique"]
    assert Endpoint.objects.filter(name="Twice").count() == 1


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://169.254.169.254/latest/meta-data/", "address_not_public"),
        ("https://[::ffff:10.0.0.1]/", "address_not_public"),
        ("https://2130706433/", "host_is_a_number"),
        ("http://shop.example/", "https_required"),
        ("https://user:secret@shop.example/", "credentials_in_url"),
        ("https://no-such-host.invalid/", "host_unknown"),
        ("junk", "invalid_url"),
        ("https://shop.example/\x00", "null_characters_not_allowed"),
        ("https://shop.example/" + "x" * 500, "max_length"),
        ("", "required"),
    ],
)
def test_an_address_that_leads_inside_is_refused_with_a_reason(
    manager: Client, settings: Settings, url: str, code: str
) -> None:
    for path in (f"{ENDPOINTS}add/", f"{ENDPOINTS}{existing().pk}/edit/"):
        assert codes(manager.post(path, {"name": "Inside", "url": url}).text) == [code]
    assert Endpoint.objects.get().url == "https://shop.example/"


def test_the_form_names_the_addresses_that_the_settings_allow(manager: Client, settings: Settings) -> None:
    settings.WEBHOOK_ALLOW_HTTP, settings.WEBHOOK_ALLOWED_NETWORKS = False, ()
    assert (
        "It must start with https://. Its server must be on the public internet."
        in manager.get(f"{ENDPOINTS}add/").text
    )
    settings.WEBHOOK_ALLOW_HTTP = True
    assert "It must start with https:// or http://." in manager.get(f"{ENDPOINTS}add/").text


def existing() -> Endpoint:
    return Endpoint.objects.first() or add_endpoint(name="Shop", url="https://shop.example/", types=[])[0]


def test_an_endpoint_is_edited_without_asking_for_its_unchanged_address(manager: Client) -> None:
    endpoint = existing()
    asked = {"name": "Renamed", "url": endpoint.url, "types": ["refund.succeeded"]}
    answer: Any = manager.post(f"{ENDPOINTS}{endpoint.pk}/edit/", asked, follow=True)
    assert told(answer) == ["saved"]
    assert "Renamed" in answer.text
    assert "Renamed" in manager.get(ENDPOINTS).text


def test_a_secret_is_replaced_once_however_often_the_button_is_pressed(manager: Client) -> None:
    endpoint = existing()
    made_at = re.search(r'name="made_at" value="([^"]*)"', manager.get(page_of(endpoint)).text)
    assert made_at
    asked = {"overlap": "7", "made_at": made_at[1]}

    answer = manager.post(f"{ENDPOINTS}{endpoint.pk}/secret/", asked)

    assert SECRET.search(answer.text)
    assert "no-store" in answer["Cache-Control"]
    changed = Endpoint.objects.get()
    assert changed.old_secret == endpoint.secret
    again: Any = manager.post(f"{ENDPOINTS}{endpoint.pk}/secret/", asked, follow=True)
    assert told(again) == ["replaced_already"]
    assert Endpoint.objects.get().secret == changed.secret


@pytest.mark.parametrize("asked", [{}, {"overlap": "365", "made_at": "x"}, {"overlap": "0", "made_at": "junk"}])
def test_nonsense_replaces_no_secret(manager: Client, asked: dict[str, str]) -> None:
    endpoint = existing()
    answer: Any = manager.post(f"{ENDPOINTS}{endpoint.pk}/secret/", asked, follow=True)
    assert told(answer)[0] in {"invalid_choice", "replaced_already"}
    assert Endpoint.objects.get().secret == endpoint.secret


@pytest.mark.parametrize(
    ("answers", "code", "text"),
    [(200, "test_delivered", "HTTP 200"), (500, "test_failed", "HTTP 500"), (302, "test_failed", "Redirects")],
)
def test_a_test_event_says_what_the_endpoint_answered(
    manager: Client, connected: Connected, answers: int, code: str, text: str
) -> None:
    connected.receiver.answers = [answers]
    answer: Any = manager.post(f"{ENDPOINTS}{connected.endpoint.pk}/test/", follow=True)
    assert told(answer) == [code]
    assert text in answer.text


def test_a_test_of_an_address_that_leads_inside_by_now_says_so(manager: Client, connected: Connected) -> None:
    Endpoint.objects.update(url="https://10.0.0.1/")
    answer: Any = manager.post(f"{ENDPOINTS}{connected.endpoint.pk}/test/", follow=True)
    assert told(answer) == ["test_failed"]
    assert "not on the public internet" in answer.text


def test_an_endpoint_is_switched_off_and_on_and_then_gets_what_waits(
    manager: Client, waiting: Connected, eager_worker: None
) -> None:
    url = f"{ENDPOINTS}{waiting.endpoint.pk}/switch/"
    assert told(manager.post(url, {"to": "off"}, follow=True)) == ["off"]
    assert "On hold" in manager.get(page_of(waiting.endpoint)).text
    assert told(manager.post(url, {"to": "on"}, follow=True)) == ["on"]
    assert len(waiting.receiver.received) == 1


def test_who_did_what_to_an_endpoint_is_in_its_history(manager: Client, connected: Connected) -> None:
    manager.post(f"{ENDPOINTS}{connected.endpoint.pk}/switch/", {"to": "off"})
    manager.post(f"{ENDPOINTS}{connected.endpoint.pk}/test/")
    page = manager.get(f"{ENDPOINTS}{connected.endpoint.pk}/history/").text
    assert "Switched off" in page
    assert "Test event sent" in page


@pytest.mark.parametrize(("language", "words"), [("en", "Paused until {}: it kept"), ("ko", "{}까지 일시 중지")])
def test_a_paused_endpoint_says_until_when_and_so_do_the_deliveries_that_wait_for_it(
    manager: Client, paused: Connected, language: str, words: str
) -> None:
    manager.cookies["django_language"] = language
    until = format_time(Endpoint.objects.get().paused_until)
    delivery = Delivery.objects.get(attempts=0)
    for url in (ENDPOINTS, page_of(paused.endpoint), DELIVERIES, page_of(delivery)):
        page = manager.get(url).text
        assert words.format(until) in page, url
        assert "rd-badge rd-amber" in page, url
    assert "paused" in codes(manager.get(page_of(paused.endpoint)).text)
    page = manager.get(page_of(delivery)).text
    assert codes(page) == ["endpoint_paused"]
    assert f"<dd>{until}</dd>" in page  # the next attempt

    Endpoint.objects.update(paused_until=timezone.now())
    for url in (ENDPOINTS, page_of(paused.endpoint), DELIVERIES, page_of(delivery)):
        assert words.format(until) not in manager.get(url).text, url


def test_an_endpoint_that_is_switched_off_is_not_shown_as_paused(manager: Client, paused: Connected) -> None:
    Endpoint.objects.update(enabled=False)
    for url in (ENDPOINTS, page_of(paused.endpoint), DELIVERIES, page_of(Delivery.objects.get(attempts=0))):
        assert "Paused" not in manager.get(url).text, url


def test_a_delivery_whose_own_time_comes_after_the_pause_waits_for_that(manager: Client, paused: Connected) -> None:
    delivery = Delivery.objects.get(attempts=0)
    later = timezone.now() + timedelta(hours=1)
    Delivery.objects.update(next_attempt_at=later)
    page = manager.get(page_of(delivery)).text
    assert codes(page) == []
    assert f"<dd>{format_time(later)}</dd>" in page


# --- Deliveries ---------------------------------------------------------------------------------------------


def test_a_delivery_shows_its_event_its_attempts_and_the_answer_as_text(manager: Client, delivered: Connected) -> None:
    delivered.receiver.text = b"<script>alert(1)</script>"
    send_test(delivered.endpoint)
    page = manager.get(page_of(Delivery.objects.latest("pk"))).text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page

    refund = Delivery.objects.earliest("pk").event.refund
    assert refund
    page = manager.get(page_of(Delivery.objects.earliest("pk"))).text
    for text in ("Refund failed ₩1,000", "HTTP 200", refund.number, "cancel_amount", "Delivered"):
        assert text in page


def test_a_refund_is_linked_only_for_those_who_may_open_it(manager: Client, delivered: Connected) -> None:
    refund = delivered.delivery.event.refund
    assert refund
    link = f"/admin/refunds/refundrecord/{refund.pk}/change/"
    assert link not in manager.get(page_of(delivered.delivery)).text
    sign_in(manager, make_staff(*MANAGER, "view_refundrecord", name="accountant"))
    assert link in manager.get(page_of(delivered.delivery)).text


def test_an_interrupted_attempt_is_shown_as_such(manager: Client, delivered: Connected) -> None:
    delivered.delivery.attempt_log.update(status=None, milliseconds=None)
    page = manager.get(page_of(delivered.delivery)).text
    assert "Interrupted" in page
    assert "The endpoint may have received the event" in page


def test_one_delivery_is_sent_again(manager: Client, delivered: Connected, eager_worker: None) -> None:
    answer: Any = manager.post(f"{DELIVERIES}{delivered.delivery.pk}/again/", follow=True)
    assert told(answer) == ["sent_again"]
    assert len(delivered.receiver.received) == 2
    assert len({event.id for event in delivered.receiver.received}) == 1
    assert log.told(LogEntry.objects.get()) == "Sent again"


def test_many_are_sent_again_at_once_but_no_tests(manager: Client, delivered: Connected, eager_worker: None) -> None:
    fail(requested_refund())
    deliver_due()
    send_test(delivered.endpoint)
    asked = {"action": "send_selected_again", "_selected_action": [pk for (pk,) in Delivery.objects.values_list("pk")]}

    answer: Any = manager.post(DELIVERIES, asked, follow=True)

    assert told(answer) == ["sent_again", "left_out"]
    assert "2 events will be sent again" in answer.text
    assert len(delivered.receiver.received) == 5
    assert LogEntry.objects.count() == 2


def test_too_many_at_once_are_refused(manager: Client, delivered: Connected, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "MAX_AT_ONCE", 0)
    asked = {"action": "send_selected_again", "_selected_action": delivered.delivery.pk}
    assert told(manager.post(DELIVERIES, asked, follow=True)) == ["too_many_events"]
    assert delivered.delivery.status == DeliveryStatus.DELIVERED


def test_what_is_sent_again_to_an_endpoint_that_is_off_is_said_to_wait(manager: Client, delivered: Connected) -> None:
    Endpoint.objects.update(enabled=False)
    answer: Any = manager.post(f"{DELIVERIES}{delivered.delivery.pk}/again/", follow=True)
    assert told(answer) == ["sent_again", "on_hold"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, 3),
        ({"state": "delivered"}, 1),
        ({"state": "given_up"}, 1),
        ({"state": "waiting"}, 1),
        ({"state": "retrying"}, 1),
        ({"state": "junk"}, 0),
        ({"event": "ping"}, 1),
        ({"event": "refund.failed"}, 2),
        ({"endpoint": "junk"}, 0),
        ({"q": "order-"}, 2),
        ({"q": "nothing"}, 0),
        ({"q": "evt_" + "0" * 32}, 0),
    ],
)
def test_deliveries_are_filtered_and_searched(
    manager: Client, delivered: Connected, query: dict[str, str], expected: int
) -> None:
    delivered.receiver.answers = [500]
    send_test(delivered.endpoint)
    fail(requested_refund())
    deliver_due()
    answer: Any = manager.get(DELIVERIES, query, follow=True)
    assert len(answer.context["cl"].result_list) == expected


@pytest.mark.parametrize("name", ["q", "state", "endpoint", "event"])
def test_characters_that_no_database_knows_break_nothing(manager: Client, name: str) -> None:
    assert manager.get(DELIVERIES, {name: "\x00"}, follow=True).status_code < 500


def test_an_event_is_found_by_its_own_number_and_its_refunds(manager: Client, delivered: Connected) -> None:
    event = delivered.delivery.event
    assert event.refund
    endpoint = str(delivered.endpoint.pk)
    for query in ({"q": event.message_id}, {"q": event.refund.number.lower()}, {"endpoint": endpoint}):
        answer: Any = manager.get(DELIVERIES, query)
        assert [found.pk for found in answer.context["cl"].result_list] == [delivered.delivery.pk]


def test_lists_cost_the_same_however_many_rows(
    manager: Client, delivered: Connected, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(10):
        fail(requested_refund())
    for url, most in ((DELIVERIES, 9), (ENDPOINTS, 8)):
        manager.get(url)
        with django_assert_max_num_queries(most):
            manager.get(url)


# --- Permissions --------------------------------------------------------------------------------------------


def test_viewers_see_and_change_nothing(client: Client, delivered: Connected) -> None:
    sign_in(client, make_staff("view_endpoint", "view_delivery"))
    endpoint, delivery = delivered.endpoint, delivered.delivery
    for url in (ENDPOINTS, page_of(endpoint), DELIVERIES, page_of(delivery)):
        page = client.get(url)
        assert page.status_code == 200
        assert not any(text in page.text for text in ("Send again", "Send a test", "Switch o", "new secret", "/add/"))
    for path in ("add/", f"{endpoint.pk}/edit/"):
        assert client.get(f"{ENDPOINTS}{path}").status_code == 403
        assert client.post(f"{ENDPOINTS}{path}", {"name": "x", "url": "https://shop.example"}).status_code == 403
    for path in ("switch/", "test/", "secret/"):
        assert client.post(f"{ENDPOINTS}{endpoint.pk}/{path}", {"to": "off", "overlap": "0"}).status_code == 403
    assert client.post(f"{DELIVERIES}{delivery.pk}/again/").status_code == 403
    client.post(DELIVERIES, {"action": "send_selected_again", "_selected_action": delivery.pk})
    assert Endpoint.objects.get() == endpoint
    assert delivered.delivery.status == DeliveryStatus.DELIVERED
    assert len(delivered.receiver.received) == 1


@pytest.mark.parametrize("permissions", [(), ("refund_payment", "view_payment", "resolve_refund")])
def test_others_see_nothing_of_events(client: Client, delivered: Connected, permissions: tuple[str, ...]) -> None:
    sign_in(client, make_staff(*permissions))
    for url in (ENDPOINTS, page_of(delivered.endpoint), DELIVERIES, page_of(delivered.delivery)):
        assert client.get(url).status_code == 403
    assert "Endpoints" not in client.get("/admin/").text


@pytest.mark.parametrize("path", ["999999/change/", "junk/change/", "999999/edit/", "99999999999999999999/edit/"])
def test_unknown_endpoints_are_not_found(manager: Client, path: str) -> None:
    assert manager.get(f"{ENDPOINTS}{path}").status_code == 404


def test_an_endpoint_that_is_gone_is_explained(manager: Client, connected: Connected) -> None:
    connected.receiver.answers = [410]
    answer: Any = manager.post(f"{ENDPOINTS}{connected.endpoint.pk}/test/", follow=True)
    assert "gone" in codes(answer.text)
    assert Endpoint.objects.get().secret_made_at < timezone.now()
