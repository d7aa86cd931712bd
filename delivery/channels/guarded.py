"""HTTP to addresses that somebody else chose: the one client of the house.

A name is looked up once and the connection goes to the address that was checked, so that nothing can point it inside
afterwards. Redirects are not followed, an answer is read up to a bound and within a time, and every failure says
whether the other side can have acted on the request.
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import io
import ipaddress
import queue
import select
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlsplit

MOST_BYTES = 1024 * 1024  # of an answer
_CONNECT_SECONDS = 10.0
_LONGEST_URL = 2_000
# Addresses that hide another one, which may be inside: NAT64, 6to4, Teredo.
_HIDING = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))


class NotAllowed(ValueError):
    """This address must not be called; the message says why and what to write instead."""


class Unsent(Exception):
    """The request did not go out as a whole: nobody can have acted on it."""


class Broken(Unsent):
    """It broke while the request was being written: what is in it may be why."""


class Lost(Exception):
    """The request went out and no answer came: whether it was acted on is not known."""


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """`is_whole` is False where the body broke off, or was longer than what is read. Header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_whole: bool = True


class Origin(NamedTuple):
    scheme: str
    host: str
    port: int


class Target(NamedTuple):
    origin: Origin
    path: str


def target(url: str, *, allow_private: bool) -> Target:
    """The parts of a URL that may be called, as far as can be told without looking its name up. Raises NotAllowed."""
    if len(url) > _LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise NotAllowed(f"Write the address in at most {_LONGEST_URL} ASCII characters, without spaces or \\.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise NotAllowed("The address cannot be read: write https://host/path.") from None
    if parts.scheme != "https" and not (allow_private and parts.scheme == "http"):
        raise NotAllowed("The address must begin with https://.")
    if parts.username is not None or parts.password is not None or parts.fragment or not parts.hostname:
        raise NotAllowed("Write https://host/path, without a user name, a password or #.")
    origin = Origin(parts.scheme, parts.hostname.rstrip("."), port or (443 if parts.scheme == "https" else 80))
    return Target(origin, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))


def locate(host: str, port: int, *, allow_private: bool, seconds: float = _CONNECT_SECONDS) -> list[Any]:
    """The socket addresses of a name, all of them outside this network. Raises NotAllowed, and Unsent."""
    found = _looked_up(host, port, seconds)
    if not allow_private and not all(is_public(str(entry[4][0])) for entry in found):
        raise NotAllowed(f"{host} is an address inside a network, which this installation does not call.")
    return [entry[4] for entry in found]


def _looked_up(host: str, port: int, seconds: float) -> list[Any]:
    """The system's own look-up has no bound: it is left behind when its time is over. Raises Unsent."""
    answers: queue.SimpleQueue[list[Any] | Exception] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            answers.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    threading.Thread(target=look_up, daemon=True).start()
    try:
        found = answers.get(timeout=max(seconds, 0.01))
    except queue.Empty:
        raise Unsent(f"the name {host} is not known (nobody answered in time)") from None
    if isinstance(found, Exception):
        raise Unsent(f"the name {host} is not known ({found})") from found
    return found


def is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped:
            return is_public(str(ip.ipv4_mapped))
        if ip.is_site_local or any(ip in network for network in _HIDING):
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def connect(host: str, port: int, *, seconds: float, allow_private: bool) -> socket.socket:
    """A connection to where the name points now. Raises NotAllowed, and Unsent."""
    trouble: OSError | None = None
    seconds = min(seconds, _CONNECT_SECONDS)
    deadline = time.monotonic() + seconds
    for address in locate(host, port, allow_private=allow_private, seconds=seconds)[:4]:
        try:
            return socket.create_connection(address[:2], timeout=max(deadline - time.monotonic(), 0.01))
        except OSError as error:
            trouble = error
    raise Unsent(f"{host}:{port} cannot be reached ({trouble})") from trouble


class Client:
    """Keeps one connection to the origin it called last. Used by one thread at a time."""

    def __init__(self, *, allow_private: bool = False, most_bytes: int = MOST_BYTES) -> None:
        self._allow_private, self._most_bytes = allow_private, most_bytes
        self._origin: Origin | None = None
        self._line: _Line | None = None

    def send(self, request: Request, *, seconds: float) -> Answer:
        """The answer, whatever its status. Raises NotAllowed, Unsent and Lost."""
        origin, path = target(request.url, allow_private=self._allow_private)
        line = self._connected(origin, time.monotonic() + seconds)
        conversation = http.client.HTTPConnection(origin.host, origin.port)
        conversation.default_port = 443 if origin.scheme == "https" else 80
        conversation.sock = line
        headers = {"User-Agent": "Bannerline", **request.headers}
        try:
            conversation.request(request.method, path, body=request.body or None, headers=headers)
        except OSError as error:
            self.close()
            raise Broken(f"the connection to {origin.host} broke ({error or type(error).__name__})") from error
        except (ValueError, http.client.HTTPException) as error:
            self.close()
            raise NotAllowed(f"The request cannot be written: {error}.") from error
        return self._answer(conversation, origin)

    def reach(self, url: str, *, seconds: float) -> None:
        """Connect without asking anything. Raises NotAllowed, and Unsent."""
        self._connected(target(url, allow_private=self._allow_private).origin, time.monotonic() + seconds)

    def close(self) -> None:
        if self._line:
            self._line.hang_up()
        self._line = self._origin = None

    def _answer(self, conversation: http.client.HTTPConnection, origin: Origin) -> Answer:
        try:
            response = conversation.getresponse()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Lost(f"{origin.host} gave no answer ({error or type(error).__name__})") from error
        body, is_whole = b"", False
        try:
            body = response.read(self._most_bytes + 1)
            # An answer without a length ends with the connection: with nothing in it, it may as well have broken off.
            is_bounded = response.will_close is False or "content-length" in response.headers or response.chunked
            is_whole = len(body) <= self._most_bytes and response.isclosed() and bool(is_bounded or body)
        except http.client.IncompleteRead as broken:
            body = broken.partial
        except (OSError, http.client.HTTPException):
            pass  # what there is of the answer says so itself
        if not is_whole or response.will_close:
            self.close()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, body[: self._most_bytes], is_whole)

    def _connected(self, origin: Origin, deadline: float) -> _Line:
        if self._line and (self._origin != origin or self._line.is_stale()):
            self.close()
        if self._line is None:
            self._line, self._origin = self._open(origin, deadline), origin
        self._line.deadline = deadline
        return self._line

    def _open(self, origin: Origin, deadline: float) -> _Line:
        seconds = deadline - time.monotonic()
        sock = connect(origin.host, origin.port, seconds=seconds, allow_private=self._allow_private)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if origin.scheme == "https":
                sock.settimeout(max(min(deadline - time.monotonic(), _CONNECT_SECONDS), 0.01))
                sock = _trust().wrap_socket(sock, server_hostname=origin.host)
        except (OSError, ValueError) as error:
            sock.close()
            raise Unsent(f"{origin.host} cannot be talked to in TLS ({error})") from error
        return _Line(sock)


@functools.cache
def _trust() -> ssl.SSLContext:
    return ssl.create_default_context()


class _Line:
    """A socket on which nothing goes on after `deadline`, an instant of the monotonic clock."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.deadline = 0.0

    def sendall(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            self.limit_wait()
            rest = rest[self._sock.send(rest) :]

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Incoming(self, self._sock))

    def limit_wait(self) -> None:
        remaining = self.deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(remaining)

    def is_stale(self) -> bool:
        """Whether the other side hung up, or says what nobody asked for."""
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        """Called by http.client on an answer that ends with the connection, before its body is read: not yet."""

    def hang_up(self) -> None:
        with contextlib.suppress(OSError):
            self._sock.close()


class _Incoming(io.RawIOBase):
    def __init__(self, line: _Line, sock: socket.socket) -> None:
        self._line, self._sock = line, sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._line.limit_wait()
        return self._sock.recv_into(buffer)
