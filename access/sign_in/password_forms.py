"""The forms for a new password. They ask what becomes of the account's API tokens, which need no password."""

from typing import Any

from django import forms
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.models import User
from django.utils import timezone
from django.utils.translation import gettext_lazy
from unfold.forms import AdminOwnPasswordChangeForm, AdminPasswordChangeForm

from access.models import ApiToken
from access.tokens.service import revoke_token
from core.admin.log import log
from core.sentences import sentence as _

KEEP, REVOKE = "keep", "revoke"


class AboutTokens(forms.Form):
    """A required choice between keeping and revoking the valid tokens of `user`, if there are any."""

    user: User

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.valid_tokens = list(ApiToken.objects.usable(timezone.now()).filter(user=self.user))
        self.revoked: list[ApiToken] = []
        if self.valid_tokens:
            self.fields["tokens"] = forms.ChoiceField(
                label=gettext_lazy("API tokens of this account"),
                choices=((REVOKE, gettext_lazy("Revoke them")), (KEEP, gettext_lazy("Keep them valid"))),
                widget=forms.RadioSelect,
            )

    def save(self, *args: Any, **kwargs: Any) -> User:
        """Store the password first: if that fails, no token is revoked."""
        user: User = super().save(*args, **kwargs)  # type: ignore[misc]  # of the form beside it
        if self.cleaned_data.get("tokens") == REVOKE:
            self.revoked = [token for token in self.valid_tokens if revoke_token(token)]
        return user

    def log_revoked(self, by: User) -> None:
        """Write the revocations to the tokens' history."""
        if self.revoked:
            log(by, *self.revoked, text=_("Revoked with a new password."))


class AccountPasswordForm(AboutTokens, AdminPasswordChangeForm):  # type: ignore[misc]  # the theme ships no types
    """A new password for any account."""


class ForgottenPasswordForm(AboutTokens, SetPasswordForm):  # type: ignore[type-arg]  # generic to the type checker only
    """A new password for one's own account, after a mail."""


class OwnPasswordForm(AboutTokens, AdminOwnPasswordChangeForm):  # type: ignore[misc]  # the theme ships no types
    """A new password for one's own account."""
