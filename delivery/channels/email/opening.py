"""Getting to an open conversation with a mail server; every way to fail says what a person can do about it."""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
import time

from delivery.channels import guarded
from delivery.channels.base import ChannelUnavailable
from delivery.channels.email.connection import Connection
from delivery.channels.email.settings import SmtpSettings

# The first that fits counts: the narrower class stands above the wider.
_CURES: tuple[tuple[type[Exception], str], ...] = (
    (ConnectionRefusedError, "nothing listens there: start the mail server, or correct host and port"),
    (socket.gaierror, "the host name is not known: correct it, or look at this machine's DNS"),
    (
        ssl.SSLCertVerificationError,
        "its certificate is not trusted: use the name the certificate is for, or point SSL_CERT_FILE at the authority",
    ),
    (ssl.SSLError, "it does not speak TLS there: use smtp:// or smtp+tls:// (usually port 587), or correct the port"),
    (TimeoutError, "it did not answer in time: correct host and port, or open the firewall"),
    (
        smtplib.SMTPServerDisconnected,
        "it hung up before it was ready: use smtps:// if it expects TLS at once, or open fewer connections",
    ),
    (smtplib.SMTPResponseException, "it turns us away: ask its operator, or wait if the answer says so"),
    (UnicodeError, "the host name cannot be one: correct it"),
    (OSError, "it cannot be reached: correct host and port, or look at the network"),
    (smtplib.SMTPException, "it cannot be talked to: ask its operator"),
)


def connect(settings: SmtpSettings, *, seconds: float) -> Connection:
    """Connect, encrypt and log in as the settings say. Raises ChannelUnavailable with the cure."""
    deadline = time.monotonic() + seconds
    try:
        with contextlib.ExitStack() as on_failure:
            server = _greeted(settings, max(min(settings.connect_timeout, seconds), 0.01))
            on_failure.callback(server.close)
            _introduce(server, settings, deadline)
            _log_in(server, settings, deadline)
            connection = Connection(server, settings)
            on_failure.pop_all()
            return connection
    except (OSError, smtplib.SMTPException, UnicodeError) as error:
        raise ChannelUnavailable(_explanation(error, settings)) from error


def _greeted(settings: SmtpSettings, timeout: float) -> smtplib.SMTP:
    # The name is corrected once connected; without one, smtplib asks the resolver, which can take many seconds.
    name = "localhost"
    if settings.security == "tls":
        context = ssl.create_default_context()
        over_tls = _OutsideTls if settings.public_only else smtplib.SMTP_SSL
        return over_tls(settings.host, settings.port, local_hostname=name, timeout=timeout, context=context)
    plain = _Outside if settings.public_only else smtplib.SMTP
    return plain(settings.host, settings.port, local_hostname=name, timeout=timeout)


class _Outside(smtplib.SMTP):
    """Goes to no address inside this network, whatever the name points to."""

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        try:
            return guarded.connect(host, port, seconds=timeout, allow_private=False)
        except guarded.NotAllowed as error:
            raise ChannelUnavailable(f"The mail server: {error}", permanent=True) from error
        except guarded.Unsent as error:
            raise OSError(str(error)) from error


class _OutsideTls(smtplib.SMTP_SSL, _Outside):
    """The same, encrypted from the first byte."""


def _introduce(server: smtplib.SMTP, settings: SmtpSettings, deadline: float) -> None:
    server.local_hostname = _own_name(_socket(server))
    _limit_wait(server, settings, deadline)
    server.ehlo_or_helo_if_needed()
    if settings.security != "starttls":
        return
    if not server.has_extn("starttls"):
        raise ChannelUnavailable(
            f"{settings.address} does not offer STARTTLS: use smtps:// (port 465), or smtp:// on a trusted network.",
            permanent=True,
        )
    server.starttls(context=ssl.create_default_context())
    _limit_wait(server, settings, deadline)
    server.ehlo()


def _log_in(server: smtplib.SMTP, settings: SmtpSettings, deadline: float) -> None:
    if not settings.username:
        return
    if not server.has_extn("auth"):
        raise ChannelUnavailable(
            f"{settings.address} takes no user name here: use smtp+tls:// or smtps://, or leave the user name out.",
            permanent=True,
        )
    _limit_wait(server, settings, deadline)
    try:
        server.login(settings.username, settings.password)
    except smtplib.SMTPResponseException as refusal:
        raise ChannelUnavailable(
            f"{settings.address} refuses the user name or password ({_wording(refusal)}): correct them.",
            permanent=refusal.smtp_code >= 500,
        ) from refusal
    except UnicodeError as error:
        raise ChannelUnavailable(
            f"{settings.address}: user name and password must be ASCII: change them.", permanent=True
        ) from error


def _limit_wait(server: smtplib.SMTP, settings: SmtpSettings, deadline: float) -> None:
    _socket(server).settimeout(max(min(settings.connect_timeout, deadline - time.monotonic()), 0.01))


def _socket(server: smtplib.SMTP) -> socket.socket:
    if server.sock is None:
        raise smtplib.SMTPServerDisconnected("the server closed the connection")
    return server.sock


def _own_name(sock: socket.socket) -> str:
    """The full name of this machine, else the address it calls from."""
    name = socket.gethostname()
    if "." in name and name.isascii():
        return name
    own_address = sock.getsockname()[0]
    return f"[IPv6:{own_address}]" if ":" in own_address else f"[{own_address}]"


def _explanation(error: Exception, settings: SmtpSettings) -> str:
    cure = next(cure for kind, cure in _CURES if isinstance(error, kind))
    return f"The mail server {settings.address} ({settings.security} TLS): {cure}. ({_wording(error)})"


def _wording(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        return f"{error.smtp_code} {said.decode('utf-8', 'replace') if isinstance(said, bytes) else said}"[:200]
    return str(error)[:200] or type(error).__name__
