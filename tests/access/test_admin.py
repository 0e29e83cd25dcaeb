"""Staff create API tokens, see each secret once, and revoke them; each view checks its permission."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from access.models import ApiToken
from access.tokens.service import create_token, find_token, revoke_token
from core.admin.log import told
from refunds.inputs import Actor, RefundRequest
from refunds.models import RefundRecord, RefundSource
from refunds.services.refund import request_refund
from tests.admin_pages import codes, sign_in
from tests.factories import make_payment, make_staff, make_user
from tests.fakes import InstantGateway

pytestmark = pytest.mark.django_db

LIST = "/admin/access/apitoken/"
ADD = f"{LIST}add/"
SECRET = re.compile(r"rd_[\w-]{43}")


@pytest.fixture
def superuser() -> User:
    return User.objects.create_superuser("boss", password="secret")


@pytest.fixture
def maker(client: Client) -> Client:
    return sign_in(client, make_staff("add_apitoken", "view_apitoken", "change_apitoken"))


def detail(token: ApiToken) -> str:
    return f"{LIST}{token.pk}/change/"


def revocation(token: ApiToken) -> str:
    return f"{LIST}{token.pk}/revoke/"


def form(**fields: str) -> dict[str, str]:
    defaults = {
        "name": "shop web server",
        "valid_until": f"{timezone.localdate() + timedelta(days=30)}",
        "may_read": "on",
        "limit_currency": "KRW",
    }
    return {**defaults, **fields}


def errors(answer: Any) -> dict[str, list[str]]:
    """Return the error codes per field of a form that was shown again."""
    assert answer.status_code == 200
    found = answer.context["adminform"].form.errors.as_data()
    return {name: [error.code for error in problems] for name, problems in found.items()}


def token_of(user: User, name: str = "shop", **fields: Any) -> ApiToken:
    return create_token(user=user, name=name, **fields)[0]


# --- Creating -------------------------------------------------------------------------------------------------


def test_new_token_is_shown_once_and_works(maker: Client) -> None:
    answer = maker.post(ADD, form(may_refund="on", max_amount="30000", max_per_day="100000"))
    (secret,) = set(SECRET.findall(answer.text))
    assert (answer.status_code, "no-store" in answer["Cache-Control"]) == (200, True)
    token = find_token(secret)
    assert token is not None
    assert (token.user.username, token.created_by) == ("staff", token.user)
    assert (token.may_read, token.may_refund) == (True, True)
    assert (token.max_amount, token.max_per_day) == (Decimal(30_000), Decimal(100_000))
    assert f"{timezone.localtime(token.expires_at):%Y-%m-%d %H:%M}" == f"{form()['valid_until']} 23:59"

    for page in (LIST, detail(token), f"{LIST}{token.pk}/history/", "/admin/"):
        assert secret not in maker.get(page).text
    kept = [str(list(model.objects.values())) for model in (ApiToken, LogEntry, Session)]
    kept += [str(session.get_decoded()) for session in Session.objects.all()] + [str(maker.cookies)]
    assert [text for text in kept if secret in text] == []
    assert LogEntry.objects.get().get_change_message() == "Added."


def test_repeated_form_creates_no_second_token(maker: Client) -> None:
    assert SECRET.search(maker.post(ADD, form()).text)
    answer = maker.post(ADD, form())
    assert errors(answer) == {"name": ["name_in_use"]}
    assert not SECRET.search(answer.text)
    revoke_token(ApiToken.objects.get())
    assert SECRET.search(maker.post(ADD, form()).text)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"name": ""}, {"name": ["required"]}),
        ({"name": "x" * 101}, {"name": ["max_length"]}),
        ({"name": "a\x00b"}, {"name": ["null_characters_not_allowed"]}),
        ({"valid_until": ""}, {"valid_until": ["required"]}),
        ({"valid_until": "2020-01-01"}, {"valid_until": ["already_over"]}),
        ({"valid_until": "9999-12-31"}, {"valid_until": ["too_long"]}),
        ({"valid_until": "soon"}, {"valid_until": ["invalid"]}),
        ({"may_read": ""}, {"may_refund": ["token_may_nothing"]}),
        ({"max_amount": "-1"}, {"max_amount": ["min_value"]}),
        ({"max_amount": "NaN"}, {"max_amount": ["invalid"]}),
        ({"max_amount": "1e300"}, {"max_amount": ["max_digits"]}),
        ({"max_amount": "0.5"}, {"max_amount": ["amount_too_precise"]}),
        ({"max_amount": "2", "max_per_day": "1"}, {"max_amount": ["more_than_per_day"]}),
        ({"limit_currency": "XYZ"}, {"limit_currency": ["currency_unknown"]}),
        ({"limit_currency": "\x00"}, {"limit_currency": ["null_characters_not_allowed"]}),
    ],
)
def test_invalid_form_is_shown_again_with_errors(
    maker: Client, fields: dict[str, str], expected: dict[str, list[str]]
) -> None:
    assert errors(maker.post(ADD, form(**fields))) == expected
    assert not ApiToken.objects.exists()


def test_expiry_is_between_today_and_one_year(maker: Client) -> None:
    for days in (0, 365):
        day = timezone.localdate() + timedelta(days=days)
        assert SECRET.search(maker.post(ADD, form(name=str(days), valid_until=f"{day}")).text)
    assert errors(maker.post(ADD, form(valid_until=f"{timezone.localdate() + timedelta(days=366)}"))) == {
        "valid_until": ["too_long"]
    }


def test_default_expiry_is_ninety_days(maker: Client) -> None:
    assert f'value="{timezone.localdate() + timedelta(days=90)}"' in maker.get(ADD).text


def test_staff_create_tokens_for_themselves_only(maker: Client, superuser: User) -> None:
    assert 'name="user"' not in maker.get(ADD).text
    assert SECRET.search(maker.post(ADD, form(user=str(superuser.pk), created_by=str(superuser.pk))).text)
    token = ApiToken.objects.get()
    assert (token.user.username, token.created_by) == ("staff", token.user)


@pytest.mark.parametrize(("language", "words"), [("en", "Switch off “Active” instead"), ("ko", "“활성”을 해제")])
@pytest.mark.parametrize("keeps", ["refund", "token", "created_token"])
def test_an_account_with_refunds_or_tokens_is_not_deleted_and_says_what_to_do(
    client: Client, superuser: User, language: str, words: str, keeps: str
) -> None:
    account = make_staff(name="leaver")
    if keeps == "refund":
        payment = make_payment()
        request_refund(
            payment=payment,
            request=RefundRequest(amount=Decimal(4_000)),
            actor=Actor("leaver", account),
            source=RefundSource.ADMIN,
            gateway=InstantGateway(payment),
        )
    elif keeps == "token":
        token_of(account)
    else:
        token_of(superuser, created_by=account)
    sign_in(client, superuser)
    client.cookies["django_language"] = language
    own = f"/admin/auth/user/{account.pk}"

    for answer, code in (
        (client.get(f"{own}/delete/"), "account_in_use"),
        (client.post(f"{own}/delete/", {"post": "yes"}), "account_in_use"),
        (selected_for_deletion(client, account, make_user("other")), "accounts_in_use"),
    ):
        assert codes(answer.text) == [code]
        assert words in answer.text
        assert f'href="{own}/change/"' in answer.text
    assert User.objects.filter(username__in=("leaver", "other")).count() == 2


def test_selected_accounts_without_refunds_are_deleted(client: Client, superuser: User) -> None:
    sign_in(client, superuser)
    selected_for_deletion(client, make_user("one"), make_user("two"), post="yes")
    assert User.objects.get() == superuser


def selected_for_deletion(client: Client, *accounts: User, **fields: str) -> Any:
    chosen = [account.pk for account in accounts]
    return client.post("/admin/auth/user/", {"action": "delete_selected", "_selected_action": chosen, **fields})


def test_a_superuser_chooses_an_active_account(client: Client, superuser: User) -> None:
    sign_in(client, superuser)
    buyer, closed = make_user("buyer"), make_user("closed", is_active=False)
    assert errors(client.post(ADD, form())) == {"user": ["required"]}
    assert errors(client.post(ADD, form(user=str(closed.pk)))) == {"user": ["invalid_choice"]}
    assert SECRET.search(client.post(ADD, form(user=str(buyer.pk))).text)
    token = ApiToken.objects.get()
    assert (token.user, token.created_by) == (buyer, superuser)


# --- Permissions ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("permissions", "may"),
    [
        ((), set()),
        (("refund_payment", "view_payment"), set()),
        (("view_apitoken",), {"list", "detail"}),
        (("add_apitoken",), {"add"}),
        (("change_apitoken",), {"list", "detail", "revoke"}),
        (("delete_apitoken",), set()),
    ],
)
def test_each_view_checks_its_permission(client: Client, permissions: tuple[str, ...], may: set[str]) -> None:
    token = token_of(make_user("buyer"))
    sign_in(client, make_staff(*permissions))
    views = {"list": LIST, "detail": detail(token), "add": ADD, "revoke": revocation(token)}
    assert {name for name, path in views.items() if client.get(path).status_code == 200} == may
    assert (SECRET.search(client.post(ADD, form()).text) is not None) == ("add" in may)
    client.post(revocation(token))
    token.refresh_from_db()
    assert (token.revoked_at is not None) == ("revoke" in may)


# --- Revoking -------------------------------------------------------------------------------------------------


def test_token_is_revoked_once_after_a_confirmation(maker: Client) -> None:
    token, secret = create_token(user=make_user("buyer"), name="old server")
    assert revocation(token) in maker.get(detail(token)).text
    assert "old server" in maker.get(revocation(token)).text
    assert find_token(secret) is not None

    page = maker.post(revocation(token), follow=True).text
    assert "is revoked" in page
    assert 'data-state="revoked"' in page
    assert revocation(token) not in page
    assert find_token(secret) is None
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.user.get_username(), told(entry)) == (str(token.pk), "staff", "Revoked.")
    history = f"/admin/access/apitoken/{token.pk}/history/"
    assert "폐기했습니다." in maker.get(history, headers={"accept-language": "ko"}).text

    assert maker.post(revocation(token))["Location"] == detail(token)
    assert LogEntry.objects.count() == 1
    assert maker.get(f"{LIST}999999999999999999999/revoke/").status_code == 404


# --- Viewing --------------------------------------------------------------------------------------------------


def test_token_list_shows_scopes_and_filters_by_state(maker: Client) -> None:
    user = make_user("buyer")
    token_of(user, "good one", may_refund=False)
    token_of(user, "limited one", max_amount=Decimal(30_000), max_per_day=Decimal(100_000))
    revoke_token(token_of(user, "revoked one"))
    old = token_of(user, "expired one")
    past = {"created_at": timezone.now() - timedelta(days=2), "expires_at": timezone.now() - timedelta(days=1)}
    ApiToken.objects.filter(pk=old.pk).update(**past)

    page = maker.get(LIST).text
    for text in ("Read only", "Read and refund", "₩30,000 per refund", "₩100,000 per day", "no daily limit", "buyer"):
        assert text in page
    names = ("good one", "limited one", "revoked one", "expired one")
    shown = {
        state: {name for name in names if name in maker.get(LIST, {"state": state}).text}
        for state in ("active", "expired", "revoked", "junk")
    }
    assert shown == {
        "active": {"good one", "limited one"},
        "expired": {"expired one"},
        "revoked": {"revoked one"},
        "junk": set(),
    }


@pytest.mark.parametrize(
    "query", [{"q": "a\x00b"}, {"q": "rd_"}, {"name": "\x00"}, {"user__password": "x"}, {"p": "x"}]
)
def test_invalid_query_parameters_cause_no_server_error(maker: Client, query: dict[str, str]) -> None:
    assert maker.get(LIST, query).status_code < 500


def test_pages_show_the_refunds_of_a_token_with_the_permission(client: Client) -> None:
    user = make_staff("refund_payment", "view_apitoken")
    token = token_of(user, "shop web server", max_per_day=Decimal(100_000))
    payment = make_payment()
    request_refund(
        payment=payment,
        request=RefundRequest(amount=Decimal(4_000)),
        actor=Actor("shop", user, token),
        source=RefundSource.API,
        gateway=InstantGateway(payment),
    )
    sign_in(client, user)
    assert "₩4,000 of ₩100,000" in client.get(detail(token)).text
    page = client.get(f"/admin/refunds/refundrecord/{RefundRecord.objects.get().pk}/change/").text
    assert detail(token) in page
    assert "shop web server" in page

    sign_in(client, make_staff("view_apitoken", name="outsider"))
    assert "₩4,000" not in client.get(detail(token)).text
    sign_in(client, make_staff("view_refundrecord", name="reader"))
    assert detail(token) not in client.get(f"/admin/refunds/refundrecord/{RefundRecord.objects.get().pk}/change/").text
