"""How the processes log: to their standard error, for whoever runs them to collect."""

from typing import Any

LEVELS = frozenset({"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"})


def settings(*, level: str) -> dict[str, Any]:
    """Django's LOGGING."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"format": "{asctime} {levelname} {name} [{process:d}] {message}", "style": "{"}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            # Its debug lines and warnings show addresses, which name customers' orders and accounts.
            "urllib3": {"level": "ERROR"},
            # Tells every step of every sign-in otherwise.
            "axes": {"level": "WARNING"},
        },
    }
