"""Calls the addresses of messages before a launch: do links lead somewhere, are images there, and how heavy are they.

Only what is the same for everybody is called, in a short time and a few at once, by the client that goes nowhere
inside. What cannot be learnt so is told as not known. Nobody is followed from one site to another: that a link answers
with where its page is now is an answer.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from urllib.parse import urljoin, urlsplit

from campaigns import reached
from campaigns.reached import Answer
from delivery.channels.guarded import Answer as Told
from delivery.channels.guarded import Client, Lost, NotAllowed, Request, Unsent

SECONDS = 4.0  # for all of them together
_EACH = 2.5  # seconds for one
MOST = 40  # addresses of one look
_AT_ONCE = 8
_MOST_BYTES = 1024 * 1024  # of an image whose size nobody tells
_MOST_HOPS = 3  # of an image
_GONE = (404, 410)
_NOWHERE = (".example", ".test", ".invalid", ".localhost", "example.com", "example.org", "example.net")  # RFC 2606


def look_up(images: Iterable[str], links: Iterable[str], *, now: datetime, allow_private: bool = False) -> None:
    """Call those that are due, and put down what they answer. `allow_private` is for installations within a network."""
    pictures = set(images)
    wanted = [url for url in reached.due([*pictures, *links], now=now) if _is_somewhere(url)][:MOST]
    if wanted:
        reached.note(_called(wanted, pictures, allow_private), now=now)


def _called(urls: Sequence[str], images: set[str], allow_private: bool) -> list[Answer]:
    until = time.monotonic() + SECONDS

    def call(url: str) -> Answer:
        client = Client(allow_private=allow_private, most_bytes=_MOST_BYTES)
        try:
            return (_image if url in images else _link)(client, url, until)
        except (NotAllowed, Unsent, Lost, TimeoutError):
            return Answer(url, is_known=False)
        finally:
            client.close()

    with ThreadPoolExecutor(min(_AT_ONCE, len(urls))) as threads:
        return list(threads.map(call, urls))


def _link(client: Client, url: str, until: float) -> Answer:
    told = _ask(client, "HEAD", url, until)
    if told.status in (*_GONE, 405, 501):  # some pages are there for those only who want to read them
        told = _ask(client, "GET", url, until)
    return Answer(url, is_known=True, problem=f"answers {told.status}" if told.status in _GONE else "")


def _image(client: Client, url: str, until: float) -> Answer:
    at = url
    for _ in range(_MOST_HOPS):
        told = _ask(client, "HEAD", at, until)
        if told.status not in (301, 302, 303, 307, 308):
            break
        at = urljoin(at, told.headers.get("location", ""))
    is_unsaid = told.status == 200 and "content-length" not in told.headers
    if is_unsaid or told.status in (*_GONE, 405, 501):
        told = _ask(client, "GET", at, until)
    if told.status in _GONE:
        return Answer(url, is_known=True, problem=f"answers {told.status}")
    if told.status != 200:
        return Answer(url, is_known=False)
    kind = told.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind and not kind.startswith("image/") and kind != "application/octet-stream":
        return Answer(url, is_known=True, problem=f"is {kind[:40]} and no image")
    return Answer(url, is_known=True, size=_size(told))


def _size(told: Told) -> int | None:
    length = told.headers.get("content-length", "")
    if length.isdecimal() and len(length) < 13:
        return int(length)
    return len(told.body) if told.is_whole and told.body else None


def _ask(client: Client, method: str, url: str, until: float) -> Told:
    """Raises TimeoutError when the time for all of them is over, and what the client raises."""
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return client.send(Request(method, url), seconds=min(left, _EACH))


def _is_somewhere(url: str) -> bool:
    try:
        host = (urlsplit(url).hostname or "").rstrip(".").lower()
    except ValueError:
        return False
    return bool(host) and not host.endswith(_NOWHERE)
