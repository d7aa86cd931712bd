"""Mail that came back to us, as signals of the messages it is about.

What proves it is the address that it came back to: nobody but those who handled a message knows its return path, and
with it they can speak of that message alone. So it counts wherever in the mail it stands: a report of a complaint goes
to an address of its own, and holds it among the fields of the message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from delivery.channels.base import ReturnPaths
from delivery.channels.email import reports
from delivery.channels.signals import Forged, Signal, Unreadable, WebhookRequest, digest

TO = "x-original-to"  # the header of a request that says where its mail was delivered
_MOST_TRIED = 50  # of the names in a mail


@dataclass(frozen=True)
class Returned:
    """What comes back to a domain."""

    domain: str
    paths: ReturnPaths

    def address(self, key: str, recipient: str) -> str:
        """Where a message comes back to; empty for what is no message."""
        name = self.paths.name(key, recipient)
        return f"{name}@{self.domain}" if name else ""

    def verify(self, request: WebhookRequest) -> None:
        """Raises signals.Forged."""
        if not self._name(request):
            raise Forged("No address in it is the return path of a message.")

    def parse(self, request: WebhookRequest) -> list[Signal]:
        """Raises signals.Unreadable."""
        name = self._name(request)
        if not name:
            raise Unreadable("no address in it is the return path of a message")
        key = self.paths.read(name)
        told = reports.read(request.body, lambda address: self.paths.is_of(name, address))
        return [
            Signal(
                told.kind,
                digest("returned", key, told.kind, told.raw),
                at=told.at,
                key=key,
                recipient=told.recipient,
                is_hard=told.is_hard,
                detail=told.detail[:300],
                raw=told.raw[:100],
            )
        ]

    def _name(self, request: WebhookRequest) -> str:
        """The first return path that is one of ours; empty where there is none."""
        tried: set[str] = set()
        for name in self._names(request.body, request.headers):
            if name not in tried and self.paths.read(name):
                return name
            tried.add(name)
            if len(tried) > _MOST_TRIED:
                break
        return ""

    def _names(self, body: bytes, headers: Mapping[str, str]) -> Iterator[str]:
        at = re.escape(self.domain.encode())
        whole = re.compile(rb"(?i)(?<![\w.+-])([a-z0-9-]{20,64})@" + at + rb"(?![\w.-]*\w)")
        for text in (headers.get(TO, "").encode("utf-8", "replace"), body[: reports.MOST_BYTES]):
            for found in whole.finditer(text):
                yield found[1].decode().lower()


def request_of(mail: bytes, *, to: str = "") -> WebhookRequest:
    """A mail as the port takes what a provider sends; `to` is where it was delivered, where that is known."""
    headers = {"content-type": "message/rfc822"} | ({TO: to[:320]} if to else {})
    return WebhookRequest(mail[: reports.MOST_BYTES], headers)
