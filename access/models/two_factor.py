"""The second factor: authenticator apps and backup codes."""

import logging
import re
from base64 import b32decode, b32encode
from hashlib import sha256
from os import urandom

from django.contrib.auth.models import User
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_otp.models import Device, ThrottlingMixin, TimestampMixin
from django_otp.oath import TOTP

from core.encryption.cipher import DecryptError, decrypt, encrypt
from core.encryption.fields import EncryptedTextField

logger = logging.getLogger(__name__)

SECRET_BYTES = 20
BACKUP_CODE_BYTES = 10  # 16 letters: too many to guess, and few enough to type once
# A code of the step before or after counts too: no two clocks are the same.
TOLERANCE_STEPS = 1
# The wait doubles with every wrong code; without an end, a stranger could lock the owner out for years.
MAX_COUNTED_FAILURES = 10
_APP_CODE = re.compile(r"[0-9]{6}")


class Authenticator(TimestampMixin, ThrottlingMixin, Device):  # type: ignore[misc]  # django-otp ships no types
    """An app that shows codes (TOTP, RFC 6238), known by a secret that it shares with us.

    django-otp's own device keeps that secret in the clear, and its backup codes too: whoever reads the database, or
    a backup of it, could make codes. So this one encrypts the secret, and of backup codes keeps hashes.
    """

    encrypted_secret = EncryptedTextField()
    last_step = models.BigIntegerField(default=-1, editable=False)  # of the last code accepted: none is taken twice

    class Meta:
        verbose_name = _("two-factor device")
        verbose_name_plural = _("two-factor devices")
        default_permissions = ("view",)  # superusers reset a device
        constraints = (
            # One in use, and one that is being set up.
            models.UniqueConstraint(fields=("user", "confirmed"), name="authenticator_one_per_user"),
        )

    def __str__(self) -> str:
        return str(self.user)

    @property
    def secret(self) -> str:
        """The secret as apps take it (base32). Raises `DecryptError`."""
        return decrypt(self.encrypted_secret)

    def verify_token(self, token: str) -> bool:
        """Whether this is a right code now, of the app or a backup code; it is used up with that.

        To be called with the row locked. A wrong code counts; while too many were wrong, none is looked at.
        """
        if not self.verify_is_allowed()[0]:
            return False
        if not (self._fits(token) if _APP_CODE.fullmatch(token) else self._use_backup_code(token)):
            self.throttle_increment()
            return False
        self.throttle_reset(commit=False)
        self.set_last_used_timestamp(commit=False)
        self.save()
        return True

    def throttle_increment(self, commit: bool = True) -> None:
        super().throttle_increment(commit=False)
        self.throttling_failure_count: int = min(self.throttling_failure_count, MAX_COUNTED_FAILURES)
        if commit:
            self.save()

    def get_throttle_factor(self) -> int:
        return 1

    def _fits(self, token: str) -> bool:
        try:
            totp = TOTP(b32decode(self.secret))
        except DecryptError:
            logger.exception("the secret of two-factor device %s cannot be opened", self.pk)
            return False
        fits = bool(totp.verify(int(token), TOLERANCE_STEPS, self.last_step + 1))
        if fits:
            self.last_step = totp.t()
        return fits

    def _use_backup_code(self, token: str) -> bool:
        unused = self.backup_codes.filter(digest=digest_of(token), used_at=None)
        return bool(unused.update(used_at=timezone.now()) == 1)


class BackupCode(models.Model):
    """A code for the day the phone is lost. It works once; only its hash is kept."""

    authenticator = models.ForeignKey(Authenticator, on_delete=models.CASCADE, related_name="backup_codes")
    digest = models.CharField(max_length=64, editable=False)
    used_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("backup code")
        verbose_name_plural = _("backup codes")
        default_permissions = ()
        constraints = (
            models.UniqueConstraint(fields=("authenticator", "digest"), name="backup_code_differs_from_others"),
        )

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.pk}"


def new_secret() -> str:
    """A secret, encrypted."""
    return encrypt(b32encode(urandom(SECRET_BYTES)).decode())


def new_backup_code() -> str:
    return b32encode(urandom(BACKUP_CODE_BYTES)).decode().lower()


def digest_of(code: str) -> str:
    # A fast hash is right here: the code is random and long, so there is nothing to guess.
    return sha256(code.encode(errors="replace")).hexdigest()


def authenticator_of(user: User) -> Authenticator | None:
    """The device whose codes this account signs in with, if it has one."""
    device: Authenticator | None = Authenticator.objects.filter(user=user, confirmed=True).first()
    return device
