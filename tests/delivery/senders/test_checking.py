"""The check of a sender's domain: each fault is found, and told with the record that cures it."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from django.utils import timezone

from delivery.models import Provider, SenderDomain
from delivery.providers import accounts
from delivery.senders import checking, reserved
from delivery.senders.findings import Record
from tenants.models import Retailer
from tests.delivery.senders import server

DOMAIN = "shop.bannerline-tests.dev"
RSA = rsa.generate_private_key(65537, 2048)


def published(bits: int = 2048) -> str:
    key = RSA if bits == 2048 else rsa.generate_private_key(65537, bits)
    raw = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(raw).decode()


def pem() -> str:
    return RSA.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


PUBLIC = published()


def sound() -> server.Zone:
    """A domain with nothing to put right."""
    return {
        (DOMAIN, "MX"): [f"10 mail.{DOMAIN}."],
        (DOMAIN, "TXT"): ["google-site-verification=x", "v=spf1 a:mail.partner.dev ~all"],
        (f"k1._domainkey.{DOMAIN}", "TXT"): [f"v=DKIM1; k=rsa; p={PUBLIC}"],
        (f"_dmarc.{DOMAIN}", "TXT"): ["v=DMARC1; p=reject; rua=mailto:dmarc@partner.dev"],
    }


@pytest.fixture
def zone(at_acme: Retailer) -> server.Zone:
    accounts.save(
        {
            "key": "relay",
            "channel": "email",
            "kind": "smtp",
            "settings": {"host": "mail.partner.dev", "dkim_domain": DOMAIN, "dkim_selector": "k1"},
            "credentials": {"dkim_private_key": pem()},
        }
    )
    return sound()


@pytest.fixture
def dns(zone: server.Zone) -> Iterator[Any]:
    with server.serving(zone) as served:
        yield served


def look(dns: Any, domain: str = DOMAIN, **options: Any) -> dict[str, Any]:
    return checking.of(domain, now=timezone.now(), resolver=server.resolver(dns), **({"anew": True} | options))


def of(found: dict[str, Any], check: str) -> list[tuple[str, str]]:
    return [(each["severity"], each["message"]) for each in found["findings"] if each["check"] == check]


def test_a_domain_with_nothing_to_put_right(dns: Any) -> None:
    found = look(dns)
    assert found["state"] == "ok"
    assert {each["check"] for each in found["findings"]} == {"existence", "spf", "dkim", "dmarc"}
    assert {each["severity"] for each in found["findings"]} == {"ok"}


def test_a_domain_with_nothing_is_told_every_record_to_publish(dns: Any) -> None:
    dns.zone.clear()
    found = look(dns)
    assert found["state"] == "error"
    records = {str(Record(**each["record"])) for each in found["findings"]}
    assert records == {
        f"{DOMAIN}. MX 10 mail.{DOMAIN}.",
        f'{DOMAIN}. TXT "v=spf1 a:mail.partner.dev ~all"',
        f'k1._domainkey.{DOMAIN}. TXT "v=DKIM1; k=rsa; p={PUBLIC}"',
        f'_dmarc.{DOMAIN}. TXT "v=DMARC1; p=none; rua=mailto:dmarc@{DOMAIN}"',
    }


def includes(number: int) -> dict[tuple[str, str], list[str]]:
    """A chain that takes so many look-ups."""
    chain = {
        (f"i{n}.dev", "TXT"): [f"v=spf1 include:i{n + 1}.dev ~all" if n < number else "v=spf1 ip4:192.0.2.1 ~all"]
        for n in range(1, number + 1)
    }
    return chain | {(DOMAIN, "TXT"): ["v=spf1 include:i1.dev ~all"]}


@pytest.mark.parametrize(
    ("record", "severity", "words"),
    [
        (["v=spf1 a:mail.partner.dev +all"], "error", "every server in the world"),
        (["v=spf1 a:mail.partner.dev all"], "error", "every server in the world"),
        (["v=spf1 a:mail.partner.dev ?all"], "warning", "says nothing"),
        (["v=spf1 a:mail.partner.dev"], "warning", "has no end"),
        (["v=spf1 ~all"], "hint", "does not name a:mail.partner.dev"),
        (["v=spf1 a:mail.partner.dev ~all", "v=spf1 -all"], "error", "2 SPF records"),
        (["v=spf1 include:gone.dev a:mail.partner.dev ~all"], "error", "includes gone.dev, which has none"),
        (["v=spf10 ~all"], "error", "has no SPF record"),
        (["V=SPF1 A:mail.partner.dev -ALL"], "ok", "takes 1 of 10"),
        (["v=spf1 redirect=_spf.partner.dev"], "error", "every server in the world"),
    ],
)
def test_spf(dns: Any, record: list[str], severity: str, words: str) -> None:
    dns.zone[DOMAIN, "TXT"] = record
    dns.zone["_spf.partner.dev", "TXT"] = ["v=spf1 a:mail.partner.dev +all"]
    told = of(look(dns), "spf")
    assert told[0][0] == severity
    assert words in told[0][1]


@pytest.mark.parametrize(("number", "severity"), [(10, "hint"), (11, "error")])
def test_spf_may_take_ten_look_ups_and_no_more(dns: Any, number: int, severity: str) -> None:
    dns.zone.update(includes(number))
    assert of(look(dns), "spf")[0][0] == severity


def test_spf_that_includes_itself_ends(dns: Any) -> None:
    dns.zone[DOMAIN, "TXT"] = [f"v=spf1 a:mail.partner.dev include:{DOMAIN} ~all"]
    assert of(look(dns), "spf")[0][0] == "ok"


def test_the_cure_of_a_service_not_named_keeps_what_stands_there(dns: Any) -> None:
    dns.zone[DOMAIN, "TXT"] = ["v=spf1 mx -all"]
    [told] = [each for each in look(dns)["findings"] if each["check"] == "spf"]
    assert told["record"]["value"] == "v=spf1 mx a:mail.partner.dev -all"


@pytest.mark.parametrize(
    ("key", "severity", "words"),
    [
        ("v=DKIM1; k=rsa; p=", "error", "is revoked"),
        ("v=DKIM1; k=rsa; p=nonsense!", "error", "is another one than signs"),
        (f"k=rsa; t=y; p={PUBLIC}", "hint", "t=y"),
        (f"p={PUBLIC[:200]} {PUBLIC[200:]}", "ok", "2048 bits"),
        ("v=DKIM1; k=rsa", "error", "There is no DKIM key"),
    ],
)
def test_dkim(dns: Any, key: str, severity: str, words: str) -> None:
    dns.zone[f"k1._domainkey.{DOMAIN}", "TXT"] = [key]
    [(found, message)] = of(look(dns), "dkim")
    assert found == severity
    assert words in message


@pytest.mark.parametrize(
    ("key", "severity", "words"),
    [
        (lambda: f"k=rsa; p={published(1024)}", "warning", "1024 bits: use 2048"),
        (lambda: f"k=rsa; p={published(1024)[:-8]}", "error", "no public key"),
        (lambda: "k=rsa; p=%%%", "error", "no base64"),
        (lambda: f"k=ed25519; p={_ed25519()}", "ok", "Ed25519"),
        (lambda: "k=ed25519; p=AAAA", "error", "32 bytes"),
    ],
)
def test_keys_of_selectors_that_people_wrote_down(dns: Any, key: Any, severity: str, words: str) -> None:
    SenderDomain.objects.create(domain=DOMAIN, selectors=["own"])
    dns.zone[f"own._domainkey.{DOMAIN}", "TXT"] = [key()]
    [(found, message)] = of(look(dns), "dkim")
    assert found == severity
    assert words in message


def _ed25519() -> str:
    raw = ed25519.Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return base64.b64encode(raw).decode()


def test_a_service_whose_key_we_cannot_name_is_asked_for_and_blocks_nothing(dns: Any) -> None:
    Provider.objects.all().delete()
    credentials = {"access_key_id": "A" * 20, "secret_access_key": "s"}
    ses = {"key": "ses", "channel": "email", "kind": "ses", "settings": {"region": "eu-west-1"}}
    accounts.save(ses | {"credentials": credentials})
    found = look(dns)
    assert of(found, "dkim")[0][0] == "hint"
    assert "include:amazonses.com" in str(found["findings"])


@pytest.mark.parametrize(
    ("records", "severity", "words"),
    [
        ({}, "error", "has no DMARC policy"),
        ({f"_dmarc.{DOMAIN}": ["v=DMARC1; p=none; rua=mailto:d@x.dev"]}, "hint", "p=none"),
        ({f"_dmarc.{DOMAIN}": ["v=DMARC1; p=maybe; rua=mailto:d@x.dev"]}, "error", "has no p="),
        ({f"_dmarc.{DOMAIN}": ["v=DMARC1; p=reject"]}, "hint", "asks for no reports"),
        ({f"_dmarc.{DOMAIN}": ["v=DMARC1; p=reject", "v=DMARC1; p=none"]}, "error", "2 DMARC policies"),
        ({"_dmarc.bannerline-tests.dev": ["v=DMARC1; p=reject; rua=mailto:d@x.dev"]}, "ok", "p=reject"),
        ({"_dmarc.bannerline-tests.dev": ["v=DMARC1; p=reject; sp=none; rua=mailto:d@x.dev"]}, "hint", "p=none"),
    ],
)
def test_dmarc(dns: Any, records: dict[str, list[str]], severity: str, words: str) -> None:
    dns.zone.pop((f"_dmarc.{DOMAIN}", "TXT"))
    dns.zone.update({(name, "TXT"): texts for name, texts in records.items()})
    found = of(look(dns), "dmarc")
    assert found[0][0] == severity
    assert words in found[0][1]


@pytest.mark.parametrize(
    ("signing", "adkim", "severity"),
    [
        (DOMAIN, "s", "ok"),
        ("bannerline-tests.dev", "r", "ok"),
        ("bannerline-tests.dev", "s", "error"),
        (f"mail.{DOMAIN}", "r", "ok"),
        ("service.dev", "r", "error"),
    ],
)
def test_the_signature_must_be_of_the_from_address(dns: Any, signing: str, adkim: str, severity: str) -> None:
    provider = Provider.objects.get()
    settings = provider.settings | {"dkim_domain": signing}
    accounts.save({"settings": settings}, provider)
    dns.zone[f"k1._domainkey.{signing}", "TXT"] = [f"v=DKIM1; p={PUBLIC}"]
    dns.zone[f"_dmarc.{DOMAIN}", "TXT"] = [f"v=DMARC1; p=reject; adkim={adkim}; rua=mailto:d@x.dev"]
    assert of(look(dns), "dmarc")[0][0] == severity


@pytest.mark.parametrize(
    ("records", "severity"),
    [
        ({(DOMAIN, "MX"): ["0 ."]}, "error"),
        ({(DOMAIN, "A"): ["192.0.2.1"]}, "hint"),
        ({(DOMAIN, "AAAA"): ["2001:db8::1"]}, "hint"),
        ({}, "error"),
    ],
)
def test_replies_can_come_back(dns: Any, records: server.Zone, severity: str) -> None:
    dns.zone.pop((DOMAIN, "MX"))
    dns.zone.update(records)
    assert of(look(dns), "existence")[0][0] == severity


# -- where what cannot be delivered comes back -------------------------------------------------------------------------
RETURNS = f"bounces.{DOMAIN}"


def returns_to(domain: str) -> None:
    provider = Provider.objects.get()
    accounts.save({"settings": provider.settings | {"bounce_domain": domain}}, provider)


def test_a_sound_bounce_domain_is_not_told_of(dns: Any) -> None:
    returns_to(RETURNS)
    dns.zone[RETURNS, "MX"] = ["10 mail.partner.dev."]
    dns.zone[RETURNS, "TXT"] = ["v=spf1 a:mail.partner.dev -all"]
    assert look(dns)["state"] == "ok"
    assert RETURNS in dns.asked


def test_a_bounce_domain_with_nothing_is_told_what_to_publish(dns: Any) -> None:
    returns_to(RETURNS)
    found = look(dns)
    wrong = {
        (each["check"], str(Record(**each["record"]))) for each in found["findings"] if each["severity"] == "error"
    }
    assert wrong == {
        ("existence", f"{RETURNS}. MX 10 mail.{RETURNS}."),
        ("spf", f'{RETURNS}. TXT "v=spf1 a:mail.partner.dev ~all"'),
    }


@pytest.mark.parametrize(
    ("domain", "aspf", "counts"),
    [
        (RETURNS, "r", True),
        (RETURNS, "s", False),
        (DOMAIN, "s", True),
        ("bannerline-tests.dev", "r", True),
        ("returns.dev", "r", False),
    ],
)
def test_a_bounce_domain_s_spf_counts_for_the_from_domain_or_not(
    dns: Any, domain: str, aspf: str, counts: bool
) -> None:
    returns_to(domain)
    dns.zone.setdefault((domain, "MX"), ["10 mail.partner.dev."])
    dns.zone.setdefault((domain, "TXT"), ["v=spf1 a:mail.partner.dev -all"])
    dns.zone[f"_dmarc.{DOMAIN}", "TXT"] = [f"v=DMARC1; p=reject; aspf={aspf}; rua=mailto:d@x.dev"]
    warned = [words for severity, words in of(look(dns), "dmarc") if severity == "warning"]
    assert [words.partition(", ")[2] for words in warned] == (
        [] if counts else ["whose SPF does not count for it: DKIM alone does"]
    )


@pytest.mark.parametrize("trouble", [None, "fails"])
def test_a_mailbox_provider_s_domain_is_told_as_wrong_whatever_dns_says(dns: Any, trouble: str | None) -> None:
    if trouble:
        setattr(dns, trouble, True)
    for domain in ("gmail.com", "yahoo.com", "outlook.com"):
        found = look(dns, domain)
        assert (
            "error",
            f"{domain} belongs to a mailbox provider, and receivers refuse its name from anybody else",
        ) in of(found, "dmarc")
        assert "DMARC" in found["words"]


# -- when DNS does not answer ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("trouble", ["fails", "silent"])
def test_a_dns_that_does_not_answer_is_no_fault_of_the_domain(dns: Any, trouble: str) -> None:
    setattr(dns, trouble, True)
    begun = time.monotonic()
    found = look(dns)
    assert time.monotonic() - begun < 3
    assert found["state"] == "unknown"
    assert {each["severity"] for each in found["findings"]} == {"unknown"}


def test_it_is_kept_for_a_while_and_looked_up_anew_on_demand(dns: Any) -> None:
    look(dns)
    asked = len(dns.asked)
    look(dns, anew=False)
    assert len(dns.asked) == asked
    SenderDomain.objects.update(checked_at=timezone.now() - timedelta(minutes=11))
    look(dns, anew=False)
    assert len(dns.asked) == 2 * asked
    accounts.save({"settings": Provider.objects.get().settings | {"dkim_selector": "k2"}}, Provider.objects.get())
    assert of(look(dns, anew=False), "dkim")[0][0] == "error"  # another key signs now


@pytest.mark.parametrize(
    "domain",
    [
        "localhost",
        "acme.localhost",
        "shop.test",
        "shop.example",
        "example.com",
        "mail.local",
        "192.0.2.1",
        "intranet",
        "",
    ],
)
def test_local_and_reserved_names_are_not_looked_up(dns: Any, domain: str) -> None:
    found = look(dns, domain)
    assert found["state"] == "skipped"
    assert found["words"]
    assert dns.asked == []


@pytest.mark.parametrize("domain", ["shop.dev", "example.dev", "localhost.dev", "test.shop.dev"])
def test_names_that_only_look_local_are(domain: str) -> None:
    assert reserved.why(domain) == ""
