"""What happens around signing in, wherever it is done."""

from typing import Any

from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.db.models.signals import pre_save
from django.dispatch import receiver
from django.http import HttpRequest

from access.sign_in.session_ages import begin


@receiver(user_logged_in)
def note_the_time(request: HttpRequest, user: User, **_more: Any) -> None:
    begin(request, user)


@receiver(pre_save, sender=AccessAttempt)
def keep_nothing_that_was_typed(instance: AccessAttempt, **_more: Any) -> None:
    """axes leaves out the password where it expects one; what else was in the form is nobody's business either."""
    instance.get_data = instance.post_data = ""
