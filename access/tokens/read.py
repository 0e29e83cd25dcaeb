"""Read a token, its user and what the user may do in one statement; through the ORM it would be three."""

from django.contrib.auth.models import User
from django.db import connection

from access.models import ApiToken
from core.database.rows import rows_of

# In the order of the model, as `from_db` wants them. Other columns of the account are read when they are asked for.
_OF_USER = ("id", "is_superuser", "username", "is_staff", "is_active")
_SQL = """
SELECT access_apitoken.*, {of_user}, (
    SELECT {joined} FROM auth_permission p JOIN django_content_type t ON t.id = p.content_type_id
    WHERE p.id IN (
        SELECT permission_id FROM auth_user_user_permissions WHERE user_id = access_apitoken.user_id
        UNION ALL
        SELECT g.permission_id FROM auth_group_permissions g JOIN auth_user_groups u ON u.group_id = g.group_id
        WHERE u.user_id = access_apitoken.user_id
    )
) AS permissions
FROM access_apitoken JOIN auth_user ON auth_user.id = access_apitoken.user_id
WHERE access_apitoken.digest = %s"""
_JOINED = {
    "postgresql": "string_agg(t.app_label || '.' || p.codename, ',')",
    "sqlite": "group_concat(t.app_label || '.' || p.codename)",
}


def read_token(digest: str) -> ApiToken | None:
    """Return the token with this hash, usable or not, with its `user`, whose permissions Django's backend finds."""
    of_user = ", ".join(f"auth_user.{name} AS of_user_{name}" for name in _OF_USER)
    found = rows_of(ApiToken, _SQL.format(of_user=of_user, joined=_JOINED[connection.vendor]), [digest])
    if not found:
        return None
    (token,) = found
    token.user = User.from_db(connection.alias, _OF_USER, [getattr(token, f"of_user_{name}") for name in _OF_USER])
    if not token.user.is_superuser:  # who has all permissions anyway
        names = token.permissions or ""  # type: ignore[attr-defined]  # a column of its own
        token.user._perm_cache = set(names.split(","))  # type: ignore[attr-defined]  # noqa: SLF001
    return token
