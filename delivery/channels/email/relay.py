"""A retailer's own mail server as a provider, and the mailbox where what it could not deliver comes back."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from delivery.channels.email import dkim
from delivery.channels.email.mailbox import MailboxSettings
from delivery.channels.email.returned import Returned
from delivery.channels.email.settings import CONNECTIONS, MOST_CONNECTIONS, Security, SmtpSettings
from delivery.channels.email.smtp import SmtpChannel
from delivery.channels.kinds import Account, Credentials, Kind, OptionalSecret, Settings

_PORTS: dict[Security, int] = {"none": 25, "starttls": 587, "tls": 465}
_IMAP_PORTS: dict[Security, int] = {"none": 143, "starttls": 143, "tls": 993}
_DOMAIN = re.compile(r"(?=.{1,190}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_FOLDER = r"^[ !#-\[\]-~]{1,200}$"  # printable, and no quote that would end it
_USER = r"^[!#-\[\]-~]{0,200}$"


def _domain(value: str) -> str:
    name = value.lower().rstrip(".")
    if name and not _DOMAIN.fullmatch(name):
        raise ValueError("write a domain such as bounces.shop.example, its xn-- form where it has other letters")
    return name


class Relay(Settings):
    host: str = Field(min_length=1, max_length=253)
    """The mail server's name."""
    port: int | None = Field(None, ge=1, le=65535)
    """Blank: 587 for STARTTLS, 465 for TLS, 25 for none."""
    security: Security = "starttls"
    """How the connection is encrypted."""
    username: str = ""
    """Blank where the server asks for none."""
    connections: int = Field(CONNECTIONS, ge=1, le=MOST_CONNECTIONS)
    """How many a worker may keep open at once; where the server lets in fewer, those do."""
    chunking: bool = True
    """Several messages at once over each, where the server announces CHUNKING and PIPELINING."""
    dkim_domain: str = ""
    """Signs messages for this domain; blank where the server signs them."""
    dkim_selector: str = ""
    """The name of the key in DNS, before ._domainkey."""
    bounce_domain: Annotated[str, AfterValidator(_domain)] = ""
    """What cannot be delivered comes back to addresses of this domain, one for each message; blank: to the sender."""
    imap_host: str = Field("", max_length=253)
    """The mailbox where mail to the bounce domain arrives; blank where the mail server hands it over by itself."""
    imap_port: int | None = Field(None, ge=1, le=65535)
    """Blank: 993 for TLS, otherwise 143."""
    imap_security: Security = "tls"
    """How the connection to the mailbox is encrypted."""
    imap_username: str = Field("", pattern=_USER)
    """Of the mailbox, which nobody else reads."""
    imap_folder: str = Field("INBOX", pattern=_FOLDER)
    """Where in the mailbox returned mail lies."""
    imap_afterwards: Literal["keep", "delete"] = "keep"
    """Whether a mail that was taken in stays there as read, or is deleted."""

    @model_validator(mode="after")
    def _both_or_neither(self) -> Relay:
        if bool(self.dkim_domain) != bool(self.dkim_selector):
            raise ValueError("give DKIM's domain and its selector, or neither")
        if self.imap_host and not self.bounce_domain:
            raise ValueError("give the bounce domain whose mail arrives in the mailbox, or leave imap_host out")
        return self


class Login(Credentials):
    password: OptionalSecret = ""
    """Of the user name."""
    dkim_private_key: str = Field("", repr=False)
    """PEM, without a password: RSA or Ed25519."""
    imap_password: OptionalSecret = ""
    """Of the mailbox for returned mail."""


def _channel(account: Account) -> SmtpChannel:
    given, secret = account.settings, account.credentials
    if bool(given.username) != bool(secret.password):
        raise ValueError("credentials.password: give a user name and a password, or neither")
    if bool(given.dkim_domain) != bool(secret.dkim_private_key):
        raise ValueError("credentials.dkim_private_key: DKIM needs a domain, a selector and a key")
    sign = dkim.signer(given.dkim_domain, given.dkim_selector, secret.dkim_private_key) if given.dkim_domain else None
    paths = account.return_paths
    returned = Returned(given.bounce_domain, paths) if given.bounce_domain and paths else None
    settings = SmtpSettings(
        host=given.host,
        port=given.port or _PORTS[given.security],
        username=given.username,
        password=secret.password,
        security=given.security,
        timeout=account.timeout,
        connect_timeout=min(account.timeout, 10.0),
        connections=given.connections,
        chunking=given.chunking,
        public_only=not account.allow_private,
        sign=sign,
        return_path=returned.address if returned else None,
    )
    return SmtpChannel(settings, account.key, returned=returned, mailbox=_mailbox(account))


def _mailbox(account: Account) -> MailboxSettings | None:
    given: Relay = account.settings
    password = account.credentials.imap_password
    if not given.imap_host:
        return None
    if not given.imap_username or not password:
        raise ValueError("credentials.imap_password: the mailbox needs a user name and a password")
    return MailboxSettings(
        host=given.imap_host,
        port=given.imap_port or _IMAP_PORTS[given.imap_security],
        security=given.imap_security,
        username=given.imap_username,
        password=password,
        folder=given.imap_folder,
        afterwards=given.imap_afterwards,
        allow_private=account.allow_private,
    )


_LEADS = ("host", "port", "security", "imap_host", "imap_port", "imap_security")
KIND = Kind(
    "smtp",
    "Mail server (SMTP)",
    ("email",),
    Relay,
    Login,
    _channel,
    leads=_LEADS,
    second="imap_",
    second_label="Mailbox of the bounce domain",
)
