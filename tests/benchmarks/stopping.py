"""The emergency stop of the whole platform, as a mail server sees it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime

from tenants import acting, stops
from tests.benchmarks import witness
from tests.benchmarks.sink import SinkProcess

_QUIET = 1.0  # seconds without mail after which a stop has taken effect
_AT_MOST = 15.0
_FULL_SWING = 1000  # messages after which the next stop may come
_LOOK_EVERY = 0.05


@dataclass(frozen=True)
class Stopped:
    """Its commit, its end, and the seconds after each in which mail still came and came again."""

    at: datetime
    lifted: datetime
    last_mail_s: float
    on_again_s: float
    complaint: str = ""


def stop(sink: SinkProcess) -> Stopped:
    """Stop, see mail cease, lift the stop, and see mail come again."""
    with acting.acting("Benchmark", "benchmark", "command"):
        stops.stop(None, reason="benchmark")
        at = witness.clock()
        last_mail_s, count = _await_quiet(sink)
        lifted, begun = witness.clock(), time.monotonic()
        stops.lift(None)
    arrived = sink.wait_for(count + 1, seconds=_AT_MOST)
    on_again_s = time.monotonic() - begun
    sink.wait_for(arrived + _FULL_SWING, seconds=_AT_MOST)
    complaint = ""
    if last_mail_s >= _AT_MOST:
        complaint = "A stop did not stop anything."
    elif arrived <= count:
        complaint = "Nothing went on after a stop was lifted."
    return Stopped(at, lifted, last_mail_s, on_again_s, complaint)


def _await_quiet(sink: SinkProcess) -> tuple[float, int]:
    """Seconds from now to the last mail, and how many there are by then."""
    begun = last = time.monotonic()
    count = sink.count()
    while time.monotonic() - last < _QUIET and last - begun < _AT_MOST:
        time.sleep(_LOOK_EVERY)
        if (arrived := sink.count()) > count:
            last, count = time.monotonic(), arrived
    return last - begun, count
