"""The settings of the i'mport client, as one comparable value."""

from dataclasses import dataclass, field
from typing import Self

from django.conf import settings

_BRIEF = 3.0  # seconds


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """Equal configurations may share one client. Key and secret stay out of the repr, and so out of logs."""

    api_url: str
    imp_key: str = field(repr=False)
    imp_secret: str = field(repr=False)
    connect_timeout: float  # seconds
    read_timeout: float  # seconds

    @classmethod
    def from_settings(cls) -> Self:
        """Return the Django settings as they are now."""
        return cls(
            api_url=str(settings.IAMPORT_API_URL).rstrip("/"),
            imp_key=str(settings.IAMPORT_IMP_KEY or ""),
            imp_secret=str(settings.IAMPORT_IMP_SECRET or ""),
            connect_timeout=float(settings.IAMPORT_CONNECT_TIMEOUT),
            read_timeout=float(settings.IAMPORT_READ_TIMEOUT),
        )

    @property
    def patience(self) -> float:
        """Return the seconds that one call normally takes at most."""
        return self.connect_timeout + self.read_timeout

    def timeouts(self, *, brief: bool) -> tuple[float, float]:
        """Return the seconds to wait for a connection and for an answer; a few at most for a brief call."""
        longest = _BRIEF if brief else float("inf")
        return min(self.connect_timeout, longest), min(self.read_timeout, longest)

    @property
    def longest_cancel(self) -> float:
        """Return the seconds that a cancel can take: token, cancel, and a reading after a refusal."""
        return 3 * self.patience
