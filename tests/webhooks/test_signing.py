"""Signatures: the Standard Webhooks library accepts them with the right secret only."""

from base64 import b64decode
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from standardwebhooks import Webhook, WebhookVerificationError

from webhooks.signing import new_secret, signed_headers

BODY = '{"name":"린넨 셔츠"}'.encode()


def headers(*secrets: str, at: datetime | None = None) -> dict[str, str]:
    return signed_headers(message_id="evt_1", at=at or timezone.now(), body=BODY, secret_texts=secrets)


def test_signature_is_the_one_of_the_specification() -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    at = datetime.fromtimestamp(1_614_265_330, UTC)
    signed = signed_headers(
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek", at=at, body=b'{"test": 2432232314}', secret_texts=[secret]
    )
    # The example with which the libraries of all languages are tested.
    assert signed["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_library_verifies_with_either_of_two_secrets_and_no_other() -> None:
    new, old, other = new_secret(), new_secret(), new_secret()
    signed = headers(new, old)
    for secret in (new, old):
        assert Webhook(secret).verify(BODY, signed) == {"name": "린넨 셔츠"}
    with pytest.raises(WebhookVerificationError):
        Webhook(other).verify(BODY, signed)
    with pytest.raises(WebhookVerificationError):
        Webhook(new).verify(BODY.replace(b"name", b"nAme"), signed)


def test_an_old_request_cannot_be_sent_again_by_somebody_else() -> None:
    secret = new_secret()
    with pytest.raises(WebhookVerificationError, match="too old"):
        Webhook(secret).verify(BODY, headers(secret, at=timezone.now() - timedelta(minutes=6)))


def test_secrets_are_long_random_and_recognisable() -> None:
    made = {new_secret() for _ in range(100)}
    assert len(made) == 100
    assert all(secret.startswith("whsec_") and len(b64decode(secret[6:])) == 32 for secret in made)
