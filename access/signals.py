"""Signal handlers around sign-in."""

from typing import Any

from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.db.models.signals import pre_save
from django.dispatch import receiver
from django.http import HttpRequest

from access.sign_in.session_ages import begin


@receiver(user_logged_in)
def start_session_age(request: HttpRequest, user: User, **_more: Any) -> None:
    begin(request, user)


@receiver(pre_save, sender=AccessAttempt)
def drop_form_data(instance: AccessAttempt, **_more: Any) -> None:
    """Store nothing that was entered in the form; axes itself leaves out the password only."""
    instance.get_data = instance.post_data = ""
