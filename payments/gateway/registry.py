"""The gateway of this process, made from the settings."""

import threading

from payments.gateway.base import Gateway
from payments.gateway.iamport.client import IamportGateway
from payments.gateway.iamport.config import GatewayConfig

_guard = threading.Lock()
_gateway: IamportGateway | None = None


def get_gateway() -> Gateway:
    """Return this process's gateway for the settings as they are now. Makes no call and raises no `GatewayError`."""
    return _iamport()


def keys_are_refused() -> bool:
    """Whether i'mport refused this process's key and secret when they were last sent."""
    return _iamport().keys_are_refused()


def _iamport() -> IamportGateway:
    global _gateway
    config = GatewayConfig.from_settings()
    with _guard:
        if _gateway is None or _gateway.config != config:
            _gateway = IamportGateway(config)
        return _gateway
