"""Register the admin of users, groups and sign-ins. `refunds.admin` registers tokens, to show what they refunded."""

from access.admin import sign_ins, users  # noqa: F401 - each registers its models
