"""The installation's settings, with the naive view in the place of what answers hits."""

from __future__ import annotations

from marketing import settings as _ours

globals().update({name: value for name, value in vars(_ours).items() if name.isupper()})
MIDDLEWARE = [each for each in _ours.MIDDLEWARE if not each.endswith("HitMiddleware")]
ROOT_URLCONF = "tests.benchmarks.naive_hits"
