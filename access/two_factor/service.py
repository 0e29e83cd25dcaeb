"""The second factor of staff: set up, check, renew, turn off."""

import math
from urllib.parse import quote, urlencode

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import ngettext

from access.models import Authenticator, BackupCode, authenticator_of, digest_of, new_backup_code, new_secret
from core.admin.log import log
from core.encryption.cipher import DecryptError
from core.sentences import sentence as _

BACKUP_CODES = 10


class CodeRefused(Exception):
    """A code is rejected. `was_tried` means that it was compared, so it counts as a failed login."""

    def __init__(self, code: str, message: str, *, was_tried: bool = True) -> None:
        super().__init__(message)
        self.code, self.message, self.was_tried = code, message, was_tried


def is_required() -> bool:
    """Tell whether every member of staff needs a second factor."""
    return bool(settings.STAFF_TWO_FACTOR == "required")


def lacks_required_device(user: User) -> bool:
    """Tell whether this is a member of staff who has to set up a second factor first."""
    return is_required() and user.is_staff and authenticator_of(user) is None


def check_code(*, user: User, code: str) -> Authenticator:
    """Use up a code of the user's device, or a backup code. Raises `CodeRefused`."""
    with transaction.atomic():
        device: Authenticator | None = (
            Authenticator.objects.select_for_update().filter(user=user, confirmed=True).first()
        )
        refused = _refused(device, code)
    # Raised after the transaction, so that the failure is counted.
    if refused is not None or device is None:
        raise refused or _wrong()
    return device


def begin_set_up(user: User) -> Authenticator:
    """Create a device that is not used before it is confirmed. It replaces an earlier unconfirmed one."""
    fresh = {
        "encrypted_secret": new_secret(),
        "last_step": -1,
        "throttling_failure_count": 0,
        "throttling_failure_timestamp": None,
    }
    device: Authenticator
    device, _created = Authenticator.objects.update_or_create(user=user, confirmed=False, defaults=fresh)
    return device


def mark_of(begun: Authenticator) -> str:
    """Return an identifier of this attempt to set up a device, for the session that began it."""
    return digest_of(begun.encrypted_secret)


def device_being_set_up(user: User, *, mark: str) -> Authenticator | None:
    """Return the unconfirmed device with this mark; None if it was replaced or cannot be decrypted."""
    device: Authenticator | None = Authenticator.objects.filter(user=user, confirmed=False).first()
    try:
        return device if device and device.secret and constant_time_compare(mark_of(device), mark) else None
    except DecryptError:
        return None


def finish_set_up(*, begun: Authenticator, code: str) -> tuple[Authenticator, list[str]]:
    """Replace the old device by the new one and return it with its backup codes. Raises `CodeRefused`.

    Ends all other sessions of the user.
    """
    user = begun.user
    with transaction.atomic():
        same = Authenticator.objects.filter(user=user, confirmed=False, encrypted_secret=begun.encrypted_secret)
        device: Authenticator | None = same.select_for_update().first()
        refused = _refused(device, code)
        if refused is None and device is not None:
            Authenticator.objects.filter(user=user, confirmed=True).delete()
            device.confirmed = True
            device.save()
            codes = _renew_backup_codes(device)
            log(user, user, text=_("Two-factor sign-in was set up."))
    if refused is not None or device is None:
        raise refused or _wrong()
    return device, codes


@transaction.atomic
def renew_backup_codes(device: Authenticator) -> list[str]:
    """Replace the backup codes and return the new ones."""
    log(device.user, device.user, text=_("New backup codes were created."))
    return _renew_backup_codes(device)


@transaction.atomic
def turn_off(user: User, *, by: User | None = None) -> bool:
    """Delete the user's device and backup codes; return False if there were none. `by` is logged in the history."""
    gone, _by_model = Authenticator.objects.filter(user=user).delete()
    if gone and by is not None:
        log(by, user, text=_("Two-factor sign-in was turned off."))
    return bool(gone)


def backup_codes_left(device: Authenticator) -> int:
    return BackupCode.objects.filter(authenticator=device, used_at=None).count()


def app_address(device: Authenticator, *, issuer: str) -> str:
    """Return the `otpauth://` address that authenticator apps read. Raises `DecryptError`."""
    label = f"{issuer}:{device.user.get_username()}"
    return f"otpauth://totp/{quote(label)}?{urlencode({'secret': device.secret, 'issuer': issuer}, quote_via=quote)}"


def plain(code: str) -> str:
    """Normalise a code: people type spaces, hyphens and capitals."""
    return "".join(code.split()).replace("-", "").lower()


def _refused(device: Authenticator | None, code: str) -> CodeRefused | None:
    if device is None:
        return _wrong()
    allowed, why = device.verify_is_allowed()
    if not allowed:
        return _too_soon(math.ceil((why["locked_until"] - timezone.now()).total_seconds()))
    return None if device.verify_token(plain(code)) else _wrong()


def _wrong() -> CodeRefused:
    return CodeRefused("wrong_code", _("Wrong or already used code. Wait for the next code and enter it."))


def _too_soon(seconds: int) -> CodeRefused:
    message = ngettext(
        "Too many wrong codes. Please wait %(seconds)s second and enter a new one.",
        "Too many wrong codes. Please wait %(seconds)s seconds and enter a new one.",
        seconds,
    )
    return CodeRefused("too_many_codes", message % {"seconds": seconds}, was_tried=False)


def _renew_backup_codes(device: Authenticator) -> list[str]:
    codes = [new_backup_code() for _number in range(BACKUP_CODES)]
    device.backup_codes.all().delete()
    BackupCode.objects.bulk_create([BackupCode(authenticator=device, digest=digest_of(code)) for code in codes])
    return ["-".join(code[start : start + 4] for start in range(0, len(code), 4)) for code in codes]
