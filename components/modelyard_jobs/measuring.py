"""What the serving container tells Prometheus of its calls: how many by status, how long each took, how many at a time.

The names are read by alarms, analyses and autoscaling on Kubernetes (`modelyard.core.serving`).
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from modelyard.core.serving import IN_PROGRESS, REQUESTS, SECONDS

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
"""Seconds: from a small tree to the minute that a call takes at most."""


class Measuring:
    """The figures of one container."""

    content_type = "text/plain; version=0.0.4; charset=utf-8"

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            REQUESTS.removesuffix("_total"), "Calls that were answered", ["status"], registry=self._registry
        )
        self._seconds = Histogram(SECONDS, "Seconds that an answer took", buckets=_BUCKETS, registry=self._registry)
        self._in_progress = Gauge(IN_PROGRESS, "Calls being answered", registry=self._registry)

    async def measured(self, answer: Callable[[Any], Awaitable[Any]], request: Any) -> Any:
        """What `answer` says to `request`, counted."""
        began = time.perf_counter()
        with self._in_progress.track_inprogress():
            response = await answer(request)
        self._seconds.observe(time.perf_counter() - began)
        self._requests.labels(str(response.status_code)).inc()
        return response

    def text(self) -> bytes:
        """The figures as Prometheus reads them."""
        return generate_latest(self._registry)
