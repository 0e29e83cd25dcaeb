"""The gateway of this process, made from the settings."""

from functools import lru_cache

from payments.gateway.base import Gateway
from payments.gateway.iamport.client import IamportGateway
from payments.gateway.iamport.config import GatewayConfig
from payments.gateway.iamport.refusals import classify_refusal

__all__ = ["classify_refusal", "get_gateway", "keys_are_refused"]


def get_gateway() -> Gateway:
    """Return this process's gateway for the settings as they are now. Makes no call and raises no `GatewayError`."""
    return _iamport(GatewayConfig.from_settings())


def keys_are_refused() -> bool:
    """Return whether i'mport refused this process's key and secret when they were last sent."""
    return _iamport(GatewayConfig.from_settings()).keys_are_refused()


@lru_cache(maxsize=1)
def _iamport(config: GatewayConfig) -> IamportGateway:
    return IamportGateway(config)
