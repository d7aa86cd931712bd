"""Where a server chunks, several messages go out at once; each has its own outcome all the same, and the true one."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delivery.channels.base import ChannelUnavailable, Outcome, Result
from delivery.channels.email import group, smtp
from delivery.channels.email.connection import Connection, Lost, Reply
from delivery.channels.email.conversation import Conversation
from delivery.channels.email.ledger import Ledger
from delivery.channels.email.smtp import SmtpChannel
from delivery.channels.email.transactions import Transactions
from tests.benchmarks.sink import Received, SinkProcess
from tests.delivery.scripted import (
    CHUNKED,
    DROP,
    ENVELOPE,
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
from tests.delivery.test_smtp_faults import ANSWERS, ENDINGS

A, D, R, U, N = Result.ACCEPTED, Result.DEFERRED, Result.REJECTED, Result.UNKNOWN, Result.UNSENT
GOOD_BYE = Answer("421 4.7.0 enough", drop=True)


@pytest.fixture(scope="module", autouse=True)
def _patience() -> Iterator[None]:
    """No machine is so busy that a server seems slow."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(group, "_SOON", 600.0)
        yield


def server(script: Script | None = None, **how: bool) -> ScriptedServer:
    return ScriptedServer(script, extensions=CHUNKED, **how)


def warm(script: Script, first: int = 3) -> Script:
    """The same after so many messages: the connection is known by then, and the next ones form a group."""
    own = {"RSET": max(first - 2, 0), "BDAT": 1}
    return {verb: [None] * own.get(verb, first) + list(answers) for verb, answers in script.items()}


def verbs(commands: list[str]) -> list[str]:
    return [command.split()[0] for command in commands]


def test_a_server_that_contradicts_itself_is_never_given_several_at_once_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "_CAREFUL", 0.0)
    with server(warm({"RSET": [None, "550 no"]})) as s, closing(channel(s)) as sender:
        for start in (0, 5, 10):
            sender.send(ENVELOPE, [outbound(f"m{number}") for number in range(start, start + 5)], seconds=10)
    assert [("BDAT" in verbs(commands), "DATA" in verbs(commands)) for commands in s.commands] == [
        (True, False),
        (False, True),
    ]


def sent_in_two(s: ScriptedServer, size: int = 4, **changes: object) -> list[Outcome]:
    """Three messages by which the connection gets known, and then `size` in one group."""
    with closing(channel(s, **changes)) as sender:
        known = sender.send(ENVELOPE, [outbound(f"k{number}") for number in range(3)], seconds=10)
        assert {outcome.result for outcome in known} == {A}
        return list(sender.send(ENVELOPE, batch(size), seconds=10))


def test_every_message_of_a_batch_arrives_once_in_order_over_one_connection() -> None:
    with server() as s:
        outcomes = channel(s, connections=1).send(ENVELOPE, batch(20), seconds=10)
    assert [(outcome.key, outcome.result) for outcome in outcomes] == [(f"m{n}", A) for n in range(20)]
    assert outcomes[7].provider_id == "Q7"
    assert [(mail.key, mail.recipients) for mail in s.mails] == [(f"m{n}", (f"m{n}@shop.example",)) for n in range(20)]
    assert len(s.commands) == 1
    assert "DATA" not in verbs(s.commands[0])


def test_the_first_goes_alone_and_then_several_at_once_with_a_reset_between_two() -> None:
    with server() as s:
        results(s, batch(10))
    one = ["MAIL", "RCPT", "BDAT"]
    said = verbs(s.commands[0])[1:]
    assert said[:11] == [*one, "BDAT", "RSET", *one, *one]  # m0 in two chunks, m1 with its rest, m2 in a new group
    assert said[11:] == [*one, *["RSET", *one] * 3, *one, *["RSET", *one] * 2]
    assert [line.endswith("LAST") for line in s.commands[0] if "BDAT" in line] == [False] + [True] * 10


def test_what_arrives_is_what_data_would_deliver() -> None:
    bodies = [".", "..", ".\n.", "a\n.\nb", "a\r\n.\r\nb", "\n.\n", "a\r.\rb", "größe\n.x", "x\n"]
    messages = [outbound(f"m{number}", html=body, text=body) for number, body in enumerate(bodies)]
    arrived = []
    for extensions in (CHUNKED, CHUNKED[:-1]):
        written: list[bytes] = []
        with ScriptedServer(extensions=extensions) as s:
            channel(s, sign=lambda body, kept=written: kept.append(body) or b"").send(ENVELOPE, messages, seconds=10)
        assert [mail.content for mail in s.mails] == written
        arrived.append([len(mail.content) for mail in s.mails])
    assert arrived[0] == arrived[1]


def test_nothing_is_chunked_where_it_is_turned_off_or_not_announced() -> None:
    for extensions, chunking in ((CHUNKED, False), (CHUNKED[:-1], True), (("8BITMIME", "CHUNKING"), True)):
        with ScriptedServer(extensions=extensions) as s:
            outcomes = channel(s, chunking=chunking).send(ENVELOPE, batch(5), seconds=10)
        assert {outcome.result for outcome in outcomes} == {A}
        assert "BDAT" not in verbs(s.commands[0])


def test_a_server_that_does_not_know_what_it_announced_is_handed_everything_by_data_from_then_on() -> None:
    smuggled = "MAIL FROM:<x@y.example>\nRCPT TO:<victim@y.example>\nDATA\nboo\n.\n"
    messages = [outbound(f"m{number}", text=smuggled, html=smuggled) for number in range(40)]
    with server(knows_bdat=False) as s, closing(channel(s)) as sender:
        first = sender.send(ENVELOPE, messages, seconds=10)
        opened = len(s.commands)
        second = sender.send(ENVELOPE, [outbound("n")], seconds=10)
        assert len(s.commands) == opened
    assert {outcome.result for outcome in [*first, *second]} == {A}
    assert Counter(s.keys) == Counter([*(f"m{number}" for number in range(40)), "n"])
    assert not any("victim" in line for commands in s.commands for line in commands)
    assert sum(verbs(commands).count("BDAT") for commands in s.commands) == 3


@pytest.mark.parametrize("code", [500, 502, 503, 504])
def test_a_chunk_that_is_not_known_is_nobodys_refusal(code: int) -> None:
    with server({"BDAT": [f"{code} 5.5.1 what?"] * 9}) as s:
        assert results(s, batch(6)) == [A] * 6
    assert s.keys == [f"m{number}" for number in range(6)]


@pytest.mark.parametrize(
    ("verb", "reply", "result"),
    [
        ("MAIL", "555 5.5.4 no such parameter", R),
        ("MAIL", "451 4.3.0 later", D),
        ("RCPT", "550 5.1.1 no such user", R),
        ("RCPT", "550-5.1.1 no\r\n550 such user", R),
        ("RCPT", "450 4.2.0 greylisted", D),
        (".", "554 5.7.1 spam", R),
        (".", "452 4.2.2 full", D),
    ],
)
@pytest.mark.parametrize("position", range(8))
def test_a_refusal_concerns_only_its_own_message(verb: str, reply: str, result: Result, position: int) -> None:
    with server({verb: [None] * position + [reply]}) as s, closing(channel(s)) as sender:
        outcomes = [*sender.send(ENVELOPE, batch(8), seconds=10), *sender.send(ENVELOPE, [outbound("n")], seconds=10)]
    refused = outcomes.pop(position)
    assert refused.result == result
    assert refused.detail == reply.replace("\r\n550", "").replace("550-", "550 ")
    assert refused.is_recipient_s == (verb == "RCPT" or reply.startswith("452"))
    assert {outcome.result for outcome in outcomes} == {A}
    assert s.keys == [outcome.key for outcome in outcomes]
    assert len(s.commands) == 1


def test_where_all_are_refused_each_has_its_answer() -> None:
    with server({"RCPT": ["550 5.1.1 no such user"] * 9}) as s:
        outcomes = channel(s).send(ENVELOPE, batch(9), seconds=10)
    assert {outcome.result for outcome in outcomes} == {R}
    assert len(s.commands) == 1


def test_a_message_refused_for_its_content_at_the_first_chunk_is_refused_alone() -> None:
    with server({"BDAT": ["552 5.3.4 too big"]}) as s:
        assert results(s, batch(3)) == [R, A, A]
    assert s.keys == ["m1", "m2"]


def test_a_sender_refused_in_the_midst_of_a_group_leaves_only_what_was_not_taken_unsent() -> None:
    with server(warm({"MAIL": [None, "550 5.7.1 no", None, "550 5.7.1 no"]})) as s:
        assert [outcome.result for outcome in sent_in_two(s)] == [A, N, A, N]
    assert s.keys[3:] == ["m0", "m2"]


def test_a_login_wanted_from_the_first_on_is_nobodys_refusal() -> None:
    script = {"MAIL": ["530 5.7.0 log in first"] * 9}
    with server(script) as s, pytest.raises(ChannelUnavailable, match="wants a login first"):
        channel(s).send(ENVELOPE, batch(4), seconds=10)
    assert s.keys == []


@pytest.mark.parametrize("ending", [TAKE_AND_DROP, DROP])
def test_a_group_that_breaks_leaves_in_doubt_what_has_no_answer_and_messages_go_one_by_one_from_then_on(
    ending: Answer,
) -> None:
    with server(warm({".": [None, ending]})) as s, closing(channel(s)) as sender:
        sender.send(ENVELOPE, [outbound(f"k{number}") for number in range(3)], seconds=10)
        outcomes = [*sender.send(ENVELOPE, batch(6), seconds=10), *sender.send(ENVELOPE, [outbound("n")], seconds=10)]
    assert [outcome.result for outcome in outcomes] == [A, U, U, U, A, A, A]
    assert "handed over, but no answer came" in outcomes[1].detail
    check(s, [outcome for outcome in outcomes if outcome.key != "n"])
    assert "BDAT" not in verbs(s.commands[1])


def test_a_refused_sender_does_not_settle_a_message_whose_recipient_was_granted() -> None:
    with server(warm({"MAIL": [None, "451 later"], "RCPT": [None, "250 ok"], ".": [None, TAKE_AND_DROP]})) as s:
        assert [outcome.result for outcome in sent_in_two(s)] == [A, U, U, U]
    assert s.keys[3:] == ["m0", "m1"]


def test_a_refusal_that_was_heard_stands_where_the_answer_to_the_octets_does_not_come() -> None:
    with server(warm({"RCPT": [None, "550 5.1.1 no such user"], ".": [None, DROP]})) as s:
        assert [outcome.result for outcome in sent_in_two(s)] == [A, R, U, U]


@pytest.mark.parametrize("verb", ["RSET", "MAIL", "RCPT"])
def test_after_a_good_bye_nothing_more_was_taken(verb: str) -> None:
    before = [None] * (1 if verb == "RSET" else 2)
    with server(warm({verb: [*before, GOOD_BYE]})) as s:
        assert [outcome.result for outcome in sent_in_two(s)] == [A, A, A, A]
    assert s.keys[3:] == ["m0", "m1", "m2", "m3"]
    assert len(s.commands) == 2


def test_a_good_bye_in_answer_to_the_octets_defers_that_message_and_the_rest_goes_out_elsewhere() -> None:
    with server(warm({".": [None, GOOD_BYE]})) as s:
        assert [outcome.result for outcome in sent_in_two(s)] == [A, D, A, A]
    assert s.keys[3:] == ["m0", "m2", "m3"]


@pytest.mark.parametrize("ending", [Answer("250 ok", drop=True), Answer("250 ok\r\n421 idle", drop=True)])
def test_a_connection_that_ends_between_two_groups_costs_nothing(ending: Answer) -> None:
    with server(warm({".": [None, None, None, ending]})) as s, closing(channel(s)) as sender:

        def see_it_end() -> None:
            while s.clients[0].fileno() >= 0:
                s.wait(0.01)

        sender.send(ENVELOPE, [outbound(f"k{number}") for number in range(3)], seconds=10)
        sender.meanwhile = see_it_end
        outcomes = sender.send(ENVELOPE, batch(8), seconds=10)
    assert [outcome.result for outcome in outcomes] == [A] * 8
    assert s.keys[3:] == [f"m{number}" for number in range(8)]


def test_a_server_that_says_good_bye_and_goes_on_is_believed_in_what_it_says_then() -> None:
    with server(warm({"RCPT": [None, "421 4.7.0 not this one"]})) as s:
        assert [outcome.result for outcome in sent_in_two(s)] == [A, D, A, A]
    assert s.keys[3:] == ["m0", "m2", "m3"]


def test_a_recipient_at_whom_the_server_takes_its_leave_is_found_and_holds_up_nobody() -> None:
    with server(warm({"RCPT": [None, GOOD_BYE, GOOD_BYE, GOOD_BYE]})) as s:
        outcomes = sent_in_two(s)
    assert [outcome.result for outcome in outcomes] == [A, D, A, A]
    assert outcomes[1].is_recipient_s
    assert s.keys[3:] == ["m0", "m2", "m3"]


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "BDAT"])
def test_the_first_over_a_connection_is_only_announced_and_goes_out_elsewhere_where_that_breaks(verb: str) -> None:
    with server({verb: [DROP]}) as s:
        assert results(s, batch(6)) == [A] * 6
    assert s.keys == [f"m{number}" for number in range(6)]


@pytest.mark.parametrize("reply", ["250 2.1.5 ok\r\n250 2.1.5 and ok", "250 ok\r\n354 go on", "nonsense"])
def test_a_server_that_loses_step_is_not_believed_from_there_on(reply: str) -> None:
    with server(warm({"RCPT": [None, reply]})) as s:
        before, *after = [outcome.result for outcome in sent_in_two(s)]
        assert after == [U, U, U]
        assert before in (A, U)  # as the replies too many come together with the others, or later


def test_a_server_that_says_more_than_it_was_asked_is_not_believed_in_anything_of_that_group() -> None:
    with server(warm({".": [None, None, None, "250 ok\r\n250 and ok"]})) as s:
        assert [outcome.result for outcome in sent_in_two(s)] == [U, U, U, U]


def test_a_server_that_takes_what_it_refused_is_not_believed_from_there_on() -> None:
    script = {"MAIL": [None, "451 later"], "RCPT": [None, "250 ok"], ".": [None, "250 ok"]}
    with server(warm(script)) as s:
        assert [outcome.result for outcome in sent_in_two(s)] == [A, U, U, U]


def test_when_time_runs_out_only_messages_without_an_answer_are_unknown() -> None:
    begun = time.monotonic()
    with server(warm({".": [None, TAKE_AND_HANG]})) as s, closing(channel(s)) as sender:
        sender.send(ENVELOPE, [outbound(f"k{number}") for number in range(3)], seconds=10)
        outcomes = sender.send(ENVELOPE, batch(6), seconds=1.5)
        assert time.monotonic() - begun < 10
    assert [outcome.result for outcome in outcomes] == [A, U, U, U, N, N]
    assert s.keys[3:] == ["m0", "m1"]


def test_a_slow_server_is_given_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group, "_SOON", 0.5)
    with server({".": [Answer("250 ok", after=0.6)] * 4}) as s:
        assert [outcome.result for outcome in channel(s).send(ENVELOPE, batch(4), seconds=30)] == [A] * 4
    assert verbs(s.commands[0]).count("RSET") == 1  # between the first and the second, before it was known


def test_messages_of_many_octets_do_not_wait_for_one_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group, "_MOST_OCTETS", 1)
    with server() as s:
        assert results(s, batch(5)) == [A] * 5
    assert verbs(s.commands[0]).count("RSET") == 1


class Breaking:
    """A connection whose second write breaks off after so many bytes; `replies` are what it answers until then."""

    pipelining, eight_bit, utf8, chunking, address = True, True, False, True, "mail.example:25"

    def __init__(self, written: float, replies: list[Reply]) -> None:
        self.at_once, self._written, self._replies = 4, written, replies
        self.data = b""

    def write(self, data: bytes) -> None:
        self.data = data
        ends = [0]
        for message in data.split(b"RSET\r\n"):
            ends.append(ends[-1] + len(message) + len(b"RSET\r\n"))
        whole = int(self._written)
        end = ends[whole] - len(b"RSET\r\n") if whole else 0
        raise Lost("it broke", written=end + round((self._written - whole) * 100))

    def reply(self) -> Reply:
        if not self._replies:
            raise Lost("it broke", is_over=True)
        return self._replies.pop(0)

    def has_said_more(self) -> bool:
        return False

    def is_stale(self) -> bool:
        return False

    def allow_until(self, deadline: float) -> None:
        pass


@pytest.mark.parametrize(
    ("written", "replies", "expected"),
    [
        (0, [], [None, None, None]),
        (0.5, [250, 250], [None, None, None]),
        (0.99, [250, 250], [None, None, None]),
        (1, [], [U, None, None]),
        (1.05, [250, 250, 250, 250, 250], [A, None, None]),
        (1.05, [250, 550], [R, None, None]),
        (2, [250, 250, 250], [A, U, None]),
        (2.3, [250, 250, 250, 250, 250, 550], [A, R, None]),
        (2.3, [250, 250, 250, 250, 250, 250, 452, 250], [A, D, None]),
    ],
)
def test_a_write_that_breaks_off_leaves_in_doubt_what_it_can_have_brought_and_no_answer_came_for(
    written: float, replies: list[int], expected: list[Result | None]
) -> None:
    ledger = Ledger(batch(3))
    connection = cast("Connection", Breaking(written, [Reply(code, "") for code in replies]))
    conversation = Conversation(
        [connection], Transactions(connection, ENVELOPE, ledger), start_by=time.monotonic() + 10, in_groups=True
    )
    with pytest.raises(Lost):
        conversation.run()
    assert [outcome and outcome.result for outcome in ledger.outcomes] == expected


def test_a_group_too_long_for_the_wire_is_cut_off_without_harm() -> None:
    """The server reads nothing after the first lines: what cannot have been written goes out elsewhere."""
    huge = f"{'<p>much</p>' * 80}\n" * 8000
    with server(warm({"MAIL": [Answer("421 bye", drop=True)]})) as s, closing(channel(s)) as sender:
        sender.send(ENVELOPE, [outbound(f"k{number}") for number in range(3)], seconds=10)
        outcomes = sender.send(ENVELOPE, [outbound(f"m{number}", html=huge) for number in range(2)], seconds=30)
    assert [outcome.result for outcome in outcomes] == [A, A]
    assert s.keys[3:] == ["m0", "m1"]


def test_what_is_to_be_done_meanwhile_is_done_once_for_each_message() -> None:
    moments: list[int] = []
    with server() as s, closing(channel(s)) as sender:
        sender.meanwhile = lambda: moments.append(len(s.mails))
        sender.send(ENVELOPE, batch(20), seconds=10)
    assert 20 <= len(moments) <= 21
    assert moments[0] < 20


def test_large_batches_go_in_groups_over_several_connections() -> None:
    with server() as s, closing(channel(s)) as sender:
        outcomes = sender.send(ENVELOPE, batch(100), seconds=10)
        assert len(s.commands) == 4
    assert [(outcome.key, outcome.result) for outcome in outcomes] == [(f"m{n}", A) for n in range(100)]
    assert Counter(s.keys) == Counter(f"m{n}" for n in range(100))
    assert all(verbs(commands).count("RSET") > 10 for commands in s.commands)


def test_the_benchmarks_sink_takes_chunks_as_it_takes_dots(tmp_path: object) -> None:
    messages = [outbound(f"m{number}", text=f".{number}\n.") for number in range(200)]
    contents = []
    for chunking in (True, False):
        with SinkProcess(spool=tmp_path / f"spool{chunking}", chunking=chunking) as sink:  # type: ignore[operator]
            sender = channel(cast("ScriptedServer", sink), connections=1)
            outcomes = sender.send(ENVELOPE, messages, seconds=30)
            sender.close()
            assert {outcome.result for outcome in outcomes} == {A}
            assert sink.received() == [Received(message.key, message.recipient) for message in messages]
            contents.append([len(content) for _, content in sink.messages()])
    assert contents[0] == contents[1]


LATE = st.just(Answer("250 ok", after=0.1))
SCRIPTS = st.fixed_dictionaries(
    {verb: st.lists(ANSWERS | LATE, max_size=12) for verb in ("MAIL", "RCPT", "BDAT", "RSET", "DATA")}
    | {".": st.lists(ENDINGS | LATE, max_size=12)}
)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(script=SCRIPTS, start=st.integers(0, 4), connections=st.sampled_from([1, 3]), knows=st.integers(0, 9))
def test_whatever_a_server_answers_no_message_arrives_twice_and_every_outcome_is_true(
    script: Script, start: int, connections: int, knows: int
) -> None:
    """After `start` messages without a mishap; one server of ten does not know BDAT."""
    outcomes: list[Outcome] = []
    with pytest.MonkeyPatch.context() as patch, server(warm(script, start), knows_bdat=knows > 0) as s:
        patch.setattr(smtp, "_EACH", 2)
        patch.setattr(smtp, "_CAREFUL", 0.0)
        patch.setattr(smtp, "_ENOUGH", 0.0)
        sender: SmtpChannel = channel(s, timeout=0.06, connections=connections)
        for begin in (0, 10, 20):
            chunk = [outbound(f"m{number}") for number in range(begin, begin + 10)]
            try:
                outcomes += sender.send(ENVELOPE, chunk, seconds=5)
            except ChannelUnavailable:
                outcomes += [Outcome(message.key, D) for message in chunk]
    assert len(outcomes) == 30
    check(s, outcomes)
