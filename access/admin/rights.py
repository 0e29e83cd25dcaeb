"""Let nobody give a right, or take over an account, that goes beyond their own rights."""

from django.contrib.auth.models import AnonymousUser, Group, Permission, User
from django.db.models import Q, QuerySet

Administrator = User | AnonymousUser


def grantable_permissions(user: Administrator) -> QuerySet[Permission]:
    """Return the permissions that this user may give to others: their own."""
    return Permission.objects.all() if user.is_superuser else _permissions_of(user)


def grantable_groups(user: Administrator) -> QuerySet[Group]:
    """Return the groups that give nothing beyond this user's own rights."""
    beyond = Permission.objects.exclude(pk__in=grantable_permissions(user).values("pk"))
    return Group.objects.exclude(permissions__in=beyond)


def may_manage(user: Administrator, account_or_group: User | Group | None) -> bool:
    """Return whether an account or group has no right beyond this user's. A new password takes an account over."""
    if user.is_superuser or account_or_group is None:
        return True
    if isinstance(account_or_group, User):
        held = _permissions_of(account_or_group)
        if account_or_group.is_superuser:
            return False
    else:
        held = Permission.objects.filter(group=account_or_group)
    return not held.exclude(pk__in=grantable_permissions(user).values("pk")).exists()


def _permissions_of(user: Administrator) -> QuerySet[Permission]:
    """Return all permissions of an account, also of an inactive one: it can be activated again."""
    return Permission.objects.filter(Q(user=user.pk) | Q(group__user=user.pk)).distinct()
