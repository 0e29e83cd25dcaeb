"""What the admin shows of this app; each part has a file of its own."""

from access import admin_login, admin_tokens  # noqa: F401 - they register their models
