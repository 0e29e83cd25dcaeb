"""Read what a token's user may do in the statement that reads the token: Django's backend needs two more."""

from django.contrib.auth.models import User
from django.db import connection
from django.db.models import TextField
from django.db.models.expressions import RawSQL

# As ORM expressions this takes longer to compile than the two statements that it saves.
_SQL = """
SELECT {joined} FROM auth_permission p JOIN django_content_type t ON t.id = p.content_type_id
WHERE p.id IN (
    SELECT permission_id FROM auth_user_user_permissions WHERE user_id = access_apitoken.user_id
    UNION ALL
    SELECT g.permission_id FROM auth_group_permissions g JOIN auth_user_groups u ON u.group_id = g.group_id
    WHERE u.user_id = access_apitoken.user_id
)"""
_JOINED = {
    "postgresql": "string_agg(t.app_label || '.' || p.codename, ',')",
    "sqlite": "group_concat(t.app_label || '.' || p.codename)",
}


def permissions_of_user() -> RawSQL:
    """Return an expression for the permissions of a token's user, by user and by group, separated by commas."""
    sql = _SQL.format(joined=_JOINED[connection.vendor])
    return RawSQL(sql, (), output_field=TextField())  # noqa: S611 - nothing in it is input


def remember_permissions(user: User, names: str | None) -> None:
    """Let Django's backend find the permissions that were read with the user; a superuser has them all anyway."""
    if not user.is_superuser:
        user._perm_cache = set((names or "").split(","))  # type: ignore[attr-defined]  # noqa: SLF001
