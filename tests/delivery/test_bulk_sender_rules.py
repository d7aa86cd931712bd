"""What mailbox providers ask of bulk senders, held against a mail that a campaign really sent, byte for byte.

Google: "Email sender guidelines" (support.google.com/a/answer/81126) and their FAQ (.../14229414). Yahoo: "Sender
Requirements & Recommendations" (senders.yahooinc.com/best-practices). Microsoft: "Outlook's New Requirements for
High-Volume Senders" (techcommunity.microsoft.com). Each test names the rule that it stands for.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.headerregistry import Address
from email.utils import parsedate_to_datetime
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from django.test import Client, override_settings
from django.utils import timezone

from campaigns import content
from campaigns.models import Brand
from delivery import pipeline
from delivery.senders import checking
from tenants import context, provisioning
from tenants.accounts.models import ApiKey, Scope
from tenants.models import Retailer
from tests.api.caller import Api
from tests.delivery import receiver
from tests.delivery.receiver import Receiver, Taken
from tests.delivery.senders import server as dns

DOMAIN, RETURNS = "shop.example", "bounces.shop.example"
KEY = rsa.generate_private_key(65537, 2048)
PEOPLE = ("ada", "bob", "cleo")
LARGEST = 102 * 1024  # bytes of HTML, after which Gmail cuts a mail off, and its link to unsubscribe with it
LONGEST_LINE = 998  # RFC 5322, 2.1.1
ONE_CLICK = b"List-Unsubscribe=One-Click"  # RFC 8058, 3.1: the whole of the body that is posted
HTML = """<html><body><p>Hallo {{ customer.first_name }}, schöne Grüße: 20 % off “everything”.</p>
<p><a href="https://www.shop.example/sale">To the sale</a></p>
<p>{{ brand.name }}, {{ brand.postal_address }} · <a href="{{ unsubscribe_url }}">Unsubscribe</a></p></body></html>"""


def public_key(name: bytes, timeout: int = 5) -> bytes:
    """What DNS says at k1._domainkey.shop.example, and of no other name."""
    if name.rstrip(b".") != f"k1._domainkey.{DOMAIN}".encode():
        return b""
    return b"v=DKIM1; k=rsa; p=" + base64.b64encode(
        KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    )


@dataclass(frozen=True)
class Sent:
    """A retailer whose campaign went to PEOPLE, and what arrived, by who got it."""

    retailer: Retailer
    mails: dict[str, Taken]
    api: Api
    blocker: Any

    @property
    def mail(self) -> Taken:
        return self.mails["ada"]

    def ask(self, method: str, url: str, body: bytes = b"") -> Any:
        """What a mail program gets that has nothing but the address: no cookie, no login, no token."""
        browser = Client(headers={"host": urlsplit(url).hostname or ""}, enforce_csrf_checks=True)
        with self.blocker.unblock():
            context.leave()
            form = "application/x-www-form-urlencoded"
            return browser.generic(method, urlsplit(url).path, body, content_type=form, secure=True)

    def reached(self, campaign: str) -> set[str]:
        """Who is in the audience of a campaign that begins now."""
        with self.blocker.unblock():
            context.leave()
            launch(self.api, campaign)
            (run,) = [run for run in self.api.get("runs/").json()["results"] if run["campaign"] == campaign]
            pipeline.work(seconds=60, retailer=self.retailer)
            found = self.api.get(f"runs/{run['id']}/messages/").json()["results"]
        return {message["external_id"] for message in found}


def launch(api: Api, key: str) -> None:
    steps = [{"key": "only", "channel": "email", "template": "sale"}]
    audience: dict[str, Any] = {"include": {"all": []}}
    campaign = {"key": key, "name": key.title(), "trigger": {"kind": "api"}, "audience": audience, "steps": steps}
    assert api.post("campaigns/", campaign).status_code == 201
    assert api.post(f"campaigns/{key}/launch/", idempotency_key=key).status_code == 202


def relay(server: Receiver) -> dict[str, Any]:
    pem = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return {
        "key": "relay", "channel": "email", "kind": "smtp", "credentials": {"dkim_private_key": pem},
        "settings": {
            "host": "localhost", "port": server.port, "security": "starttls",
            "dkim_domain": DOMAIN, "dkim_selector": "k1", "bounce_domain": RETURNS,
        },
    }  # fmt: skip


def send(retailer: Retailer, server: Receiver) -> tuple[Api, dict[str, Taken]]:
    """From customers to mails, by the doors that integrators have."""
    with context.in_retailer(retailer):
        Brand.objects.filter(pk=content.brand().pk).update(
            from_email=f"news@{DOMAIN}", reply_to=f"help@{DOMAIN}", from_name="Größe & Söhne",
            postal_address="1 High Street, Leeds", website=f"https://www.{DOMAIN}/",
        )  # fmt: skip
        api = Api(retailer, str(ApiKey.objects.create_key(name="test", scope=Scope.FULL)[1]))
    context.leave()
    people = [
        {"external_id": name, "email": f"{name}@example.test", "first_name": name.title(), "consent_email": True}
        for name in PEOPLE
    ]
    assert api.post("customers/bulk/", {"customers": people}).json()["counts"] == {"created": len(PEOPLE)}
    assert api.post("providers/", relay(server)).status_code == 201
    template = {"key": "sale", "name": "Sale", "subject": "Schöne Grüße, {{ customer.first_name }}", "html": HTML}
    assert api.post("templates/", template).status_code == 201
    assert api.post("templates/sale/publish/").status_code == 200
    launch(api, "sale")
    pipeline.work(seconds=60, retailer=retailer)
    return api, {mail.recipients[0].partition("@")[0]: mail for mail in server.taken}


@pytest.fixture(scope="module", params=[True, False], ids=["8bitmime", "7bit"])
def sent(
    request: pytest.FixtureRequest,
    django_db_setup: None,
    django_db_blocker: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Sent]:
    """Once for all that look at it, so committed; the server takes 8-bit bodies, or says that it does not."""
    offered: bool = request.param
    with (
        receiver.receiving(tmp_path_factory.mktemp("receiver"), eight_bit=offered) as server,
        override_settings(PUBLIC_SCHEME="https", PUBLIC_PORT=443),
        pytest.MonkeyPatch.context() as environment,
        django_db_blocker.unblock(),
    ):
        environment.setenv("SSL_CERT_FILE", str(server.authority))
        retailer = provisioning.provision("hooli", name="Hooli Bulk").retailer
        try:
            api, mails = send(retailer, server)
            assert set(mails) == set(PEOPLE)
            yield Sent(retailer, mails, api, django_db_blocker)
        finally:
            context.leave()
            provisioning.remove(retailer)


def domain_of(address: str) -> str:
    return address.rpartition("@")[2].strip("<>").lower()


def is_aligned(domain: str) -> bool:
    """Relaxed, RFC 7489, 3.1: of the organisation of the From domain."""
    return domain == DOMAIN or domain.endswith(f".{DOMAIN}")


def signature(mail: Taken) -> dict[str, str]:
    """The tags of the one DKIM signature."""
    (field,) = mail.fields("DKIM-Signature")
    parts = (part.partition("=") for part in field.split(";"))
    return {name.strip(): "".join(value.split()) for name, is_, value in parts if is_}


def one_click(mail: Taken) -> str:
    """The address in List-Unsubscribe."""
    (field,) = mail.fields("List-Unsubscribe")
    (address,) = re.findall(r"<(https?:[^>]*)>", field)
    return str(address)


def test_it_is_written_as_rfc_5322_says(sent: Sent) -> None:
    """Google: "Format messages according to the Internet Message Format standard (RFC 5322)"."""
    for part in sent.mail.mail.walk():
        assert part.defects == []
        assert [header for header in part.values() if getattr(header, "defects", ())] == []


@pytest.mark.parametrize("name", ["From", "To", "Date", "Subject", "Message-ID", "MIME-Version", "Reply-To"])
def test_a_field_that_may_stand_once_stands_once(sent: Sent, name: str) -> None:
    """RFC 5322, 3.6. Gmail refuses a mail with several From fields, and one without a Message-ID."""
    assert len(sent.mail.fields(name)) == 1


def test_from_is_one_address_of_the_retailer_s_domain(sent: Sent) -> None:
    """Microsoft, "Compliant P2 (Primary) Sender Addresses": it is valid and of the true sending domain."""
    addresses: tuple[Address, ...] = sent.mail.mail["From"].addresses
    assert [(each.addr_spec, each.display_name) for each in addresses] == [(f"news@{DOMAIN}", "Größe & Söhne")]


@pytest.mark.parametrize("domain", ["gmail.com", "yahoo.com", "outlook.com"])
def test_from_of_a_mailbox_provider_is_told_as_wrong(at_acme: Retailer, domain: str) -> None:
    """Google: "Don't impersonate Gmail From: headers"; Yahoo's own domains are p=reject. Asked before every launch."""
    with dns.serving({}) as nothing:
        found = checking.of(domain, now=timezone.now(), anew=True, resolver=dns.resolver(nothing))
    message = f"{domain} belongs to a mailbox provider, and receivers refuse its name from anybody else"
    assert ("error", message) in {(each["severity"], each["message"]) for each in found["findings"]}


def test_the_dkim_signature_verifies(sent: Sent) -> None:
    """Google, Yahoo and Microsoft ask bulk senders for SPF and DKIM. Verified by another implementation."""
    for mail in sent.mails.values():
        assert dkim.verify(mail.raw, dnsfunc=public_key)
        assert not dkim.verify(mail.raw.replace(b"Subject: ", b"Subject: Re: "), dnsfunc=public_key)


def test_the_dkim_signature_is_of_the_from_domain(sent: Sent) -> None:
    """DMARC, which all three ask for. Google: "aligned with either the SPF domain or the DKIM domain"."""
    tags = signature(sent.mail)
    assert is_aligned(tags["d"])
    assert tags["a"] in ("rsa-sha256", "ed25519-sha256")


def test_the_envelope_s_sender_is_of_the_from_domain(sent: Sent) -> None:
    """Microsoft prefers that SPF and DKIM both align; RFC 7489, 3.1.2: SPF does by the return path's domain."""
    assert is_aligned(domain_of(sent.mail.sender))


def test_each_mail_comes_back_to_an_address_of_its_own(sent: Sent) -> None:
    """Microsoft, "List Hygiene & Bounce Management"; Yahoo the same. RFC 5321, 4.5.3.1.1: at most 64 octets."""
    senders = {mail.sender for mail in sent.mails.values()}
    assert len(senders) == len(PEOPLE)
    assert {domain_of(sender) for sender in senders} == {RETURNS}
    assert all(len(sender.rpartition("@")[0]) <= 64 for sender in senders)


def test_it_can_be_unsubscribed_from_with_one_click(sent: Sent) -> None:
    """Google and Yahoo ask marketing messages for one-click unsubscribe: RFC 8058, 3.1, word for word."""
    assert sent.mail.fields("List-Unsubscribe-Post") == ["List-Unsubscribe=One-Click"]
    assert urlsplit(one_click(sent.mail)).scheme == "https"


@pytest.mark.parametrize("name", ["List-Unsubscribe", "List-Unsubscribe-Post"])
def test_the_signature_covers_the_fields_to_unsubscribe(sent: Sent, name: str) -> None:
    """RFC 8058, 4: the signature "MUST cover the List-Unsubscribe and List-Unsubscribe-Post headers"."""
    assert name.lower() in signature(sent.mail)["h"].lower().split(":")


@pytest.mark.parametrize("name", ["From", "To", "Subject", "Date", "Message-ID", "Reply-To", "Content-Type"])
def test_the_signature_covers_what_a_reader_sees(sent: Sent, name: str) -> None:
    """RFC 6376, 5.4.1: the fields whose change would make another message of it."""
    assert name.lower() in signature(sent.mail)["h"].lower().split(":")


def test_to_look_at_the_link_does_nothing_and_to_post_to_it_unsubscribes(sent: Sent) -> None:
    """RFC 8058, 3.2 and 6: no cookie, no login, no redirect, and scanners that follow links unsubscribe nobody."""
    urls = {name: one_click(sent.mails[name]) for name in ("bob", "cleo")}
    assert [sent.ask("GET", url).status_code for url in urls.values()] == [200, 200]
    assert sent.reached("looked") == set(PEOPLE)
    answer = sent.ask("POST", urls["bob"], ONE_CLICK)
    assert (answer.status_code, answer.has_header("Location"), dict(answer.cookies)) == (200, False, {})
    # Google asks for 48 hours at most, Yahoo for two days: here it holds for the next run, a moment later.
    assert sent.reached("posted") == set(PEOPLE) - {"bob"}


@pytest.mark.parametrize("subtype", ["html", "plain"])
def test_a_link_to_unsubscribe_stands_in_the_body(sent: Sent, subtype: str) -> None:
    """Google: "a clearly visible unsubscribe link in the message body"; Microsoft, "Functional Unsubscribe Links"."""
    said = unescape(sent.mail.part(subtype))
    assert one_click(sent.mail) in said
    assert "Unsubscribe" in said
    assert "display:none" not in said.rpartition("Unsubscribe")[0].rpartition("<a ")[2]


def test_the_message_id_is_the_mail_s_own_and_of_its_sender(sent: Sent) -> None:
    """RFC 5322, 3.6.4: unique, with a domain on its right-hand side that makes it so."""
    ids = [mail.fields("Message-ID")[0] for mail in sent.mails.values()]
    assert len(set(ids)) == len(PEOPLE)
    assert all(re.fullmatch(r"<[\w.+-]{8,}@" + re.escape(DOMAIN) + ">", each) for each in ids)


def test_the_date_is_now(sent: Sent) -> None:
    """RFC 5322, 3.6.1; what is dated elsewhere counts as spam (SpamAssassin, DATE_IN_PAST and DATE_IN_FUTURE)."""
    said = parsedate_to_datetime(sent.mail.fields("Date")[0])
    assert said.tzinfo is not None
    assert abs(datetime.now(UTC) - said) < timedelta(minutes=10)


def test_it_is_to_the_one_who_gets_it_and_to_nobody_unseen(sent: Sent) -> None:
    """RFC 5322, 3.6.3: no Bcc on the wire. What does not say to whom it is looks like spam to filters and people."""
    for name, mail in sent.mails.items():
        assert mail.recipients == (f"{name}@example.test",)
        assert mail.fields("To") == [f"{name}@example.test"]
        assert mail.fields("Bcc") + mail.fields("Cc") == []


def test_it_went_over_tls(sent: Sent) -> None:
    """Google: "Use a TLS connection for transmitting email"."""
    assert all(mail.is_encrypted for mail in sent.mails.values())


def test_no_line_is_too_long_and_no_line_end_is_half(sent: Sent) -> None:
    """RFC 5322, 2.1.1 and 2.3; a bare line end is how mails are smuggled (CVE-2023-51764), and refused by many."""
    lines = sent.mail.raw.split(b"\r\n")
    assert max(map(len, lines)) <= LONGEST_LINE
    assert [line for line in lines if b"\r" in line or b"\n" in line or b"\0" in line] == []


def test_eight_bits_go_to_who_takes_them_and_are_encoded_for_others(sent: Sent) -> None:
    """RFC 6152, 3: 8-bit bodies only where 8BITMIME is offered, and announced; fields are ASCII (RFC 2047)."""
    head, _, body = sent.mail.raw.partition(b"\r\n\r\n")
    assert head.isascii()
    assert body.isascii() == ("BODY=8BITMIME" not in sent.mail.options)


def test_what_is_said_survives_the_way(sent: Sent) -> None:
    """RFC 2045 to 2047: whatever was encoded on the way is read as it was written."""
    assert sent.mail.mail["Subject"] == "Schöne Grüße, Ada"
    assert "schöne Grüße: 20 % off “everything”" in unescape(sent.mail.part("html"))


def test_text_stands_beside_the_html(sent: Sent) -> None:
    """RFC 2046, 5.1.4: the plainest first; a mail of HTML alone counts as spam (SpamAssassin, MIME_HTML_ONLY)."""
    assert sent.mail.mail.get_content_type() == "multipart/alternative"
    kinds = [(part.get_content_type(), part.get_content_charset()) for part in sent.mail.mail.iter_parts()]
    assert kinds == [("text/plain", "utf-8"), ("text/html", "utf-8")]
    assert "Hallo Ada" in sent.mail.part("plain")


def test_it_is_not_cut_off(sent: Sent) -> None:
    """Gmail cuts a mail off after 102 KB of HTML: the link to unsubscribe stands at its end."""
    assert len(sent.mail.part("html").encode()) < LARGEST
