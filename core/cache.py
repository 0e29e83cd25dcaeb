"""Use Django's cache safely: Redis can be down, and others can write to it."""

import json
from typing import Any

from redis.exceptions import RedisError

# Raised while the cache is down. Callers then go on without it: no request fails because of it.
CACHE_ERRORS = (OSError, RedisError)


class JsonSerializer:
    """Write values as JSON: Django's own serializer would unpickle, and so run, whatever stands in Redis."""

    def dumps(self, value: Any) -> Any:
        return json.dumps(value)

    def loads(self, data: Any) -> Any:
        """Return the value; None, as for a missing one, if it is not JSON."""
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            return None
