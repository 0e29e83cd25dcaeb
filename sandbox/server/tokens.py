"""Issue access tokens: the same one until it expires, extended shortly before."""

from __future__ import annotations

import secrets

from django.conf import settings

from sandbox.server import clock, store
from sandbox.server.envelope import FAILED, ApiRefusal
from sandbox.server.models import AccessToken, Config
from sandbox.server.params import Params

EXTEND_UNDER_SECONDS = 60
EXTEND_BY_SECONDS = 300


def issue(params: Params) -> dict[str, str | int]:
    """Answer /users/getToken."""
    if not params.text("imp_key") or not params.text("imp_secret"):
        raise ApiRefusal(FAILED, "imp_key, imp_secret 파라메터가 누락되었습니다.", 400)
    key_matches = secrets.compare_digest(params.text("imp_key").encode(), settings.SANDBOX_IMP_KEY.encode())
    secret_matches = secrets.compare_digest(params.text("imp_secret").encode(), settings.SANDBOX_IMP_SECRET.encode())
    if not (key_matches and secret_matches):
        raise ApiRefusal(FAILED, "인증에 실패하였습니다. API키와 secret을 확인하세요.", 401)
    now = clock.now()
    with store.write():
        token = AccessToken.objects.filter(expires_at__gt=now).order_by("-expires_at").first()
        if token is None:
            life = Config.load().token_life_seconds
            token = AccessToken(token=secrets.token_hex(20), expires_at=now + life)
            token.save()
        elif token.expires_at - now < EXTEND_UNDER_SECONDS:
            token.expires_at += EXTEND_BY_SECONDS
            token.save()
    return {"access_token": token.token, "now": now, "expired_at": token.expires_at}


def require(authorization: str) -> None:
    """Raise a 401 refusal unless the header carries a live token, with or without "Bearer"."""
    token = authorization.removeprefix("Bearer ").strip()
    if not token or not AccessToken.objects.filter(token=token, expires_at__gt=clock.now()).exists():
        raise ApiRefusal(FAILED, "Unauthorized: 액세스 토큰이 없거나 만료되었습니다.", 401)
