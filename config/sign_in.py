"""How django-axes counts failed logins; the numbers come from the environment, in settings."""

AXES_HANDLER = "access.lockout.service.FailureCounter"
AXES_LOCKOUT_CALLABLE = "access.lockout.service.lockout_response"
AXES_CLIENT_IP_CALLABLE = "access.lockout.service.address_of"
# In this order: `FailureCounter` compares the second with a limit of its own.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"], "ip_address"]
AXES_RESET_ON_SUCCESS = True
# Attempts during a lock-out do not extend it.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False  # access.admin.sign_ins has a list of its own
AXES_VERBOSE = False
# A name may be a password in the wrong field; the address is what one acts on.
AXES_SENSITIVE_PARAMETERS = ["username"]

AUTHENTICATION_BACKENDS = ["access.lockout.service.LockoutBackend"]

__all__ = [name for name in dir() if name.isupper()]
