"""A retailer's own mail server as a provider."""

from __future__ import annotations

from pydantic import Field, model_validator

from delivery.channels.email import dkim
from delivery.channels.email.settings import Security, SmtpSettings
from delivery.channels.email.smtp import SmtpChannel
from delivery.channels.kinds import Account, Credentials, Kind, OptionalSecret, Settings

_PORTS: dict[Security, int] = {"none": 25, "starttls": 587, "tls": 465}


class Relay(Settings):
    host: str = Field(min_length=1, max_length=253)
    """The mail server's name."""
    port: int | None = Field(None, ge=1, le=65535)
    """Blank: 587 for STARTTLS, 465 for TLS, 25 for none."""
    security: Security = "starttls"
    """How the connection is encrypted."""
    username: str = ""
    """Blank where the server asks for none."""
    dkim_domain: str = ""
    """Signs messages for this domain; blank where the server signs them."""
    dkim_selector: str = ""
    """The name of the key in DNS, before ._domainkey."""

    @model_validator(mode="after")
    def _both_or_neither(self) -> Relay:
        if bool(self.dkim_domain) != bool(self.dkim_selector):
            raise ValueError("give DKIM's domain and its selector, or neither")
        return self


class Login(Credentials):
    password: OptionalSecret = ""
    """Of the user name."""
    dkim_private_key: str = Field("", repr=False)
    """PEM, without a password: RSA or Ed25519."""


def _channel(account: Account) -> SmtpChannel:
    given, secret = account.settings, account.credentials
    if bool(given.username) != bool(secret.password):
        raise ValueError("credentials.password: give a user name and a password, or neither")
    if bool(given.dkim_domain) != bool(secret.dkim_private_key):
        raise ValueError("credentials.dkim_private_key: DKIM needs a domain, a selector and a key")
    sign = dkim.signer(given.dkim_domain, given.dkim_selector, secret.dkim_private_key) if given.dkim_domain else None
    settings = SmtpSettings(
        host=given.host,
        port=given.port or _PORTS[given.security],
        username=given.username,
        password=secret.password,
        security=given.security,
        timeout=account.timeout,
        connect_timeout=min(account.timeout, 10.0),
        public_only=not account.allow_private,
        sign=sign,
    )
    return SmtpChannel(settings, account.key)


KIND = Kind("smtp", "Mail server (SMTP)", ("email",), Relay, Login, _channel)
