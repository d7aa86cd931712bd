"""Who sends for a domain: what the retailer's active accounts, or the platform's server, say of SPF and DKIM.

Reads    Provider, SenderDomain (`selectors`)
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from django.conf import settings

from delivery.models import Provider, SenderDomain
from delivery.providers import opened
from delivery.senders import reserved
from delivery.senders.dkim import Key
from tenants import context, sealing

# As each service's own documentation names them.
_SPF = {
    "ses": "include:amazonses.com",
    "sendgrid": "include:sendgrid.net",
    "mailgun": "include:mailgun.org",
    "postmark": "include:spf.mtasv.net",
    "resend": "include:amazonses.com",
}
_SELECTORS = {"sendgrid": ("s1",), "resend": ("resend",)}
_SIGNING = ("ses", "sendgrid", "mailgun", "postmark", "resend")
_HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")


@dataclass(frozen=True)
class Senders:
    """`spf` are mechanisms, `keys` sign, and `unknown` accounts sign with keys that we cannot name. `bounces` are the
    domains that mail comes back to, where an account has one of its own.
    """

    spf: tuple[str, ...] = ()
    keys: tuple[Key, ...] = ()
    unknown: tuple[str, ...] = ()
    bounces: tuple[str, ...] = ()


def of(domain: str) -> Senders:
    accounts = list(Provider.objects.filter(channel="email", is_active=True).order_by("priority", "key"))
    row = SenderDomain.objects.filter(domain=domain).first()
    told = [Key(selector, domain) for selector in (row.selectors if row else [])]
    keys = [key for account in accounts for key in _keys(account, domain)]
    spf = [each for account in accounts for each in _mechanisms(account.kind, account.settings)]
    if not accounts:
        spf = _named_host(urlsplit(settings.EMAIL_URL).hostname or "")
    named = {key.account for key in keys}
    unknown = [each.key for each in accounts if each.kind in _SIGNING and each.key not in named]
    if not accounts:
        unknown = ["the platform's mail server"]
    bounces = dict.fromkeys(str(each.settings.get("bounce_domain") or "") for each in accounts)
    return Senders(tuple(dict.fromkeys(spf)), tuple(told or keys), tuple(unknown), tuple(filter(None, bounces)))


def _mechanisms(kind: str, given: dict[str, object]) -> list[str]:
    if kind == "smtp":
        return _named_host(str(given.get("host", "")))
    return [_SPF[kind]] if kind in _SPF else []


def _named_host(host: str) -> list[str]:
    """A server in this network sends by an address that only its owner knows."""
    name = host.lower()
    return [f"a:{name}"] if _HOST.fullmatch(name) and not reserved.why(name) else []


def _keys(account: Provider, domain: str) -> list[Key]:
    if account.kind == "smtp" and account.settings.get("dkim_selector"):
        selector, signing = str(account.settings["dkim_selector"]), str(account.settings["dkim_domain"]).lower()
        return [Key(selector, signing, _record(account), account.key)]
    return [Key(selector, domain, account=account.key) for selector in _SELECTORS.get(account.kind, ())]


def _record(account: Provider) -> str:
    """What must stand in DNS for the key that signs; blank where it cannot be read."""
    try:
        secret = sealing.unseal(context.current(), opened.PURPOSE, account.credentials)
        private = load_pem_private_key(str(secret.get("dkim_private_key", "")).encode(), None)
    except (sealing.CannotUnseal, ValueError, TypeError):
        return ""
    if isinstance(private, ed25519.Ed25519PrivateKey):
        raw = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return f"v=DKIM1; k=ed25519; p={base64.b64encode(raw).decode()}"
    if isinstance(private, rsa.RSAPrivateKey):
        raw = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return f"v=DKIM1; k=rsa; p={base64.b64encode(raw).decode()}"
    return ""
