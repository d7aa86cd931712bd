"""When the mail server, or the way to it, breaks: nobody is mailed twice, and every outcome is true."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delivery.channels.base import ChannelUnavailable, Outcome, Result
from delivery.channels.email.settings import SmtpSettings
from delivery.channels.email.smtp import SmtpChannel
from tests.delivery.scripted import (
    DROP,
    ENVELOPE,
    HANG,
    LOCKSTEP,
    PIPELINED,
    TAKE_AND_DROP,
    TAKE_AND_HANG,
    Answer,
    Script,
    ScriptedServer,
    batch,
    channel,
    outbound,
    results,
)

A, R, D, U = Result.ACCEPTED, Result.REJECTED, Result.DEFERRED, Result.UNKNOWN


def test_a_message_the_server_took_without_answering_is_unknown_and_never_sent_again() -> None:
    with ScriptedServer({".": [None, TAKE_AND_DROP]}) as server:
        outcomes = channel(server).send(ENVELOPE, batch(4), seconds=10)
    assert [outcome.result for outcome in outcomes] == [A, U, A, A]
    assert "handed over, but no answer came" in outcomes[1].detail
    assert server.keys == ["m0", "m1", "m2", "m3"]


def test_a_message_lost_before_its_answer_is_unknown_too() -> None:
    with ScriptedServer({".": [None, DROP]}) as server:
        assert results(server, batch(4)) == [A, U, A, A]
    assert server.keys == ["m0", "m2", "m3"]


def test_a_connection_dropped_after_an_answer_costs_nothing() -> None:
    with ScriptedServer({".": [None, Answer("250 ok", drop=True)]}) as server:
        assert results(server, batch(4)) == [A, A, A, A]
    assert server.keys == ["m0", "m1", "m2", "m3"]
    assert len(server.commands) == 2


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize(
    "answer", [DROP, Answer("421 4.7.0 too many", drop=True), Answer("421 4.7.0 too many", hang=True)]
)
def test_a_message_that_was_only_announced_goes_out_over_the_next_connection(verb: str, answer: Answer) -> None:
    with ScriptedServer({verb: [None, answer]}) as server:
        assert results(server, batch(4)) == [A, A, A, A]
    assert server.keys == ["m0", "m1", "m2", "m3"]
    assert len(server.commands) == 2


def test_a_server_that_allows_few_messages_per_connection_gets_several_connections() -> None:
    with ScriptedServer({"MAIL": [None, None, Answer("421 enough", drop=True)] * 5}) as server:
        assert results(server, batch(10)) == [A] * 10
    assert len(server.commands) == 5


def test_421_in_answer_to_a_body_defers_that_message_and_goes_on_elsewhere() -> None:
    with ScriptedServer({".": [None, Answer("421 4.3.0 shutting down", drop=True)]}) as server:
        assert results(server, batch(4)) == [A, D, A, A]
    assert server.keys == ["m0", "m2", "m3"]


def test_a_server_that_always_drops_at_the_answer_leaves_two_unknown_and_defers_the_rest() -> None:
    with ScriptedServer({".": [TAKE_AND_DROP] * 9}) as server:
        outcomes = channel(server).send(ENVELOPE, batch(5), seconds=10)
    assert [outcome.result for outcome in outcomes] == [U, U, D, D, D]
    assert outcomes[2].detail.startswith("not handed over: ")
    assert server.keys == ["m0", "m1"]


def test_a_body_cut_off_before_its_end_was_not_handed_over() -> None:
    huge = outbound("m0", html=f"{'<p>much</p>' * 80}\n" * 20_000)
    with ScriptedServer({"DATA": [Answer("354 go on", drop=True)]}) as server:
        assert results(server, [huge]) == [A]
    assert server.keys == ["m0"]
    assert len(server.commands) == 2


@pytest.mark.parametrize("garbage", ["HTTP/1.1 400 Bad Request", "25", "2x0 ok", "999 ok", "354 go on", "\udcff\udcfe"])
def test_an_answer_that_is_not_one_is_unknown(garbage: str) -> None:
    with ScriptedServer({".": [None, garbage]}) as server:
        assert results(server, batch(3)) == [A, U, A]
    assert [key for key in server.keys if key != "m1"] == ["m0", "m2"]


def test_a_server_that_confuses_its_answers_is_left_before_any_harm() -> None:
    with ScriptedServer({"MAIL": [None, "550 no"], "RCPT": [None, "250 ok"], "DATA": [None, "354 go on"]}) as server:
        assert results(server, batch(3)) == [A, R, A]
    assert server.keys == ["m0", "m2"]
    assert [mail.recipients for mail in server.mails] == [("m0@shop.example",), ("m2@shop.example",)]


@pytest.mark.parametrize("extensions", [PIPELINED, LOCKSTEP])
def test_when_time_runs_out_only_the_message_without_an_answer_is_unknown(extensions: tuple[str, ...]) -> None:
    begun = time.monotonic()
    with ScriptedServer({".": [None, TAKE_AND_HANG]}, extensions=extensions) as server:
        outcomes = channel(server).send(ENVELOPE, batch(4), seconds=0.3)
        assert time.monotonic() - begun < 2
    assert [outcome.result for outcome in outcomes] == [A, U, D, D]
    assert server.keys == ["m0", "m1"]


def test_an_answer_later_than_the_timeout_is_unknown_and_the_batch_goes_on() -> None:
    with ScriptedServer({".": [None, TAKE_AND_HANG]}) as server:
        outcomes = channel(server, timeout=0.2).send(ENVELOPE, batch(4), seconds=10)
    assert [outcome.result for outcome in outcomes] == [A, U, A, A]
    assert server.keys == ["m0", "m1", "m2", "m3"]


def test_a_server_silent_from_the_start_takes_no_message_and_no_longer_than_allowed() -> None:
    begun = time.monotonic()
    with ScriptedServer({"MAIL": [HANG, HANG]}) as server:
        with pytest.raises(ChannelUnavailable, match="in the time allowed") as refusal:
            channel(server).send(ENVELOPE, batch(4), seconds=0.3)
        assert time.monotonic() - begun < 2
    assert not refusal.value.permanent


def test_a_kept_connection_the_server_has_closed_is_replaced_unnoticed() -> None:
    with ScriptedServer() as server:
        sender = channel(server)
        sender.send(ENVELOPE, batch(2), seconds=10)
        server.hang_up()
        outcomes = sender.send(ENVELOPE, [outbound("m2"), outbound("m3")], seconds=10)
    assert [outcome.result for outcome in outcomes] == [A, A]
    assert server.keys == ["m0", "m1", "m2", "m3"]


@pytest.mark.parametrize("answer", [DROP, Answer("421 4.4.2 idle too long", drop=True)])
def test_a_kept_connection_that_closes_at_the_first_command_is_replaced_unnoticed(answer: Answer) -> None:
    with ScriptedServer({"MAIL": [None, None, answer]}) as server:
        sender = channel(server)
        sender.send(ENVELOPE, batch(2), seconds=10)
        outcomes = sender.send(ENVELOPE, [outbound("m2"), outbound("m3")], seconds=10)
    assert [outcome.result for outcome in outcomes] == [A, A]
    assert server.keys == ["m0", "m1", "m2", "m3"]


def refusal_of(sender: SmtpChannel) -> ChannelUnavailable:
    with pytest.raises(ChannelUnavailable) as refusal:
        sender.send(ENVELOPE, batch(2), seconds=1)
    return refusal.value


@pytest.mark.parametrize(
    ("script", "cure"),
    [
        ({"CONNECT": ["554 5.7.1 your address is listed"]}, "your address is listed"),
        ({"CONNECT": ["421 4.3.2 too busy"]}, "too busy"),
        ({"CONNECT": [DROP]}, "hung up"),
        ({"CONNECT": [HANG]}, "hung up before it was ready"),
        ({"EHLO": [DROP]}, "hung up"),
        ({"CONNECT": ["HTTP/1.1 400 Bad Request"]}, "turns us away"),
    ],
)
def test_a_server_that_does_not_greet_us_is_unavailable_for_now(script: Script, cure: str) -> None:
    with ScriptedServer(script) as server:
        refusal = refusal_of(channel(server, connect_timeout=0.3))
    assert cure in str(refusal)
    assert f"127.0.0.1:{server.port}" in str(refusal)
    assert not refusal.permanent


def test_a_port_nobody_listens_at_is_said_to_be_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    refusal = refusal_of(SmtpChannel(SmtpSettings("127.0.0.1", port)))
    assert f"127.0.0.1:{port}" in str(refusal)
    assert "start the mail server" in str(refusal)
    assert not refusal.permanent


@pytest.mark.parametrize("host", ["nowhere.invalid", "a..b", f"{'a' * 64}.example"])
def test_a_host_that_cannot_be_found_is_named(host: str) -> None:
    refusal = refusal_of(SmtpChannel(SmtpSettings(host, 25)))
    assert f"{host}:25" in str(refusal)
    assert "correct it" in str(refusal)


LOGIN = (*PIPELINED, "AUTH PLAIN")


def test_a_login_that_is_taken_lets_the_batch_through() -> None:
    with ScriptedServer(extensions=LOGIN) as server:
        outcomes = channel(server, username="acme", password="secret").send(ENVELOPE, batch(2), seconds=10)
    assert [outcome.result for outcome in outcomes] == [A, A]


@pytest.mark.parametrize(("reply", "permanent"), [("535 5.7.8 wrong", True), ("454 4.7.0 try later", False)])
def test_a_refused_login_is_permanent_only_if_the_server_says_so(reply: str, permanent: bool) -> None:
    with ScriptedServer({"AUTH": [reply] * 2}, extensions=LOGIN) as server:
        refusal = refusal_of(channel(server, username="acme", password="s3cret"))
    assert (refusal.permanent, reply in str(refusal)) == (permanent, True)
    assert "s3cret" not in str(refusal)


@pytest.mark.parametrize("changes", [{"username": "acme", "password": "s3cret"}, {"security": "starttls"}])
def test_a_server_without_what_the_settings_ask_for_needs_a_person(changes: dict[str, str]) -> None:
    with ScriptedServer() as server:
        refusal = refusal_of(channel(server, **changes))
    assert refusal.permanent
    assert "smtps://" in str(refusal)


@pytest.mark.parametrize("verb", ["MAIL", "RCPT"])
def test_a_server_that_wants_a_login_burns_no_message(verb: str) -> None:
    with ScriptedServer({verb: ["530 5.7.0 authentication required"]}) as server:
        refusal = refusal_of(channel(server))
    assert refusal.permanent
    assert "set the user name" in str(refusal)


def test_a_server_that_vanishes_in_the_middle_defers_the_rest_without_an_exception() -> None:
    script: Script = {".": [None, Answer("250 ok", drop=True)], "CONNECT": [None, "421 too busy", "421 too busy"]}
    with ScriptedServer(script) as server:
        outcomes = channel(server).send(ENVELOPE, batch(4), seconds=10)
    assert [outcome.result for outcome in outcomes] == [A, A, D, D]
    assert "too busy" in outcomes[3].detail


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    openssl = shutil.which("openssl")
    if not openssl:
        pytest.skip("needs the openssl command to make a certificate")
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    request = (
        f"{openssl} req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    )
    made = subprocess.run([*request.split(), "-keyout", "-", "-out", "-"], check=True, capture_output=True)
    path.write_bytes(made.stdout)
    return path


@pytest.mark.parametrize("trusted", [True, False])
def test_tls_is_used_when_asked_for_and_its_certificate_is_checked(
    certificate: Path, trusted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with ScriptedServer(extensions=(*PIPELINED, "STARTTLS"), tls=context) as server:
        sender = SmtpChannel(SmtpSettings("localhost", server.port, security="starttls"))
        if trusted:
            outcomes = [*sender.send(ENVELOPE, batch(20), seconds=10), *sender.send(ENVELOPE, batch(1), seconds=10)]
            assert {outcome.result for outcome in outcomes} == {A}
            assert len(server.commands) == 1
        else:
            assert "SSL_CERT_FILE" in str(refusal_of(sender))
    assert len(server.mails) == (21 if trusted else 0)


ENDINGS = st.sampled_from(
    [None, None, None, None, "451 later", "550 no", "250-a\r\n250 b", "nonsense", DROP, TAKE_AND_DROP,
     Answer("250 ok", drop=True), Answer("421 bye", drop=True)]
)  # fmt: skip
ANSWERS = st.sampled_from(
    [
        None,
        None,
        None,
        None,
        "451 later",
        "550 no",
        "354 what",
        "250 ok",
        "nonsense",
        DROP,
        Answer("421 bye", drop=True),
    ]
)
SCRIPTS = st.fixed_dictionaries(
    {verb: st.lists(ANSWERS, max_size=8) for verb in ("MAIL", "RCPT", "DATA", "RSET")}
    | {".": st.lists(ENDINGS, max_size=8)}
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(script=SCRIPTS, extensions=st.sampled_from([PIPELINED, LOCKSTEP]))
def test_whatever_a_server_answers_no_message_arrives_twice_and_every_outcome_is_true(
    script: Script, extensions: tuple[str, ...]
) -> None:
    outcomes: list[Outcome] = []
    with ScriptedServer(script, extensions=extensions) as server:
        sender = channel(server, timeout=0.5)
        for start in (0, 5):
            chunk = [outbound(f"m{number}") for number in range(start, start + 5)]
            try:
                outcomes += sender.send(ENVELOPE, chunk, seconds=5)
            except ChannelUnavailable:
                outcomes += [Outcome(message.key, D) for message in chunk]
    taken = Counter(mail.key for mail in server.mails if mail.recipients)
    assert [outcome.key for outcome in outcomes] == [f"m{number}" for number in range(10)]
    assert all(mail.recipients in {(), (f"{mail.key}@shop.example",)} for mail in server.mails)
    for outcome in outcomes:
        assert taken[outcome.key] in {A: {1}, R: {0}, D: {0}, U: {0, 1}}[outcome.result], outcome
