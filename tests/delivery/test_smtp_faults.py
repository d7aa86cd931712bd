"""When the mail server, or the way to it, breaks: nobody is mailed twice, and every outcome is true."""

from __future__ import annotations

import time
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delivery.channels.base import ChannelUnavailable, Outcome, Result
from delivery.channels.email import connection
from delivery.channels.email.connection import Connection, Lost, Reply
from delivery.channels.email.conversation import Conversation
from delivery.channels.email.ledger import Ledger
from delivery.channels.email.transactions import Transactions
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
    check,
    outbound,
    results,
)

A, R, D, U, N = Result.ACCEPTED, Result.REJECTED, Result.DEFERRED, Result.UNKNOWN, Result.UNSENT


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


@pytest.mark.parametrize("answer", [DROP, Answer("421 4.7.0 not this one", drop=True)])
def test_a_recipient_at_which_the_server_hangs_up_holds_up_nobody(answer: Answer) -> None:
    with ScriptedServer({"RCPT": [None, answer, answer, answer]}) as server:
        outcomes = channel(server).send(ENVELOPE, batch(5), seconds=10)
    assert [outcome.result for outcome in outcomes] == [A, D, A, A, A]
    assert outcomes[1].is_recipient_s
    assert server.keys == ["m0", "m2", "m3", "m4"]


def test_a_server_that_hangs_up_on_everybody_puts_off_one_and_leaves_the_rest() -> None:
    with ScriptedServer({"RCPT": [DROP] * 9}) as server:
        outcomes = channel(server).send(ENVELOPE, batch(5), seconds=10)
    assert [outcome.result for outcome in outcomes] == [D, N, N, N, N]
    assert server.keys == []


def test_a_server_that_always_drops_at_the_answer_leaves_two_unknown_and_leaves_the_rest_unsent() -> None:
    with ScriptedServer({".": [TAKE_AND_DROP] * 9}) as server:
        outcomes = channel(server).send(ENVELOPE, batch(5), seconds=10)
    assert [outcome.result for outcome in outcomes] == [U, U, N, N, N]
    assert outcomes[2].detail.startswith("not handed over: ")
    assert server.keys == ["m0", "m1"]


def test_a_suspect_that_is_handed_over_after_all_stays_unknown_when_no_answer_comes() -> None:
    with ScriptedServer({"RCPT": [None, DROP, DROP], ".": [None, TAKE_AND_DROP]}) as server:
        assert results(server, batch(3)) == [A, U, N]
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
        assert results(server, batch(3)) == [A, N, N]
    assert server.keys == ["m0"]
    assert [mail.recipients for mail in server.mails] == [("m0@shop.example",)]


@pytest.mark.parametrize("extensions", [PIPELINED, LOCKSTEP])
def test_when_time_runs_out_only_the_message_without_an_answer_is_unknown(extensions: tuple[str, ...]) -> None:
    begun = time.monotonic()
    with ScriptedServer({".": [None, TAKE_AND_HANG]}, extensions=extensions) as server:
        outcomes = channel(server).send(ENVELOPE, batch(4), seconds=1.5)
        assert time.monotonic() - begun < 1.5 + 1.7
    assert [outcome.result for outcome in outcomes] == [A, U, N, N]
    assert server.keys == ["m0", "m1"]


def test_the_last_quarter_of_the_time_is_kept_for_answers() -> None:
    with ScriptedServer({".": [Answer("250 ok", after=2.5)]}) as server:
        outcomes = channel(server).send(ENVELOPE, batch(3), seconds=3.2)
    assert [outcome.result for outcome in outcomes] == [A, N, N]
    assert "time allowed ran out" in outcomes[1].detail


@pytest.mark.parametrize(("beyond_the_body", "result"), [(0, None), (1, U), (40, U)])
def test_a_write_that_breaks_off_leaves_a_message_in_doubt_from_its_end_mark_on(
    beyond_the_body: int, result: Result | None
) -> None:
    class BreakingConnection:
        pipelining, eight_bit, utf8, address = True, True, False, "mail.example:25"

        def __init__(self) -> None:
            self.replies = [Reply(250, ""), Reply(250, ""), Reply(354, "")]

        def write(self, data: bytes) -> None:
            if b"\r\n.\r\n" in data:
                raise Lost("it broke", written=data.index(b"\r\n.\r\n") + 2 + beyond_the_body)

        def reply(self) -> Reply:
            return self.replies.pop(0)

    ledger = Ledger(batch(2))
    connection = cast("Connection", BreakingConnection())
    with pytest.raises(Lost):
        Conversation([connection], Transactions(connection, ENVELOPE, ledger), start_by=time.monotonic() + 10).run()
    assert [outcome and outcome.result for outcome in ledger.outcomes] == [result, None]


def test_an_answer_is_waited_for_as_long_as_the_settings_have_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_KERNEL_S_WAIT", 0.02)  # it is asked to go on waiting, several times
    late = [Answer("250 ok", after=0.3), None]
    with ScriptedServer({".": late, "RCPT": late}) as server:
        assert results(server, batch(3)) == [A, A, A]
    assert server.keys == ["m0", "m1", "m2"]
    assert len(server.commands) == 1


def test_an_answer_later_than_the_timeout_is_unknown_and_the_batch_goes_on() -> None:
    with ScriptedServer({".": [None, TAKE_AND_HANG]}) as server:
        outcomes = channel(server, timeout=1.0).send(ENVELOPE, batch(4), seconds=10)
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


def test_a_kept_connection_known_to_be_closed_does_not_count_as_a_failed_attempt() -> None:
    with ScriptedServer({"MAIL": [None, DROP]}) as server:
        sender = channel(server)
        sender.send(ENVELOPE, batch(1), seconds=10)
        server.hang_up()
        outcomes = sender.send(ENVELOPE, [outbound("m1")], seconds=10)
    assert [outcome.result for outcome in outcomes] == [A]
    assert len(server.commands) == 3


@pytest.mark.parametrize("answer", [DROP, Answer("421 4.4.2 idle too long", drop=True)])
def test_a_kept_connection_that_closes_at_the_first_command_is_replaced_unnoticed(answer: Answer) -> None:
    with ScriptedServer({"MAIL": [None, None, answer]}) as server:
        sender = channel(server)
        sender.send(ENVELOPE, batch(2), seconds=10)
        outcomes = sender.send(ENVELOPE, [outbound("m2"), outbound("m3")], seconds=10)
    assert [outcome.result for outcome in outcomes] == [A, A]
    assert server.keys == ["m0", "m1", "m2", "m3"]


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
    assert len(outcomes) == 10
    check(server, outcomes)
