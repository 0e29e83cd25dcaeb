"""The API documentation in a real browser: it can be read and tried out within its Content-Security-Policy."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Page, expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from access.tokens.service import create_token
from payments.models import Payment
from tests.factories import make_payment, make_reason, make_user, paid_at_sandbox
from tests.sandbox_server import SandboxServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def docs(page: Page, live_server: LiveServer) -> Callable[[], Page]:
    """Return a function that opens the documentation; a violation of the CSP fails the test."""
    page.add_init_script(
        "document.addEventListener('securitypolicyviolation', (event) =>"
        " setTimeout(() => { throw new Error(`${event.violatedDirective} stopped ${event.blockedURI}`); }));"
    )

    def open_docs() -> Page:
        page.goto(f"{live_server.url}/api/docs")
        expect(page.locator(".opblock").first).to_be_visible()
        return page

    return open_docs


def sign_in(page: Page, live_server: LiveServer, user: User) -> None:
    client = Client()
    client.force_login(user)
    page.context.add_cookies(
        [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}]
    )


def try_out(page: Page, operation: str, **parameters: str) -> str:
    """Press "Try it out" and "Execute"; return the status and body that the page shows."""
    block = page.locator(f"#operations-{operation}")
    block.locator(".opblock-summary-control").click()
    block.get_by_role("button", name="Try it out").click()
    for name, value in parameters.items():
        block.locator(f'tr[data-param-name="{name}"] input').fill(value)
    block.get_by_role("button", name="Execute").click()
    answer = block.locator(".live-responses-table .response")
    expect(answer).to_be_visible()
    return answer.inner_text()


@pytest.fixture
def order() -> Payment:
    return make_payment(user=make_user(), merchant_uid="ORDER-7")


def test_read_operations_can_be_tried_with_the_session(
    docs: Callable[[], Page], live_server: LiveServer, order: Payment
) -> None:
    page = docs()
    assert "not_authenticated" in try_out(page, "payments-getPayment", number="ORDER-7")
    assert order.user is not None
    sign_in(page, live_server, order.user)
    page = docs()
    assert order.imp_uid in try_out(page, "payments-getPayment", number="ORDER-7")


def test_read_operations_can_be_tried_with_a_token(docs: Callable[[], Page], order: Payment) -> None:
    assert order.user is not None
    _token, text = create_token(user=order.user, name="docs")
    page = docs()
    page.get_by_role("button", name="Authorize").first.click()
    box = page.locator(".auth-container")  # the only one: a browser cannot send a cookie that is typed
    box.get_by_role("textbox").fill(text)
    box.get_by_role("button", name="Apply credentials").click()
    page.get_by_role("button", name="Close").last.click()
    assert order.imp_uid in try_out(page, "payments-listPayments")


def test_every_response_example_can_be_selected(docs: Callable[[], Page]) -> None:
    page = docs()
    page.locator("#operations-refunds-cancelPayment .opblock-summary-control").click()
    refused = page.locator('#operations-refunds-cancelPayment .response[data-code="400"]')
    refused.locator(".examples-select-element").select_option("amount_exceeds_balance")
    expect(refused.locator(".model-example")).to_contain_text("is more than the refundable amount")


def test_refunds_can_be_tried_in_development_only(
    docs: Callable[[], Page], live_server: LiveServer, sandbox: SandboxServer, settings: Settings
) -> None:
    payment = paid_at_sandbox(sandbox, user=make_user(), merchant_uid="ORDER-1")
    make_reason(code="change_of_mind")  # of the example
    page = docs()
    page.locator("#operations-refunds-cancelPayment .opblock-summary-control").click()
    expect(page.locator("#operations-refunds-cancelPayment").get_by_role("button", name="Try it out")).to_have_count(0)

    settings.DEBUG = True
    assert payment.user is not None
    sign_in(page, live_server, payment.user)
    assert '"cancelled_amount": 4000' in try_out(docs(), "refunds-cancelPayment")
