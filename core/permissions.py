"""Check whether a user is staff with a permission; the predicates of every app use it."""

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User

AnyUser = AbstractBaseUser | AnonymousUser


def is_staff_with(user: AnyUser, *permissions: str) -> bool:
    """Tell whether this is a member of staff with any of the permissions."""
    return isinstance(user, User) and user.is_staff and any(map(user.has_perm, permissions))
