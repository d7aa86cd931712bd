"""Requests to a web server from many who wait for their answers, by one thread that does little else.

Requests are bytes, made before; whoever has an answer sends the next. What was answered, and after how long, is told.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

_AN_ANSWER = 65536


@dataclass
class Answered:
    """By the number of the request: its status, and the seconds that it took. `seconds` is of all.

    `cpu` is what asking cost, in seconds of the processor that whoever is asked could have had.
    """

    statuses: dict[int, int] = field(default_factory=dict)
    took: list[float] = field(default_factory=list)
    broken: int = 0  # connections that ended without an answer
    seconds: float = 0.0
    cpu: float = 0.0

    @property
    def per_s(self) -> float:
        return len(self.statuses) / self.seconds if self.seconds else 0.0

    def percentile_ms(self, share: float) -> float:
        return sorted(self.took)[min(len(self.took) - 1, int(len(self.took) * share))] * 1000 if self.took else 0.0


@dataclass
class _Caller:
    port: int
    socket: socket.socket | None = None
    number: int = -1
    sent_at: float = 0.0
    received: bytes = b""


def storm(
    requests: Sequence[bytes],
    *,
    port: int,
    callers: int,
    seconds: float,
    meanwhile: Callable[[Answered], None] | None = None,
) -> Answered:
    """`callers` at once, until the time is over or the requests are; `meanwhile` is shown what was answered so far."""
    found, numbers = Answered(), iter(range(len(requests)))
    begun, cpu = time.perf_counter(), time.thread_time()
    with selectors.DefaultSelector() as selector:
        calling = [_Caller(port) for _ in range(callers)]
        under_way = sum(_next(caller, requests, numbers, selector, found) for caller in calling)
        while under_way and (passed := time.perf_counter() - begun) < seconds + 10:
            if meanwhile:
                found.seconds = passed
                meanwhile(found)
            for key, _ in selector.select(timeout=0.5):
                caller: _Caller = key.data
                if not _received(caller, found, selector):
                    continue
                is_over = time.perf_counter() - begun >= seconds
                under_way -= 1
                under_way += 0 if is_over else _next(caller, requests, numbers, selector, found)
        found.seconds, found.cpu = time.perf_counter() - begun, time.thread_time() - cpu
        for caller in calling:
            if caller.socket:
                caller.socket.close()
    return found


def _next(caller: _Caller, requests: Sequence[bytes], numbers: object, selector: selectors.BaseSelector,
          found: Answered) -> int:  # fmt: skip
    """1 where the next request is on its way, else 0."""
    number = next(numbers, None)  # type: ignore[call-overload]
    if number is None:
        return 0
    try:
        if caller.socket is None:
            caller.socket = socket.create_connection(("127.0.0.1", caller.port), timeout=5)
            caller.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(caller.socket, selectors.EVENT_READ, caller)
        caller.number, caller.sent_at, caller.received = number, time.perf_counter(), b""
        caller.socket.sendall(requests[number])
    except OSError:
        _hang_up(caller, selector)
        found.broken += 1
        return 0
    return 1


def _received(caller: _Caller, found: Answered, selector: selectors.BaseSelector) -> bool:
    """Whether an answer is complete, or will never be."""
    assert caller.socket is not None
    try:
        more = caller.socket.recv(_AN_ANSWER)
    except OSError:
        more = b""
    if not more:
        _hang_up(caller, selector)
        found.broken += 1
        return True
    caller.received += more
    head, blank, body = caller.received.partition(b"\r\n\r\n")
    if not blank or len(body) < _length(head):
        return False
    found.statuses[caller.number] = int(head[9:12])
    found.took.append(time.perf_counter() - caller.sent_at)
    if b"connection: close" in head.lower():
        _hang_up(caller, selector)
    return True


def _length(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"content-length:")
    return int(rest.split(b"\r\n", 1)[0]) if rest else 0


def _hang_up(caller: _Caller, selector: selectors.BaseSelector) -> None:
    if caller.socket is not None:
        selector.unregister(caller.socket)
        caller.socket.close()
        caller.socket = None
