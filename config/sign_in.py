"""Settings of django-axes, which counts failed logins; the limits are in `settings`, from the environment."""

AXES_HANDLER = "access.lockout.service.FailureCounter"
AXES_LOCKOUT_CALLABLE = "access.lockout.service.lockout_response"
AXES_CLIENT_IP_CALLABLE = "access.lockout.service.address_of"
# In this order: `FailureCounter` compares the second with LOGIN_ADDRESS_LIMIT.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"], "ip_address"]
AXES_RESET_ON_SUCCESS = True
# Attempts during a lock-out do not extend it.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False  # access.admin.sign_ins has its own list
AXES_VERBOSE = False
# A user may type a password into the username field. The address stays readable: staff act on it.
AXES_SENSITIVE_PARAMETERS = ["username"]

AUTHENTICATION_BACKENDS = ["access.lockout.service.LockoutBackend"]

__all__ = [name for name in dir() if name.isupper()]
