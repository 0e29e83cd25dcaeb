"""The gateway that talks to i'mport (PortOne V1) over HTTP."""

import hashlib
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import quote

from django.views.decorators.debug import sensitive_variables

from core.sentences import joined
from core.sentences import sentence as _
from payments.gateway.base import (
    Balance,
    CancelRequest,
    GatewayPayment,
    PaymentPage,
    StatusFilter,
)
from payments.gateway.errors import (
    GatewayAuthFailed,
    GatewayRejected,
    GatewayUnavailable,
    GatewayUnreachable,
    PaymentUnknown,
)
from payments.gateway.iamport.config import GatewayConfig
from payments.gateway.iamport.listing import pages_between, payments_of_order
from payments.gateway.iamport.mapping import Listed, balance_from, payment_from, payments_from
from payments.gateway.iamport.metrics import note
from payments.gateway.iamport.outcomes import not_understood, raise_unless_ok, transport_failure, unreachable
from payments.gateway.iamport.session import HttpSession, TransportError
from payments.gateway.iamport.text import prose
from payments.gateway.iamport.tokens import Token, TokenCache, is_header_safe
from payments.gateway.iamport.wire import Call, Envelope, Unreadable, decode
from payments.gateway.slots import call_slot

logger = logging.getLogger(__name__)

UIDS_PER_CALL = 100  # i'mport's limit
_ASK_AGAIN_AFTER = 60.0  # seconds
Mapped = TypeVar("Mapped")


class IamportGateway:
    """i'mport, for one configuration. Threads share one instance."""

    def __init__(self, config: GatewayConfig) -> None:
        self.config = config
        self._session = HttpSession(config)
        name = hashlib.sha256(f"{config.api_url}\n{config.imp_key}".encode()).hexdigest()[:16]
        self._tokens = TokenCache(f"iamport-token:{name}", self._fetch_token)

    @property
    def longest_cancel(self) -> float:
        """Return the seconds that a cancel can take, with a new token before it and a reading after a refusal."""
        return self.config.longest_cancel

    def cancel(self, request: CancelRequest) -> GatewayPayment:
        """Request one cancel. It is sent once, and again only after a 401, with which i'mport executes nothing.

        Raises `GatewayRejected` (refused), `GatewayUnavailable` (certainly not carried out) or
        `OutcomeUnknown`.
        Raises `ValueError` for an amount that is not above 0: i'mport takes 0 as "everything that is left".
        """
        if not request.amount.is_finite() or request.amount <= 0:
            raise ValueError("the amount to cancel must be above 0")
        call = Call("cancel", "POST", "/payments/cancel", body=_cancel_body(request))
        read_at = datetime.now(UTC)
        return self._ask(call, lambda raw: replace(_same(payment_from(raw), request.imp_uid), read_at=read_at))

    def payment(self, imp_uid: str) -> GatewayPayment:
        """Read one payment. Raises `PaymentUnknown` or `GatewayUnavailable`."""
        read_at = datetime.now(UTC)
        return self._ask(
            _payment_call(imp_uid), lambda raw: replace(_same(payment_from(raw), imp_uid), read_at=read_at)
        )

    def payments(self, imp_uids: Sequence[str]) -> list[GatewayPayment]:
        """Read many payments, a hundred per call; unknown ones are left out, the order is not kept."""
        wanted = sorted({uid for uid in imp_uids if uid})
        found: list[GatewayPayment] = []
        for first in range(0, len(wanted), UIDS_PER_CALL):
            chunk = wanted[first : first + UIDS_PER_CALL]
            read_at = datetime.now(UTC)
            try:
                shown = (self._one(chunk[0]) if len(wanted) == 1 else self._many(chunk)).payments
            except PaymentUnknown:  # not one of them is known
                continue
            found += [replace(payment, read_at=read_at) for payment in shown if payment.imp_uid in chunk]
        return found

    def _one(self, imp_uid: str) -> Listed:
        return self._ask(_payment_call(imp_uid), lambda raw: payments_from([raw]))

    def _many(self, imp_uids: Sequence[str]) -> Listed:
        params = tuple(("imp_uid[]", uid) for uid in imp_uids)
        return self._ask(Call("payments", "GET", "/payments", params=params), payments_from)

    def payments_between(
        self, start: datetime, end: datetime, *, status: StatusFilter = "all"
    ) -> Iterator[PaymentPage]:
        """Yield every payment whose final status was set in [start, end]. Raises `GatewayError` while iterating."""
        return pages_between(self._ask, start, end, status)

    def payments_of_order(self, merchant_uid: str) -> list[GatewayPayment]:
        """Read every payment of an order, newest first; none if i'mport does not know the order."""
        return payments_of_order(self._ask, merchant_uid) if merchant_uid.strip(".") else []

    def balance(self, imp_uid: str) -> Balance:
        """Return what is left tax-free of a PAYCO payment. Raises `PaymentUnknown` or `GatewayUnavailable`."""
        return self._ask(Call("balance", "GET", f"{_payment_path(imp_uid)}/balance"), balance_from)

    @sensitive_variables("account")
    def account_holder(self, *, bank_code: str, account: str) -> str:
        """Return the name of the account's holder. Raises `GatewayRejected` if the bank does not know the account.

        i'mport no longer documents this call. Any other answer, or none within seconds, is `GatewayUnavailable`.
        """
        params = (("bank_code", bank_code), ("bank_num", account))
        return self._ask(Call("account_holder", "GET", "/vbanks/holder", params=params, is_brief=True), _holder)

    def keys_are_refused(self) -> bool:
        """Return whether i'mport refused our key and secret when they were last sent.

        If so, sends them again at most once a minute, to notice that they were corrected at i'mport.
        """
        failure = self._tokens.failure()
        if failure is None or not isinstance(failure[1], GatewayAuthFailed):
            return False
        if failure[0] < _ASK_AGAIN_AFTER:
            return True
        try:
            self._tokens.get()
        except GatewayUnavailable as exc:
            return isinstance(exc, GatewayAuthFailed)
        return False

    def _ask(self, call: Call, mapping: Callable[[Any], Mapped]) -> Mapped:
        """Make `call` with a valid token. Return its mapped answer if its `code` is 0, else raise."""
        with call_slot():
            return self._ask_in_slot(call, mapping)

    def _ask_in_slot(self, call: Call, mapping: Callable[[Any], Mapped]) -> Mapped:
        asked_at = time.monotonic()
        token = self._token_for(call)
        envelope = self._exchange(call, token, asked_at)
        if envelope.status == 401:
            # i'mport executes nothing without a valid token, so even a cancel may be repeated with a new one.
            envelope = self._exchange(call, self._token_for(call, rejected=token), asked_at)
        if envelope.status == 401:
            raise GatewayAuthFailed(_("i'mport refuses a new access token. Check the i'mport account."))
        raise_unless_ok(call, envelope)
        return self._mapped(call, envelope, mapping)

    def _token_for(self, call: Call, rejected: Token | None = None) -> Token:
        try:
            return self._tokens.get(rejected, brief=call.is_brief)
        except GatewayUnreachable as exc:
            raise unreachable(call) from exc

    def _exchange(self, call: Call, token: Token | None = None, asked_at: float | None = None) -> Envelope:
        started = time.monotonic()
        if call.moves_money and asked_at is not None and started - asked_at > self.config.patience:
            # A cancel sent this late could be carried out after its caller has given it up.
            raise GatewayUnavailable(_("i'mport answers too slowly. Nothing was sent; try again in a moment."))
        end: Envelope | TransportError
        try:
            end = decode(*self._session.send(call, token.value if token else ""))
        except TransportError as exc:
            end = exc
        note(call, end, time.monotonic() - started)
        if isinstance(end, TransportError):
            raise transport_failure(call, end)
        return end

    def _fetch_token(self, brief: bool) -> Token:
        config = self.config
        if not config.imp_key or not config.imp_secret:
            raise GatewayAuthFailed(
                _("The i'mport API key is missing: set IAMPORT_IMP_KEY and IAMPORT_IMP_SECRET in the environment.")
            )
        # Built in place: a local variable would show the secret on an error page.
        call = Call(
            "token", "POST", "/users/getToken", body={"imp_key": config.imp_key, "imp_secret": config.imp_secret}
        )
        envelope = self._exchange(call)
        if envelope.status == 401:
            raise _keys_refused(envelope.message)
        try:
            raise_unless_ok(call, envelope)
        except GatewayRejected as exc:
            raise _keys_refused(exc.message) from None
        return self._mapped(call, envelope, _token)

    @staticmethod
    def _mapped(call: Call, envelope: Envelope, mapping: Callable[[Any], Mapped]) -> Mapped:
        try:
            return mapping(envelope.response)
        except Unreadable as exc:
            logger.warning("%s %s: %s", call.method, call.path, exc)
            raise not_understood(call) from None


def _cancel_body(request: CancelRequest) -> dict[str, object]:
    body: dict[str, object] = {
        "imp_uid": request.imp_uid,
        "amount": request.amount,
        "checksum": request.checksum,
    }
    for name in ("reason", "refund_holder", "refund_bank", "refund_account", "refund_tel"):
        if value := getattr(request, name):
            body[name] = value
    for name in ("tax_free", "vat_amount"):
        if (value := getattr(request, name)) is not None:  # 0 says something: no tax-free part
            body[name] = value
    if request.retain_promotion is not None:
        body["retain_promotion"] = request.retain_promotion
    if request.requester is not None:
        body["extra"] = {"requester": request.requester}
    return body


def _payment_call(imp_uid: str) -> Call:
    # Payments of a test channel are found only when asked for.
    return Call("payment", "GET", _payment_path(imp_uid), params=(("include_sandbox", "true"),))


def _payment_path(imp_uid: str) -> str:
    if not imp_uid.strip("."):  # these would address another resource
        raise PaymentUnknown(_("The payment number is missing."), gateway_code=-1)
    return f"/payments/{quote(imp_uid, safe='', errors='replace')}"


def _same(payment: GatewayPayment, imp_uid: str) -> GatewayPayment:
    if payment.imp_uid != imp_uid:
        raise Unreadable("the answer is about another payment")
    return payment


def _holder(raw: Any) -> str:
    name = prose(raw.get("bank_holder")) if isinstance(raw, dict) else ""
    if not name:
        raise Unreadable("bank_holder is missing")
    return name


def _token(raw: Any) -> Token:
    if not isinstance(raw, dict) or not is_header_safe(raw.get("access_token")):
        raise Unreadable("access_token is missing")
    now, expired_at = raw.get("now"), raw.get("expired_at")
    if not isinstance(now, int | Decimal) or not isinstance(expired_at, int | Decimal):
        raise Unreadable("the life of the token is missing")
    return Token(raw["access_token"], life=float(expired_at - now))  # by i'mport's clock alone


def _keys_refused(message: str) -> GatewayAuthFailed:
    advice = _("i'mport refused IAMPORT_IMP_KEY and IAMPORT_IMP_SECRET. Check the two environment variables.")
    return GatewayAuthFailed(joined(advice, message and f"({message})"))
