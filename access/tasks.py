"""Background work on accounts. A task may be lost: who waits for its mail asks for another one."""

from urllib.parse import urlsplit

from celery import shared_task
from django.conf import settings
from django.contrib.auth.forms import PasswordResetForm
from django.contrib.auth.models import User
from django.utils import translation


@shared_task
def mail_password_link(user_id: int, language: str) -> None:
    """Send the link to a new password to the user's address, if there is such a user. It leads to SITE_URL."""
    address = User.objects.filter(pk=user_id).values_list("email", flat=True).first()
    form = PasswordResetForm({"email": address or ""})
    if not form.is_valid():
        return
    site = urlsplit(settings.SITE_URL)
    with translation.override(language):
        form.save(
            domain_override=site.netloc,
            use_https=site.scheme == "https",
            email_template_name="registration/password_reset_email.txt",
        )
