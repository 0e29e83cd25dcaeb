"""What the admin shows of this app; each part has a file of its own."""

from access import admin_login  # noqa: F401 - registers its models
