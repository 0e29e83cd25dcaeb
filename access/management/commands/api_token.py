"""`manage.py api_token`: create, list and revoke the API tokens that a shop's servers use."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _

from access.models import ApiToken
from access.tokens.labels import limits_in_words, scopes_in_words
from access.tokens.service import DEFAULT_DAYS, issue_token, revoke_token, tokens_like
from core.commands import JsonCommand
from core.money import KRW, quantize, read_amount

MAX_DAYS = 36_500
SCOPES = ("read", "refund")


class Command(JsonCommand):
    help = (
        "Create an API token for a user and print it. Only its hash is stored, so copy it now. "
        "With --list, list the tokens; with --revoke, revoke one."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", nargs="?", help="User whose permissions the new token uses.")
        parser.add_argument("--name", default="manage.py api_token", help="The server that uses it.")
        parser.add_argument(
            "--days", type=int, default=DEFAULT_DAYS, help=f"Days until it expires (default: {DEFAULT_DAYS})."
        )
        parser.add_argument("--scope", default=",".join(SCOPES), help="read, refund or read,refund (default).")
        parser.add_argument("--max-amount", metavar="N", help="Maximum per refund (default: no limit).")
        parser.add_argument("--max-per-day", metavar="N", help="Maximum per day, Korean time (default: no limit).")
        parser.add_argument("--currency", default=KRW, help="Currency of the limits (default: KRW).")
        parser.add_argument("--list", action="store_true", help="List all tokens.")
        parser.add_argument("--json", action="store_true", help="With --list: print one JSON document.")
        parser.add_argument("--revoke", metavar="START_OR_ID", help="Revoke the token with this id or beginning.")

    def handle(self, *args: Any, **options: Any) -> None:
        wishes = [options["username"] is not None, options["list"], options["revoke"] is not None]
        if sum(wishes) != 1:
            raise self._usage(_("Give a username, --list or --revoke."), options)
        if options["list"]:
            self._list(as_json=options["json"])
        elif options["json"]:
            raise self._usage(_("--json requires --list."), options)
        elif options["revoke"] is not None:
            self._revoke(options)
        else:
            self._create(options)

    def _usage(self, message: str, options: dict[str, Any]) -> CommandError:
        return self.usage_error(message, code="usage", as_json=options["json"])

    def _create(self, options: dict[str, Any]) -> None:
        user = User.objects.filter(username=options["username"], is_active=True).first()
        if user is None:
            raise self._usage(_("No active user is named “%(name)s”.") % {"name": options["username"]}, options)
        if not 1 <= options["days"] <= MAX_DAYS:
            raise self._usage(_("--days must be from 1 to %(max)s.") % {"max": MAX_DAYS}, options)
        scopes = {scope.strip() for scope in options["scope"].split(",")}
        if not scopes <= set(SCOPES):
            raise self._usage(_("--scope must be read, refund or read,refund."), options)
        limits = {name: self._amount(name, options) for name in ("max_amount", "max_per_day")}
        token = ApiToken(
            user=user,
            name=options["name"].strip(),
            may_read="read" in scopes,
            may_refund="refund" in scopes,
            limit_currency=options["currency"].upper(),
            expires_at=timezone.now() + timedelta(days=options["days"]),
            **limits,
        )
        try:
            token.full_clean(exclude=["start", "digest"])
        except ValidationError as exc:
            raise self._usage(_in_words(exc), options) from exc
        issue_token(token)
        self.stdout.write(token.secret)

    def _amount(self, name: str, options: dict[str, Any]) -> Any:
        try:
            return None if options[name] is None else read_amount(options[name])
        except ValueError as exc:
            raise self._usage(_("The amount must be a plain number, such as 1000."), options) from exc

    def _list(self, *, as_json: bool) -> None:
        tokens = ApiToken.objects.select_related("user")
        if as_json:
            self.write_json({"ok": True, "results": [_as_json(token) for token in tokens]})
            return
        for token in tokens:
            self.stdout.write(_as_line(token))

    def _revoke(self, options: dict[str, Any]) -> None:
        named = options["revoke"]
        found = tokens_like(named)
        if not found:
            # The input may be a whole secret: do not repeat it.
            raise self._usage(_("No such token. See --list."), options)
        if len(found) > 1:
            names = ", ".join(f"{token.pk}: {token}" for token in found)
            raise self._usage(
                _("Several tokens start with this. Choose one by its id: %(names)s") % {"names": names}, options
            )
        done = revoke_token(found[0])
        text = _("%(token)s is revoked.") if done else _("%(token)s was already revoked.")
        self.stdout.write(text % {"token": found[0]})


def _in_words(exc: ValidationError) -> str:
    return " ".join(f"{name}: {' '.join(messages)}" for name, messages in exc.message_dict.items())


def _as_json(token: ApiToken) -> dict[str, Any]:
    return {
        "id": token.pk,
        "name": token.name,
        "start": token.start,
        "user": token.user.get_username(),
        "scopes": [scope for scope in SCOPES if getattr(token, f"may_{scope}")],
        "max_amount": _exactly(token.max_amount, token.limit_currency),
        "max_per_day": _exactly(token.max_per_day, token.limit_currency),
        "limit_currency": token.limit_currency,
        "state": token.state(timezone.now()),
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "revoked_at": token.revoked_at,
        "last_used_at": token.last_used_at,
    }


def _exactly(limit: Decimal | None, currency: str) -> Decimal | None:
    return None if limit is None else quantize(limit, currency)


def _as_line(token: ApiToken) -> str:
    until = f"{timezone.localtime(token.expires_at):%Y-%m-%d %H:%M}" if token.expires_at else "–"
    parts = (str(token.pk), f"{token.start}…", token.name, token.user.get_username(), scopes_in_words(token))
    return "  ".join((*parts, ", ".join(limits_in_words(token)), until, str(token.state(timezone.now()).label)))
