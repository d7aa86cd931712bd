"""Mail servers that others wrote, each telling what it took: aiosmtpd in this process, and Postfix."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Self

from aiosmtpd.controller import Controller

from delivery.channels.email.settings import Security
from tests.benchmarks.sink import SinkProcess
from tests.channels.postfix import Postfix, certificate, free_ports

_KEY_FIELD = b"X-Bannerline-Message: "
REFUSED = {"refused@shop.example": "550 5.1.1 no such user", "later@shop.example": "450 4.2.0 greylisted"}


@dataclass(frozen=True)
class RealServer:
    """`authority` is the certificate it is known by. `await_mails` is called with a number and the seconds it may take,
    and answers what has arrived by then: the key of each mail, and its bytes."""

    port: int
    security: Security
    authority: Path
    await_mails: Callable[[int, float], list[tuple[str, bytes]]]


@contextmanager
def aiosmtpd(folder: Path, *, security: Security, refused: Mapping[str, str] = REFUSED) -> Iterator[RealServer]:
    box, made = _Box(refused), certificate(folder)
    tls: dict[str, Any] = {}
    if security == "starttls":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(made.certificate, made.key)
        tls = {"tls_context": context, "require_starttls": True}
    (port,) = free_ports(1)
    controller = Controller(box, hostname="127.0.0.1", port=port, data_size_limit=1_000_000, **tls)
    controller.start()
    try:
        yield RealServer(port, security, made.certificate, box.await_mails)
    finally:
        controller.stop()


class Relay:
    """Postfix and the next hop that it passes mail on to, for a `with` block of many tests."""

    def __init__(self, folder: Path) -> None:
        self._next_hop = SinkProcess(spool=folder / "spool")

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self._next_hop)
            self._postfix = stack.enter_context(Postfix(next_hop=self._next_hop.port, refused=REFUSED))
            self._running = stack.pop_all()
        return self

    def __exit__(self, *why: object) -> None:
        self._running.close()

    def server(self, door: str) -> RealServer:
        """One of its doors, `port` or `starttls`: it tells of the mails that arrive from now on."""
        before = self._next_hop.count()

        def await_mails(number: int, seconds: float) -> list[tuple[str, bytes]]:
            self._next_hop.wait_for(before + number, seconds=seconds)
            new = islice(self._next_hop.messages(), before, None)
            return [(received.key, _without_trace(raw)) for received, raw in new]

        security: Security = "starttls" if door == "starttls" else "none"
        return RealServer(getattr(self._postfix, door), security, self._postfix.tls.certificate, await_mails)


class _Box:
    """What aiosmtpd hands over: see its documentation for the names."""

    def __init__(self, refused: Mapping[str, str]) -> None:
        self._refused = refused
        self._mails: list[tuple[str, bytes]] = []
        self._changed = threading.Condition()

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if address in self._refused:
            return self._refused[address]
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        raw = bytes(envelope.original_content)
        key = raw.partition(_KEY_FIELD)[2].partition(b"\r\n")[0].decode()
        with self._changed:
            self._mails.append((key, raw.removesuffix(b"\r\n")))
            self._changed.notify_all()
        return "250 2.0.0 Ok: queued as 1"

    def await_mails(self, number: int, seconds: float) -> list[tuple[str, bytes]]:
        deadline = time.monotonic() + seconds
        with self._changed:
            while len(self._mails) < number and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)
            return list(self._mails)


def _without_trace(raw: bytes) -> bytes:
    """A relay puts one field before what it got (RFC 5321, 4.4), folded; nothing else is taken off."""
    lines = raw.split(b"\r\n")
    assert lines[0].startswith(b"Received: ")
    end = next(number for number, line in enumerate(lines) if number and line[:1] not in (b" ", b"\t"))
    return b"\r\n".join(lines[end:])
