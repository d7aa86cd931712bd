"""Many messages go out over several connections at once: as many as the settings and the server allow."""

from __future__ import annotations

import threading
import time
from collections import Counter
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delivery.channels.base import ChannelUnavailable, Outcome, Result
from delivery.channels.email import smtp
from tests.delivery.scripted import (
    DROP,
    ENVELOPE,
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
)
from tests.delivery.test_smtp_faults import SCRIPTS

A, D, R, U, N = Result.ACCEPTED, Result.DEFERRED, Result.REJECTED, Result.UNKNOWN, Result.UNSENT
BUSY = Answer("421 4.7.0 too many connections", drop=True)


@pytest.mark.parametrize("extensions", [PIPELINED, LOCKSTEP], ids=["pipelined", "lockstep"])
@pytest.mark.parametrize(("size", "allowed", "used"), [(50, 4, 4), (50, 2, 2), (50, 1, 1), (30, 4, 2), (12, 4, 1)])
def test_a_large_batch_arrives_once_over_as_many_connections_as_it_is_worth(
    extensions: tuple[str, ...], size: int, allowed: int, used: int
) -> None:
    with ScriptedServer(extensions=extensions) as server, closing(channel(server, connections=allowed)) as sender:
        outcomes = sender.send(ENVELOPE, batch(size), seconds=10)
        again = sender.send(ENVELOPE, [outbound(f"n{number}") for number in range(size)], seconds=10)
        assert len(server.commands) == used  # they were kept
    assert [(outcome.key, outcome.result) for outcome in outcomes] == [(f"m{n}", A) for n in range(size)]
    assert [(outcome.key, outcome.result) for outcome in again] == [(f"n{n}", A) for n in range(size)]
    assert Counter(server.keys) == Counter(f"{name}{n}" for name in "mn" for n in range(size))
    assert all(commands[-1] == "QUIT" for commands in server.commands)


def test_every_connection_is_given_work_before_the_first_is_waited_for() -> None:
    """The server answers none of the first three before it has them all."""
    together, first = threading.Barrier(3, timeout=5), iter(range(3))

    class Patient(ScriptedServer):
        def next_answer(self, verb: str) -> Answer | None:
            if verb == "." and next(first, None) is not None:
                together.wait()
            return super().next_answer(verb)

    with Patient() as server:
        outcomes = channel(server, connections=3).send(ENVELOPE, batch(36), seconds=10)
    assert {outcome.result for outcome in outcomes} == {A}


def test_a_server_that_lets_in_fewer_is_sent_to_over_those() -> None:
    with ScriptedServer({"CONNECT": [None, None, BUSY]}) as server, closing(channel(server)) as sender:
        outcomes = [*sender.send(ENVELOPE, batch(50), seconds=10), *sender.send(ENVELOPE, batch(50), seconds=10)]
        assert len(server.commands) == 3  # and not asked again for a while
    assert {outcome.result for outcome in outcomes} == {A}
    assert len(server.keys) == 100


def test_a_connection_that_is_not_like_the_first_is_left() -> None:
    with ScriptedServer({"EHLO": [None, "250 another"]}) as server:
        outcomes = channel(server).send(ENVELOPE, batch(50), seconds=10)
    assert {outcome.result for outcome in outcomes} == {A}
    assert len(server.keys) == 50
    assert [any(line.startswith("MAIL") for line in commands) for commands in server.commands] == [True, False]


def test_where_one_breaks_only_its_message_is_in_doubt_and_the_others_go_on() -> None:
    with ScriptedServer({".": [None, TAKE_AND_DROP]}) as server:
        outcomes = channel(server).send(ENVELOPE, batch(50), seconds=10)
    assert Counter(outcome.result for outcome in outcomes) == {A: 49, U: 1}
    assert Counter(server.keys) == Counter(f"m{n}" for n in range(50))


def test_where_time_runs_out_for_one_the_answers_to_the_others_are_heard() -> None:
    begun = time.monotonic()
    with ScriptedServer({".": [TAKE_AND_HANG]}) as server:
        outcomes = channel(server).send(ENVELOPE, batch(50), seconds=1.0)
        assert time.monotonic() - begun < 1.0 + 1.7
        taken = set(server.keys)
    known = Counter(outcome.result for outcome in outcomes)
    assert known[U] == 1
    assert known[A] == len(taken) - 1
    assert known[A] + known[U] + known[N] == 50


def test_where_a_server_wants_a_login_what_it_took_from_others_is_known() -> None:
    with ScriptedServer({"MAIL": [None] * 5 + ["530 5.7.0 log in first"] * 20}) as server:
        outcomes = channel(server).send(ENVELOPE, batch(50), seconds=10)
        assert {outcome.key for outcome in outcomes if outcome.result is A} == set(server.keys)
    assert Counter(outcome.result for outcome in outcomes) == {A: len(server.keys), N: 50 - len(server.keys)}
    assert "wants a login first" in next(outcome.detail for outcome in outcomes if outcome.result is N)


def test_after_nothing_went_well_it_is_tried_over_one_connection_alone() -> None:
    with ScriptedServer({".": [TAKE_AND_DROP] * 60}) as server:
        outcomes = channel(server).send(ENVELOPE, batch(50), seconds=10)
    assert Counter(outcome.result for outcome in outcomes) == {U: 5, N: 45}


@settings(max_examples=100, deadline=None, derandomize=True)
@given(script=SCRIPTS, extensions=st.sampled_from([PIPELINED, LOCKSTEP]), drops=st.lists(st.none() | st.just(DROP)))
def test_whatever_a_server_answers_on_any_no_message_arrives_twice_and_every_outcome_is_true(
    script: Script, extensions: tuple[str, ...], drops: list[Answer | None]
) -> None:
    outcomes: list[Outcome] = []
    with (
        pytest.MonkeyPatch.context() as patch,
        ScriptedServer({**script, "CONNECT": drops}, extensions=extensions) as s,
    ):
        patch.setattr(smtp, "_EACH", 2)
        patch.setattr(smtp, "_ENOUGH", 0.0)
        sender = channel(s, timeout=0.5, connections=3)
        for start in (0, 8):
            chunk = [outbound(f"m{number}") for number in range(start, start + 8)]
            try:
                outcomes += sender.send(ENVELOPE, chunk, seconds=5)
            except ChannelUnavailable:
                outcomes += [Outcome(message.key, D) for message in chunk]
    assert len(outcomes) == 16
    check(s, outcomes)
