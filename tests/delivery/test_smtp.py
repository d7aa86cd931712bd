"""Handing a batch to a mail server: what each answer means for the message it answers."""

from __future__ import annotations

import pytest

from delivery.channels.base import ChannelUnavailable, Envelope, Result
from delivery.channels.email.settings import SmtpSettings
from delivery.channels.email.smtp import SmtpChannel
from tests.benchmarks.sink import Received, SinkProcess
from tests.delivery.scripted import ENVELOPE, LOCKSTEP, PIPELINED, ScriptedServer, batch, channel, outbound, results
from tests.mails import dotted_bodies


@pytest.fixture(params=[PIPELINED, LOCKSTEP], ids=["pipelined", "lockstep"])
def extensions(request: pytest.FixtureRequest) -> tuple[str, ...]:
    offered: tuple[str, ...] = request.param
    return offered


def test_every_message_of_a_batch_arrives_once_in_order_over_one_connection(extensions: tuple[str, ...]) -> None:
    with ScriptedServer(extensions=extensions) as server:
        outcomes = channel(server).send(ENVELOPE, batch(20), seconds=10)
    assert [(outcome.key, outcome.result) for outcome in outcomes] == [(f"m{n}", Result.ACCEPTED) for n in range(20)]
    assert [(mail.key, mail.recipients) for mail in server.mails] == [
        (f"m{n}", (f"m{n}@shop.example",)) for n in range(20)
    ]
    assert len(server.commands) == 1


def test_commands_run_ahead_of_replies_only_when_the_server_offers_pipelining(extensions: tuple[str, ...]) -> None:
    with ScriptedServer(extensions=extensions) as server:
        results(server, batch(5))
    assert server.ran_ahead == ("PIPELINING" in extensions)


@pytest.mark.parametrize("reply", ["550 5.7.1 sender refused", "553 5.1.8 no such domain", "554 5.7.0 go away"])
@pytest.mark.parametrize("position", [0, 2])
def test_a_sender_that_is_refused_is_no_message_s_refusal(
    extensions: tuple[str, ...], reply: str, position: int
) -> None:
    with ScriptedServer({"MAIL": [None] * position + [reply] * 9}, extensions=extensions) as server:
        sender, batches = channel(server), [batch(4)[:position], batch(4)[position:]]
        accepted = sender.send(ENVELOPE, batches[0], seconds=10) if position else []
        with pytest.raises(ChannelUnavailable, match="refuses the sender") as refused:
            sender.send(ENVELOPE, batches[1], seconds=10)
        assert refused.value.permanent
    assert [outcome.result for outcome in accepted] == [Result.ACCEPTED] * position
    assert server.keys == ["m0", "m1"][:position]


def test_a_sender_refused_halfway_leaves_the_rest_unsent(extensions: tuple[str, ...]) -> None:
    with ScriptedServer({"MAIL": [None, *["550 5.7.1 no"] * 9]}, extensions=extensions) as server:
        assert results(server, batch(3)) == [Result.ACCEPTED, Result.UNSENT, Result.UNSENT]
    assert server.keys == ["m0"]


def test_an_accepted_message_has_the_servers_words_and_its_queue_id() -> None:
    with ScriptedServer({".": ["250-2.0.0 Ok:\r\n250 queued as 4Xy7-Q", "250 " + "long " * 100]}) as server:
        first, second = channel(server).send(ENVELOPE, batch(2), seconds=10)
    assert (first.detail, first.provider_id) == ("250 2.0.0 Ok: queued as 4Xy7-Q", "4Xy7-Q")
    assert (len(second.detail), second.provider_id) == (200, "")


@pytest.mark.parametrize(
    ("verb", "reply", "result"),
    [
        ("MAIL", "555 5.5.4 no such parameter", Result.REJECTED),
        ("MAIL", "451 4.3.0 later", Result.DEFERRED),
        ("RCPT", "550 5.1.1 no such user", Result.REJECTED),
        ("RCPT", "550-5.1.1 no\r\n550 such user", Result.REJECTED),
        ("RCPT", "450 4.2.0 greylisted", Result.DEFERRED),
        ("DATA", "554 5.5.1 no", Result.REJECTED),
        ("DATA", "451 4.3.2 later", Result.DEFERRED),
        (".", "554 5.7.1 spam", Result.REJECTED),
        (".", "452 4.2.2 full", Result.DEFERRED),
    ],
)
@pytest.mark.parametrize("position", [0, 1, 3])
def test_a_refusal_concerns_only_its_own_message(
    extensions: tuple[str, ...], verb: str, reply: str, result: Result, position: int
) -> None:
    with ScriptedServer({verb: [None] * position + [reply]}, extensions=extensions) as server:
        sender = channel(server)
        outcomes = [*sender.send(ENVELOPE, batch(4), seconds=10), *sender.send(ENVELOPE, [outbound("n")], seconds=10)]
    refused = outcomes.pop(position)
    assert refused.result == result
    assert refused.detail == reply.replace("\r\n550", "").replace("550-", "550 ")
    assert {outcome.result for outcome in outcomes} == {Result.ACCEPTED}
    assert server.keys == [outcome.key for outcome in outcomes]
    assert len(server.commands) == 1


@pytest.mark.parametrize(
    ("verb", "reply"),
    [
        ("MAIL", "250-2.1.0 sender\r\n250 ok"),
        ("RCPT", "251 will forward"),
        ("RCPT", "252 cannot tell"),
        ("DATA", "354"),
    ],
)
@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_server_may_consent_in_words_of_its_own(
    extensions: tuple[str, ...], verb: str, reply: str, position: int
) -> None:
    with ScriptedServer({verb: [None] * position + [reply]}, extensions=extensions) as server:
        assert results(server, batch(3)) == [Result.ACCEPTED] * 3
    assert server.keys == ["m0", "m1", "m2"]


@pytest.mark.parametrize("end", ["554 no valid recipients", "250 thank you for nothing"])
def test_a_server_that_asks_for_the_body_of_a_refused_message_gets_none(end: str) -> None:
    script = {"RCPT": [None, "550 no such user"], "DATA": [None, "354 go on"], ".": [None, end]}
    with ScriptedServer(script) as server:
        assert results(server, batch(3)) == [Result.ACCEPTED, Result.REJECTED, Result.ACCEPTED]
    assert [mail.recipients for mail in server.mails if mail.content] == [("m0@shop.example",), ("m2@shop.example",)]
    assert len(server.commands) == 1


def test_replies_torn_into_single_bytes_read_the_same() -> None:
    with ScriptedServer({"RCPT": [None, "550-no\r\n550-such\r\n550 user"]}, piecemeal=True) as server:
        outcomes = channel(server).send(ENVELOPE, batch(3), seconds=10)
    assert [outcome.result for outcome in outcomes] == [Result.ACCEPTED, Result.REJECTED, Result.ACCEPTED]
    assert outcomes[1].detail == "550 no such user"


@pytest.mark.parametrize(
    "recipient",
    [
        "",
        "a",
        "a b@shop.example",
        "a@shop.example\r\nRCPT TO:<b@shop.example",
        "<a@shop.example>",
        "a@b@c.example",
        "a\0@b.example",
        "a,b@shop.example",
        "group: a@shop.example;",
        f"{'a' * 65}@shop.example",
        f"a@{'b' * 260}.example",
        "a@\ud800.example",
    ],
)
def test_what_is_not_one_address_is_rejected_and_never_reaches_the_server(recipient: str) -> None:
    with ScriptedServer() as server:
        outcomes = channel(server).send(ENVELOPE, [outbound("m0", recipient=recipient), outbound("m1")], seconds=10)
    assert [outcome.result for outcome in outcomes] == [Result.REJECTED, Result.ACCEPTED]
    assert outcomes[0].detail.startswith("To is not one e-mail address")
    assert [command for command in server.commands[0] if command.startswith("RCPT")] == ["RCPT TO:<m1@shop.example>"]


def test_an_address_beyond_ascii_needs_a_server_that_takes_it() -> None:
    message = outbound("m0", recipient="zoë@shop.example")
    with ScriptedServer() as server:
        (refused,) = channel(server).send(ENVELOPE, [message], seconds=10)
    with ScriptedServer(extensions=(*PIPELINED, "SMTPUTF8")) as capable:
        (accepted,) = channel(capable).send(ENVELOPE, [message], seconds=10)
    assert refused.result == Result.REJECTED
    assert "SMTPUTF8" in refused.detail
    assert accepted.result == Result.ACCEPTED
    assert capable.commands[0][1] == "MAIL FROM:<bounces@acme.example> BODY=8BITMIME SMTPUTF8"
    assert capable.mails[0].recipients == ("zoë@shop.example",)


def test_a_header_that_would_start_another_is_rejected_by_name() -> None:
    message = outbound("m0", subject="Hello\r\nBcc: all@shop.example")
    with ScriptedServer() as server:
        (outcome,) = channel(server).send(ENVELOPE, [message], seconds=10)
    assert (outcome.result, outcome.detail[:28]) == (Result.REJECTED, "Subject contains a line brea")
    assert server.mails == []


@pytest.mark.parametrize(
    "envelope",
    [
        Envelope("bounces@acme.example>", "Acme", "news@acme.example"),
        Envelope("bounces@acme.example", "Acme\nBcc: a@b.example", "news@acme.example"),
        Envelope("bounces@acme.example", "Acme", "news"),
        Envelope("bounces@acme.example", "Acme", "größe@acme.example"),
    ],
)
def test_an_envelope_that_cannot_be_written_burns_no_message(envelope: Envelope) -> None:
    with ScriptedServer() as server, pytest.raises(ChannelUnavailable, match="envelope cannot be written") as refusal:
        channel(server).send(envelope, batch(1), seconds=10)
    assert refusal.value.permanent
    assert server.mails == []


def test_eight_bits_are_declared_only_where_they_occur_and_the_server_takes_them() -> None:
    messages = [outbound("m0"), outbound("m1", html="plain", text="plain")]
    with ScriptedServer() as server:
        results(server, messages)
    with ScriptedServer(extensions=["PIPELINING"]) as seven_bit:
        results(seven_bit, messages)
    assert [command for command in server.commands[0] if "MAIL" in command] == [
        "MAIL FROM:<bounces@acme.example> BODY=8BITMIME",
        "MAIL FROM:<bounces@acme.example>",
    ]
    assert not any("BODY" in command for command in seven_bit.commands[0])
    assert seven_bit.mails[0].content.isascii()


def test_the_connection_is_kept_between_batches_and_closed_with_a_goodbye() -> None:
    with ScriptedServer() as server:
        sender = channel(server)
        sender.check()
        sender.send(ENVELOPE, batch(1), seconds=10)
        sender.send(ENVELOPE, batch(1), seconds=10)
        sender.close()
    assert len(server.commands) == 1
    assert server.commands[0][-1] == "QUIT"


def test_a_server_that_takes_bare_line_ends_for_line_ends_sees_one_message_each_too() -> None:
    messages = [outbound(f"m{number}", html=body) for number, body in enumerate(dotted_bodies(500))]
    with ScriptedServer(lenient=True) as server:
        outcomes = channel(server, connections=1).send(ENVELOPE, messages, seconds=10)
    assert {outcome.result for outcome in outcomes} == {Result.ACCEPTED}
    assert server.keys == [message.key for message in messages]


def test_the_benchmarks_sink_remembers_every_key_and_recipient(tmp_path: object) -> None:
    messages = [outbound(f"m{number}", text=f".{number}\n.") for number in range(200)]
    with SinkProcess(spool=tmp_path / "spool") as sink:  # type: ignore[operator]
        sender = SmtpChannel(SmtpSettings.from_url(f"{sink.url}?connections=1"))
        sender.send(ENVELOPE, messages, seconds=30)
        sender.close()
        assert sink.wait_for(200, seconds=5) == 200
        assert sink.received() == [Received(message.key, message.recipient) for message in messages]
        content = dict(sink.messages())
        sink.reset()
        assert sink.count() == 0
    assert b"\r\n.7\r\n." in content[Received("m7", "m7@shop.example")]
