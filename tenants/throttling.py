"""How often a key may call: API_RATE times a minute, told in the headers of every answer."""

from __future__ import annotations

import logging
import time
from typing import Any

from django.conf import settings
from django.core.cache import cache
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from tenants.accounts.models import ApiKey

logger = logging.getLogger(__name__)

WINDOW = 60  # seconds, each beginning on the minute


class PerKeyThrottle(BaseThrottle):
    """Counts calls in the cache. A cache that does not answer lets everybody pass: it protects, it does not decide."""

    def allow_request(self, request: Request, view: Any) -> bool:
        if not isinstance(request.auth, ApiKey):
            return True
        limit, now = settings.API_RATE, int(time.time())
        self._reset = WINDOW - now % WINDOW
        used = _count(f"api-rate:{request.auth.prefix}:{now // WINDOW}")
        view.headers |= {
            "RateLimit-Limit": str(limit),
            "RateLimit-Remaining": str(max(0, limit - used)),
            "RateLimit-Reset": str(self._reset),
        }
        return used <= limit

    def wait(self) -> float:
        return float(self._reset)


def _count(name: str) -> int:
    try:
        cache.add(name, 0, timeout=2 * WINDOW)
        return int(cache.incr(name))
    except ValueError:  # evicted in between
        return 1
    except RedisError as error:
        logger.warning("The cache does not answer (%s): API calls are not being counted.", error)
        return 0
