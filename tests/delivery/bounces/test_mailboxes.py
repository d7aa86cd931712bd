"""Mail that a real Postfix sends back arrives in a real mailbox, is read from there by IMAP, and has its effect."""

from __future__ import annotations

import imaplib
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from campaigns import configuration
from campaigns.models import Suppression
from delivery import mailboxes, pipeline
from delivery.channels.base import ChannelUnavailable
from delivery.channels.email import mailbox
from delivery.models import Message, Provider, RawSignal, Signal
from delivery.providers import accounts, polled
from tenants.models import AgendaItem, Retailer
from tests import factories
from tests.channels import dovecot, postfix, real_servers, servers
from tests.channels.dovecot import PASSWORD, USER, Dovecot
from tests.channels.postfix import NOBODY, Postfix
from tests.delivery.bounces import mails, relays
from tests.delivery.bounces.relays import DOMAIN
from tests.delivery.bounces.relays import Path as ReturnPath

WAIT = 60.0  # seconds, for what Postfix sends back
REFUSED = {"gone@example.test": "550 5.1.1 no such user", "full@example.test": "552 5.2.2 mailbox full"}


@pytest.fixture
def box() -> Iterator[Path]:
    """A mailbox that belongs to nobody, where Dovecot's processes can get to, which are not root's."""
    folder = Path(tempfile.mkdtemp(prefix="bl-mailbox-", dir="/tmp"))
    folder.chmod(0o755)
    made = folder / "mailbox"
    for each in (made, made / "new", made / "cur", made / "tmp"):
        each.mkdir()
        os.chown(each, NOBODY, NOBODY)
    yield made
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def server(box: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Dovecot]:
    if not dovecot.is_here():
        pytest.skip(dovecot.CURE)
    with Dovecot(box) as running:
        monkeypatch.setenv("SSL_CERT_FILE", str(running.authority))
        yield running


def put(box: Path, *found: bytes) -> None:
    for number, mail in enumerate(found):
        file = box / "tmp" / f"{time.time_ns()}.{number}.here"
        file.write_bytes(mail)
        os.chown(file, NOBODY, NOBODY)
        file.rename(box / "new" / file.name)


def account(running: Dovecot, **settings: Any) -> dict[str, Any]:
    where = {"imap_host": "localhost", "imap_port": running.tls, "imap_username": USER}
    return relays.account(**where | settings) | {"credentials": {"imap_password": PASSWORD}}


def look(retailer: Retailer, provider: Provider) -> None:
    """It is the mailbox's turn, and all that follows from it."""
    polled.expect(retailer, provider)
    pipeline.work(seconds=60)


def known() -> Provider:
    return Provider.objects.get(key="relay")


@pytest.mark.parametrize(("security", "port"), [("tls", "tls"), ("starttls", "plain"), ("none", "plain")])
def test_what_comes_back_is_read_once_and_what_is_not_ours_has_no_effect(
    at_acme: Retailer, sent: list[Message], path: ReturnPath, server: Dovecot, box: Path, security: str, port: str
) -> None:
    provider = accounts.save(account(server, imap_security=security, imap_port=getattr(server, port)), known())
    put(box, mails.report(path(sent[0])), mails.report(f"b-x@{DOMAIN}"), b"From: x\r\n\r\nspam\r\n")
    look(at_acme, provider)
    assert [message.state for message in Message.objects.order_by("customer_id")] == ["bounced", "accepted", "accepted"]
    assert (RawSignal.objects.count(), Signal.objects.count()) == (1, 1)
    assert server.flags() == [r"\Seen"] * 3
    put(box, mails.report(path(sent[1], 2), recipient="c2@example.test"))
    look(at_acme, provider)
    assert RawSignal.objects.count() == 2
    item = AgendaItem.objects.get(kind=polled.AGENDA_KIND)
    assert item.due_at > timezone.now()  # looked into again by itself


def test_a_mail_that_is_found_again_is_told_once(
    at_acme: Retailer, sent: list[Message], path: ReturnPath, server: Dovecot, box: Path
) -> None:
    provider = accounts.save(account(server), known())
    put(box, mails.report(path(sent[0])))
    for _ in range(2):  # as when a worker dies after it kept what it found
        look(at_acme, provider)
        with imaplib.IMAP4("127.0.0.1", server.plain, timeout=10) as client:
            client.login(USER, PASSWORD)
            client.select()
            client.store("1", "-FLAGS", r"(\Seen)")
    assert (RawSignal.objects.count(), Signal.objects.count()) == (2, 1)


def test_what_was_taken_is_deleted_where_that_is_wished(
    at_acme: Retailer, sent: list[Message], path: ReturnPath, server: Dovecot, box: Path
) -> None:
    provider = accounts.save(account(server, imap_afterwards="delete"), known())
    put(box, mails.report(path(sent[0])), mails.report(path(sent[1], 2), recipient="c2@example.test"))
    look(at_acme, provider)
    assert RawSignal.objects.count() == 2
    assert server.flags() == []


def test_an_account_s_mailbox_that_is_given_up_is_looked_into_no_more(
    at_acme: Retailer, sent: list[Message], path: ReturnPath, server: Dovecot
) -> None:
    provider = accounts.save(account(server), known())
    accounts.save(
        {"settings": {"host": "127.0.0.1", "bounce_domain": DOMAIN}, "credentials": {"imap_password": None}}, provider
    )
    pipeline.work(seconds=60)
    assert not AgendaItem.objects.filter(kind=polled.AGENDA_KIND).exists()


@pytest.mark.parametrize(
    ("wrong", "password", "why"),
    [
        ({}, "wrong words", "refuses the user name or password"),
        ({"imap_folder": "Nowhere"}, PASSWORD, "no folder 'Nowhere'"),
        ({"imap_host": "127.0.0.1"}, PASSWORD, "certificate is not trusted"),
    ],
)
def test_what_is_wrong_with_a_mailbox_is_said_without_its_password(
    at_acme: Retailer, relay: Provider, server: Dovecot, wrong: dict[str, Any], password: str, why: str
) -> None:
    said = account(server, **wrong) | {"credentials": {"imap_password": password}}
    provider = accounts.save(said, relay)
    with pytest.raises(ChannelUnavailable, match=why) as refused:
        mailboxes.advance(provider.pk, at_acme, now=timezone.now())
    assert password not in str(refused.value)


def test_a_mailbox_inside_the_network_is_not_called(
    at_acme: Retailer, relay: Provider, server: Dovecot, settings: Settings
) -> None:
    settings.ALLOW_PRIVATE_ADDRESSES = False
    provider = accounts.save(account(server), relay)
    with pytest.raises(ChannelUnavailable, match="inside a network"):
        mailboxes.advance(provider.pk, at_acme, now=timezone.now())


HOSTILE: dict[str, tuple[bytes, ...]] = {
    "nothing": (),
    "another language": (b"220 mail.example ESMTP\r\n",),
    "an endless line": (b"* OK " + b"x" * 2_000_000,),
    "a huge mail": (b"* OK hello\r\n", b"* SEARCH 1\r\n", b"* 1 FETCH (UID 1 BODY[]<0> {99999999}\r\nabc"),
    "a good-bye": (b"* BYE\r\n",),
    "half a word": (b"* OK hello\r\n", b"* SEA"),
    "nonsense": (b"* OK hello\r\n", b"\x00\xff\r\n"),
}


@pytest.mark.parametrize("said", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_server_costs_a_moment(
    at_acme: Retailer, relay: Provider, monkeypatch: pytest.MonkeyPatch, said: tuple[bytes, ...]
) -> None:
    monkeypatch.setattr(mailbox, "SECONDS", 2.0)

    def speak(connection: Any) -> None:
        """Yes to everything, and then what it has to say."""
        connection.settimeout(5)
        greeting, rest = (said[:1] or (b"",))[0], list(said[1:])
        connection.sendall(greeting)
        incoming = connection.makefile("rb")
        while line := incoming.readline():
            tag, command = line.split()[0], line.split()[1].upper()
            if command == b"CAPABILITY":
                connection.sendall(b"* CAPABILITY IMAP4REV1\r\n")
            elif command == b"UID" and rest:
                connection.sendall(rest.pop(0))
                if not rest:
                    continue
            connection.sendall(tag + b" OK done\r\n")

    costs_a_moment(at_acme, relay, speak)


def test_a_server_that_never_comes_to_an_end_is_left(
    at_acme: Retailer, relay: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox, "SECONDS", 2.0)
    pause = threading.Event()

    def speak(connection: Any) -> None:
        """A letter now and then, for as long as anybody listens."""
        while True:
            connection.sendall(b"*")
            pause.wait(0.1)

    costs_a_moment(at_acme, relay, speak)


def costs_a_moment(retailer: Retailer, provider: Provider, speak: Callable[[Any], object]) -> None:
    with servers.server(speak) as url:
        port = int(url.rpartition(":")[2].partition("/")[0])
        where = {"imap_host": "127.0.0.1", "imap_port": port, "imap_username": "u", "imap_security": "none"}
        accounts.save(relays.account(**where) | {"credentials": {"imap_password": "sesame"}}, provider)
        begun = time.monotonic()
        with pytest.raises(ChannelUnavailable, match="The mailbox u at 127"):
            mailboxes.advance(provider.pk, retailer, now=timezone.now())
        assert time.monotonic() - begun < 30
    assert not RawSignal.objects.exists()


@pytest.fixture
def relaying(tmp_path: Path) -> Iterator[Postfix]:
    """A mail server that passes on to one that knows some people, and takes in what comes back."""
    if not postfix.is_here():
        pytest.skip(postfix.CURE)
    with (
        real_servers.aiosmtpd(tmp_path, security="none", refused=REFUSED) as next_hop,
        Postfix(next_hop=next_hop.port, refused=real_servers.REFUSED, own=DOMAIN) as running,
    ):
        yield running


def test_a_refused_recipient_comes_back_by_post_and_gets_nothing_more(
    at_acme: Retailer, relaying: Postfix, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not dovecot.is_here():
        pytest.skip(dovecot.CURE)
    for name in ("gone", "full", "fine"):
        factories.customers(1, external_id=name, email=f"{name}@example.test")
    with Dovecot(relaying.mailbox) as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(server.authority))
        provider = accounts.save(account(server, port=relaying.port))
        configuration.launch(factories.campaign(), by="test", now=timezone.now())
        pipeline.work(seconds=60)
        await_returned(relaying.mailbox, 2)
        look(at_acme, provider)
        assert states() == {
            "gone": ("bounced", "550 5.1.1 no such user", True),
            "full": ("bounced", "552 5.2.2 mailbox full", False),
            "fine": ("accepted", "", False),
        }
        assert server.flags() == [r"\Seen"] * 2
    again = configuration.launch(factories.campaign("again"), by="test", now=timezone.now())
    pipeline.work(seconds=60)
    assert set(again.members.filter(is_included=True).values_list("customer__external_id", flat=True)) == {
        "full",
        "fine",
    }
    assert set(again.members.filter(is_included=False).values_list("reason", flat=True)) == {"suppressed"}


def states() -> dict[str, tuple[str, str, bool]]:
    """By person: what became of the message and why, and whether the address gets nothing more."""
    suppressed = set(Suppression.objects.filter(reason="hard_bounce").values_list("address", flat=True))
    found = Message.objects.select_related("customer")
    return {
        message.customer.external_id: (
            message.state,
            message.reason if message.state == "bounced" else "",
            message.customer.email in suppressed,
        )
        for message in found
    }


def await_returned(box: Path, number: int) -> None:
    """Read or not: it may have been looked into meanwhile."""
    deadline, pause = time.monotonic() + WAIT, threading.Event()
    while len(found := [*box.glob("new/*"), *box.glob("cur/*")]) < number and time.monotonic() < deadline:
        pause.wait(0.05)
    assert len(found) == number
