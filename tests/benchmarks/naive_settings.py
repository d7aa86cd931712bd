"""The installation's settings, with naive views in the place of what answers hits and webhooks."""

from __future__ import annotations

from marketing import settings as _ours

globals().update({name: value for name, value in vars(_ours).items() if name.isupper()})
MIDDLEWARE = [each for each in _ours.MIDDLEWARE if not each.endswith(("HitMiddleware", "PostMiddleware"))]
ROOT_URLCONF = "tests.benchmarks.naive_urls"
