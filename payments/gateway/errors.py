"""Errors of calls to i'mport, by what happened to the money.

GatewayError
 ├── GatewayRejected       i'mport answered "no" (code != 0); read the payment before calling it final
 │    └── PaymentUnknown   i'mport has no such payment
 ├── GatewayUnavailable    nothing was sent or nothing was carried out; asking again is safe
 │    ├── GatewayUnreachable  no connection to i'mport
 │    ├── GatewayBusy         too many of our own calls wait for i'mport
 │    └── GatewayAuthFailed   i'mport does not accept our key and secret
 └── OutcomeUnknown        it may or may not have been carried out; only a later read can tell
"""


class GatewayError(Exception):
    """Base of all gateway errors.

    `message` is shown to staff as it is (i'mport's own words where there are any); `retryable` says whether
    the very same call may simply be made again. Neither ever holds an account number, token or secret.
    """

    retryable = False

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class GatewayRejected(GatewayError):
    """i'mport answered with `code != 0`. `gateway_code` is its number; it is no stable code, so never branch on it."""

    def __init__(self, message: str, *, gateway_code: int) -> None:
        super().__init__(message)
        self.gateway_code = gateway_code


class PaymentUnknown(GatewayRejected):
    """i'mport does not know this payment."""


class GatewayUnavailable(GatewayError):
    """The call had no effect: connection refused, DNS, no token, too many requests."""

    retryable = True


class GatewayUnreachable(GatewayUnavailable):
    """No connection to i'mport: nothing was sent."""


class GatewayBusy(GatewayUnavailable):
    """Too many calls of this process wait for i'mport: nothing was sent."""


class GatewayAuthFailed(GatewayUnavailable):
    """i'mport refused `IAMPORT_IMP_KEY` / `IAMPORT_IMP_SECRET`, or a fresh token. Waiting does not help."""

    retryable = False


class OutcomeUnknown(GatewayError):
    """Time-out, broken connection, 5xx or an unreadable answer: the call may have been executed."""
