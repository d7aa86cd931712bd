"""Where the mail server is and how to be let in, read from one URL."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, get_args
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

Security = Literal["none", "starttls", "tls"]

_SECURITY_OF_SCHEME: dict[str, Security] = {"smtp": "none", "smtp+tls": "starttls", "smtps": "tls"}
_PORTS: dict[Security, int] = {"none": 25, "starttls": 587, "tls": 465}
_OPTIONS = {"tls", "timeout", "connect_timeout", "connections", "chunking"}
CONNECTIONS, MOST_CONNECTIONS = 4, 16  # that a worker keeps open at once: unless it is said, and at most
_PATTERN = "smtp://user:password@host:port"
_ENCODE = "write the characters : / ? # @ % and spaces of a user name or password percent-encoded (# is %23)"


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """`timeout` is the longest wait for an answer, `connect_timeout` for being greeted; both in seconds.

    `connections` is how many a worker may keep open at once; a server that lets in fewer is sent to over those.
    `chunking`: several messages go out at once where the server announces CHUNKING and PIPELINING.
    `public_only` keeps it from hosts inside this network; `sign` makes the signature field of a message, if any.
    `return_path` is the address that the message with a key to an address comes back to; empty: the envelope's sender.
    """

    host: str
    port: int = 25
    username: str = ""
    password: str = field(default="", repr=False)
    security: Security = "none"
    timeout: float = 60.0
    connect_timeout: float = 10.0
    connections: int = CONNECTIONS
    chunking: bool = True
    public_only: bool = False
    sign: Callable[[bytes], bytes] | None = field(default=None, repr=False)
    return_path: Callable[[str, str], str] | None = field(default=None, repr=False)

    @classmethod
    def from_url(cls, url: str) -> SmtpSettings:
        """Reads `smtp://user:password@host:port`, `smtps://` (TLS at once) and `smtp+tls://` (STARTTLS).

        Options: `?tls=none|starttls|tls&timeout=seconds&connect_timeout=seconds&connections=number&chunking=yes|no`.
        Raises ValueError with the cure, and never with a piece of the URL, because any may belong to a mistyped
        password.
        """
        parts = _split(url.strip())
        options = _options(parts.query)
        security = _security(parts.scheme, options)
        username, password = _credentials(parts)
        return cls(
            host=_host(parts),
            port=_port(parts) or _PORTS[security],
            username=username,
            password=password,
            security=security,
            timeout=_seconds(options, "timeout", 60.0),
            connect_timeout=_seconds(options, "connect_timeout", 10.0),
            connections=_connections(options),
            chunking=_chunking(options),
        )

    @property
    def address(self) -> str:
        """`host:port`, for people."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _split(url: str) -> SplitResult:
    if re.search(r"[\s\x00-\x1f\x7f]", url):
        raise ValueError(f"The mail server URL contains spaces or control characters: {_ENCODE}.")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError(f"The mail server URL cannot be read: write {_PATTERN}, an IPv6 host in [ ].") from None
    if parts.scheme not in _SECURITY_OF_SCHEME:
        raise ValueError(f"The mail server URL must begin with smtp://, smtps:// or smtp+tls://, as in {_PATTERN}.")
    if parts.path not in {"", "/"} or parts.fragment:
        raise ValueError(f"The mail server URL goes on after the port: end it there, and {_ENCODE}.")
    return parts


def _options(query: str) -> dict[str, str]:
    pairs = parse_qsl(query, keep_blank_values=True)
    options = dict(pairs)
    if len(options) < len(pairs) or not options.keys() <= _OPTIONS:
        raise ValueError(f"The mail server URL knows the options {', '.join(sorted(_OPTIONS))}, each once; {_ENCODE}.")
    return options


def _security(scheme: str, options: dict[str, str]) -> Security:
    chosen = options.get("tls", _SECURITY_OF_SCHEME[scheme])
    for security in get_args(Security):
        if chosen == security and (scheme == "smtp" or chosen == _SECURITY_OF_SCHEME[scheme]):
            return _SECURITY_OF_SCHEME[scheme] if scheme != "smtp" else security
    raise ValueError("The mail server URL's option tls must be none, starttls or tls, and agree with how it begins.")


def _credentials(parts: SplitResult) -> tuple[str, str]:
    username, password = unquote(parts.username or ""), unquote(parts.password or "")
    if bool(username) != bool(password):
        raise ValueError(f"The mail server URL needs a user name and a password, or neither: write {_PATTERN}.")
    if not (username + password).isascii():
        raise ValueError("The mail server URL's user name and password must be ASCII: SMTP servers agree on no other.")
    return username, password


def _host(parts: SplitResult) -> str:
    if not parts.hostname:
        raise ValueError(f"The mail server URL has no host: write {_PATTERN}.")
    return parts.hostname


def _port(parts: SplitResult) -> int | None:
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise ValueError(f"The mail server URL's port must be a number from 1 to 65535; {_ENCODE}.")
    return port


def _seconds(options: dict[str, str], name: str, default: float) -> float:
    try:
        seconds = float(options.get(name, default))
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 600:
        raise ValueError(f"The mail server URL's option {name} must be a number of seconds from 0 to 600.")
    return seconds


def _connections(options: dict[str, str]) -> int:
    said = options.get("connections", str(CONNECTIONS))
    if not (said.isascii() and said.isdigit() and 1 <= int(said) <= MOST_CONNECTIONS):
        raise ValueError(
            f"The mail server URL's option connections must be a whole number from 1 to {MOST_CONNECTIONS}."
        )
    return int(said)


def _chunking(options: dict[str, str]) -> bool:
    said = options.get("chunking", "yes")
    if said not in {"yes", "no"}:
        raise ValueError("The mail server URL's option chunking must be yes or no.")
    return said == "yes"
