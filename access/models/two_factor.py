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
BACKUP_CODE_BYTES = 10  # 16 characters: safe against brute force, and short enough to type once
# Codes of the previous and the next step are accepted too, because clocks differ.
TOLERANCE_STEPS = 1
# The delay doubles with every wrong code; without a maximum, an attacker could lock the owner out for years.
MAX_COUNTED_FAILURES = 10
_APP_CODE = re.compile(r"[0-9]{6}")


class Authenticator(TimestampMixin, ThrottlingMixin, Device):  # type: ignore[misc]  # django-otp ships no types
    """An authenticator app (TOTP, RFC 6238), identified by a shared secret.

    django-otp's own devices store secrets and backup codes as plain text, so a copy of the database would be enough to
        create codes. This model encrypts the secret and stores only hashes of backup codes.
    """

    encrypted_secret = EncryptedTextField()
    last_step = models.BigIntegerField(default=-1, editable=False)  # the last accepted code's: none is accepted twice

    class Meta:
        verbose_name = _("two-factor device")
        verbose_name_plural = _("two-factor devices")
        default_permissions = ("view",)  # superusers reset a device
        constraints = (
            # At most one in use and one being set up.
            models.UniqueConstraint(fields=("user", "confirmed"), name="authenticator_one_per_user"),
        )

    def __str__(self) -> str:
        return str(self.user)

    @property
    def secret(self) -> str:
        """Decrypt the secret (base32, as apps take it). Raises `DecryptError`."""
        return decrypt(self.encrypted_secret)

    def verify_token(self, token: str) -> bool:
        """Return whether this is a valid code of the app or an unused backup code, and use it up.

        Call it with the row locked. A wrong code increases the delay before the next try; during the delay every code
                is rejected.
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
            logger.exception("the secret of two-factor device %s cannot be decrypted", self.pk)
            return False
        fits = bool(totp.verify(int(token), TOLERANCE_STEPS, self.last_step + 1))
        if fits:
            self.last_step = totp.t()
        return fits

    def _use_backup_code(self, token: str) -> bool:
        unused = self.backup_codes.filter(digest=digest_of(token), used_at=None)
        return bool(unused.update(used_at=timezone.now()) == 1)


class BackupCode(models.Model):
    """A one-time code to sign in without the authenticator app; only its hash is stored."""

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
    """Return a new secret, encrypted."""
    return encrypt(b32encode(urandom(SECRET_BYTES)).decode())


def new_backup_code() -> str:
    return b32encode(urandom(BACKUP_CODE_BYTES)).decode().lower()


def digest_of(code: str) -> str:
    # A fast hash is safe here: the code is random and long, so brute force is not feasible.
    return sha256(code.encode(errors="replace")).hexdigest()


def authenticator_of(user: User) -> Authenticator | None:
    """Return the confirmed device of this account, or None."""
    device: Authenticator | None = Authenticator.objects.filter(user=user, confirmed=True).first()
    return device
