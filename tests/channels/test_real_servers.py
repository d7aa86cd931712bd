"""Mail servers that others wrote: what we hand over arrives as it is, once, and what they answer is understood."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from pathlib import Path

import pytest

from delivery.channels.base import ChannelUnavailable, Result
from delivery.channels.email.settings import SmtpSettings
from delivery.channels.email.smtp import SmtpChannel
from tests.channels import postfix, real_servers
from tests.channels.real_servers import REFUSED, RealServer, Relay
from tests.delivery.scripted import ENVELOPE, batch, outbound
from tests.mails import dotted_bodies, line_ends, parts

WAIT = 60.0  # seconds, for what a relay passes on
PLAIN = ("aiosmtpd", "postfix")
ENCRYPTED = ("aiosmtpd with STARTTLS", "postfix with STARTTLS")
_DOORS = {"postfix": "port", "postfix with STARTTLS": "starttls"}


@pytest.fixture(scope="session")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    if not postfix.is_here():
        pytest.skip(postfix.CURE)
    with Relay(tmp_path_factory.mktemp("relay")) as running:
        yield running


@pytest.fixture
def door(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RealServer]:
    if request.param in _DOORS:
        yield request.getfixturevalue("relay").server(_DOORS[request.param])
        return
    with real_servers.aiosmtpd(tmp_path, security="starttls" if request.param in ENCRYPTED else "none") as server:
        yield server


@pytest.fixture
def server(door: RealServer, monkeypatch: pytest.MonkeyPatch) -> RealServer:
    """Its certificate is trusted."""
    monkeypatch.setenv("SSL_CERT_FILE", str(door.authority))
    return door


every = pytest.mark.parametrize("door", [*PLAIN, *ENCRYPTED], indirect=True)
encrypted = pytest.mark.parametrize("door", ENCRYPTED, indirect=True)


class Written:
    """The bytes of each message as they leave, before dots are doubled: it stands where a signature is made."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def __call__(self, body: bytes) -> bytes:
        self.bodies.append(body.removesuffix(b"\r\n"))
        return b""


def sender(server: RealServer, **changes: object) -> SmtpChannel:
    security = {"security": server.security} | changes
    return SmtpChannel(SmtpSettings("localhost", server.port, **security))


def test_postfix_takes_chunks(relay: Relay) -> None:
    with smtplib.SMTP("127.0.0.1", relay.server("port").port, local_hostname="localhost") as client:
        client.ehlo()
        assert client.has_extn("chunking")


@every
@pytest.mark.parametrize("chunking", [True, False], ids=["chunks", "dots"])
def test_2000_bodies_of_dots_and_bare_line_ends_arrive_as_one_message_each_byte_for_byte(
    server: RealServer, *, chunking: bool
) -> None:
    bodies, written = dotted_bodies(2000), Written()
    messages = [outbound(f"m{number}", html=body, text=f".{body}") for number, body in enumerate(bodies)]
    channel = sender(server, sign=written, chunking=chunking)
    outcomes = channel.send(ENVELOPE, messages, seconds=240)
    channel.close()
    assert {outcome.result for outcome in outcomes} == {Result.ACCEPTED}
    arrived = server.await_mails(len(messages), WAIT)
    assert sorted(key for key, _ in arrived) == sorted(message.key for message in messages)
    by_key = dict(arrived)
    differ = [m.key for m, body in zip(messages, written.bodies, strict=True) if by_key[m.key] != body]
    assert differ == []
    for message in messages[::10]:  # reading takes longer than sending
        text, html = map(line_ends, parts(by_key[message.key]))
        assert (text, html) == (line_ends(message.text), line_ends(message.html))


@every
def test_a_batch_arrives_over_kept_connections_and_refusals_concern_their_own_message(server: RealServer) -> None:
    channel = sender(server)
    channel.check()
    first = [*batch(3), outbound("n", recipient="refused@shop.example"), outbound("l", recipient="later@shop.example")]
    outcomes = [*channel.send(ENVELOPE, first, seconds=30), *channel.send(ENVELOPE, [outbound("m3")], seconds=30)]
    channel.close()
    accepted, rejected, deferred = Result.ACCEPTED, Result.REJECTED, Result.DEFERRED
    assert [outcome.result for outcome in outcomes] == [accepted] * 3 + [rejected, deferred, accepted]
    for outcome, reply in zip(outcomes[3:5], REFUSED.values(), strict=True):
        assert outcome.detail.startswith(reply[:9])
        assert outcome.is_recipient_s
    assert all(outcome.provider_id for outcome in outcomes if outcome.result == accepted)
    assert sorted(key for key, _ in server.await_mails(4, WAIT)) == ["m0", "m1", "m2", "m3"]


@every
def test_a_message_over_the_servers_limit_is_refused_and_the_others_go_on(server: RealServer) -> None:
    huge = outbound("huge", html="<p>much</p>\n" * 200_000)
    outcomes = sender(server).send(ENVELOPE, [outbound("m0"), huge, outbound("m1")], seconds=60)
    assert [outcome.result for outcome in outcomes] == [Result.ACCEPTED, Result.REJECTED, Result.ACCEPTED]
    assert outcomes[1].detail.startswith("552")
    assert sorted(key for key, _ in server.await_mails(2, WAIT)) == ["m0", "m1"]


@encrypted
def test_a_server_that_wants_encryption_gets_nothing_without(door: RealServer) -> None:
    with pytest.raises(ChannelUnavailable, match="STARTTLS"):
        sender(door, security="none").send(ENVELOPE, batch(2), seconds=10)
    assert door.await_mails(1, 0.2) == []


@encrypted
def test_a_certificate_nobody_vouches_for_gets_nothing(door: RealServer) -> None:
    with pytest.raises(ChannelUnavailable, match="SSL_CERT_FILE"):
        sender(door).send(ENVELOPE, batch(2), seconds=10)
    assert door.await_mails(1, 0.2) == []
