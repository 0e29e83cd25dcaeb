"""Failed sign-ins, as django-axes counts them."""

from axes.models import AccessAttempt
from django.utils.translation import gettext_lazy as _


class SignInFailure(AccessAttempt):  # type: ignore[misc]  # axes ships no types
    """The failed sign-ins of one user name from one address: a proxy of django-axes' model."""

    class Meta:
        proxy = True
        verbose_name = _("failed sign-in")
        verbose_name_plural = _("failed sign-ins")
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.username} · {self.ip_address}"
