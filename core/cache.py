"""How we use Django's cache in Redis, which others may write to and which may be down."""

import json
from typing import Any

from redis.exceptions import RedisError

# What a cache that is down raises. Whoever uses the cache does without it then: no request fails for it.
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
