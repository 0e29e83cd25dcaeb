"""Register the admin of accounts and sign-ins; `refunds.admin` registers tokens, with what they refunded."""

from access.admin import sign_ins, users  # noqa: F401 - each registers its models
