"""What every channel promises, whatever its provider does: no message is called what it is not, and none goes twice."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from delivery.channels.base import ChannelUnavailable, Result, Sought
from tests.channels.contract import (
    ENVELOPE,
    KEYED,
    KINDS_AT_A_PROVIDER,
    ONE_VALUE,
    PER_RECIPIENT,
    STATUS_ONLY,
    Trial,
    by_key,
    only,
)
from tests.channels.fake_provider import ASKED_PAUSE

SECONDS = 8.0
PROMPT = 15.0  # seconds: far from the half minute that who hangs keeps a caller waiting
HTTP = set(KINDS_AT_A_PROVIDER) - {"smtp"}
ASKED_AGAIN = {"resend", "http_sms"}  # of those that know keys, where a second copy would be seen
ONE_BY_ONE = HTTP - PER_RECIPIENT - {"postmark"}  # a message, a request, at one provider


def test_who_knows_keys_says_so(trial: Trial) -> None:
    assert bool(trial.channel.key_window) == (trial.kind in KEYED)


def test_a_batch_is_taken_once_each_with_the_provider_s_id(trial: Trial) -> None:
    batch = trial.batch(30)
    outcomes = trial.channel.send(ENVELOPE, batch, seconds=SECONDS)
    assert [outcome.key for outcome in outcomes] == [message.key for message in batch]
    assert {outcome.result for outcome in outcomes} == {Result.ACCEPTED}
    assert sorted(trial.taken()) == sorted(message.key for message in batch)
    if trial.setup.needs_body and trial.setup.is_http:
        assert [outcome.provider_id for outcome in outcomes] == [f"id-{message.key}" for message in batch]


def test_an_empty_batch_is_nothing(trial: Trial) -> None:
    assert list(trial.channel.send(ENVELOPE, [], seconds=SECONDS)) == []
    assert trial.taken() == []


def test_connections_are_kept_for_the_next_batch(trial: Trial) -> None:
    channel, opened = trial.channel, []
    for _ in range(3):
        assert by_key(channel.send(ENVELOPE, trial.batch(1), seconds=SECONDS)) == {"m0": "accepted"}
        opened.append(trial.fake.connections(trial.kind))
    assert opened == [1, 1, 1]


@pytest.mark.parametrize("treatment", ["take and drop", "take and hang"])
def test_taken_without_an_answer_is_unknown_or_asked_for_by_its_key(trial: Trial, treatment: str) -> None:
    trial.fake.behave(m2=treatment)
    channel = trial.channel
    outcomes = by_key(channel.send(ENVELOPE, trial.batch(), seconds=SECONDS))
    assert outcomes["m2"] == ("accepted" if channel.key_window else "unknown")
    assert set(outcomes.values()) <= {"accepted", "unknown", "unsent"}
    handed = [key for key, result in outcomes.items() if result != "unsent"]
    assert sorted(trial.taken()) == sorted(handed)  # each once: nothing was sent again without a key


def test_where_nobody_listens_nothing_was_handed_over(trial: Trial) -> None:
    port = {"port": 1} if trial.kind == "smtp" else {}
    url = {"url": "http://127.0.0.1:1/x"} if "url" in trial.setup.settings else {}
    base = {"base_url": "http://127.0.0.1:1"} if "base_url" in trial.setup.settings else {}
    batch = trial.batch()
    if not trial.setup.is_one:
        recipients = [message.recipient.replace(str(trial.fake.http), "1") for message in batch]
        batch = [type(m)(m.key, recipient, content=m.content) for m, recipient in zip(batch, recipients, strict=True)]
        outcomes = trial.channel.send(ENVELOPE, batch, seconds=SECONDS)
        assert {outcome.result for outcome in outcomes} == {Result.DEFERRED}
        return
    with pytest.raises(ChannelUnavailable) as refused:
        trial.make(settings=port | url | base).send(ENVELOPE, batch, seconds=SECONDS)
    assert not refused.value.permanent
    assert trial.taken() == []


def test_a_failure_of_one_message_is_tried_later_or_unknown_and_never_accepted(trial: Trial) -> None:
    trial.fake.behave(m1="fail")
    outcomes = by_key(trial.channel.send(ENVELOPE, trial.batch(), seconds=SECONDS))
    taken = trial.taken()
    if trial.kind in ASKED_AGAIN:
        assert outcomes["m1"] == "accepted"  # by its key, at once
    else:
        assert outcomes["m1"] in ("deferred", "unknown")
        assert "m1" not in taken
    assert sorted(taken) == sorted(key for key, result in outcomes.items() if result == "accepted")


def test_who_only_fails_is_left_alone_with_the_rest_of_a_batch(trial: Trial) -> None:
    trial.fake.behave(everybody="fail")
    batch = trial.batch(40)
    outcomes = by_key(trial.channel.send(ENVELOPE, batch, seconds=SECONDS))
    assert set(outcomes.values()) <= {"deferred", "unknown", "unsent"}
    assert set(outcomes.values()) & {"deferred", "unknown"}
    assert trial.taken() == []
    if trial.setup.is_http and trial.setup.is_one:
        assert trial.fake.calls() <= 2 * (3 + 8)  # three in a row, and what was under way


def test_asked_to_wait_it_says_for_how_long_and_nothing_is_lost(trial: Trial) -> None:
    trial.fake.behave(everybody="busy")
    if not trial.setup.is_one:
        outcomes = trial.channel.send(ENVELOPE, trial.batch(), seconds=SECONDS)
        assert {(outcome.result, outcome.retry_after) for outcome in outcomes} == {(Result.DEFERRED, ASKED_PAUSE)}
        return
    with pytest.raises(ChannelUnavailable) as refused:
        trial.channel.send(ENVELOPE, trial.batch(), seconds=SECONDS)
    assert refused.value.retry_after == (ASKED_PAUSE if trial.setup.is_http else None)
    assert not refused.value.permanent
    assert trial.taken() == []


@only(*ONE_BY_ONE)
def test_asked_to_wait_in_the_middle_the_rest_was_not_handed_over(trial: Trial) -> None:
    trial.fake.behave(m20="busy")
    outcomes = trial.channel.send(ENVELOPE, trial.batch(60), seconds=SECONDS)
    rest = [outcome for outcome in outcomes if outcome.result != Result.ACCEPTED]
    assert {(outcome.result, outcome.retry_after) for outcome in rest} == {(Result.UNSENT, ASKED_PAUSE)}
    assert "m20" in {outcome.key for outcome in rest}
    assert sorted(trial.taken()) == sorted(outcome.key for outcome in outcomes if outcome.result == Result.ACCEPTED)


def test_half_a_batch_refused_is_told_message_by_message(trial: Trial) -> None:
    trial.fake.behave(m1="refuse", m3="refuse", m5="refuse")
    outcomes = by_key(trial.channel.send(ENVELOPE, trial.batch(), seconds=SECONDS))
    assert outcomes == {f"m{number}": "rejected" if number % 2 else "accepted" for number in range(6)}
    assert sorted(trial.taken()) == ["m0", "m2", "m4"]


def test_an_answer_that_breaks_off_is_no_acceptance(trial: Trial) -> None:
    is_no_acceptance(trial, "truncate")


@only(*set(KINDS_AT_A_PROVIDER) - STATUS_ONLY)
def test_an_answer_of_something_else_is_no_acceptance(trial: Trial) -> None:
    is_no_acceptance(trial, "html")


def is_no_acceptance(trial: Trial, treatment: str) -> None:
    trial.fake.behave(everybody=treatment)
    outcomes = by_key(trial.channel.send(ENVELOPE, trial.batch(3), seconds=SECONDS))
    assert set(outcomes.values()) <= {"unknown", "unsent"}
    assert "unknown" in outcomes.values()


def test_refused_credentials_are_a_person_s_to_correct(trial: Trial) -> None:
    trial.fake.behave(everybody="deny")
    with pytest.raises(ChannelUnavailable) as refused:
        trial.channel.send(ENVELOPE, trial.batch(), seconds=SECONDS)
    assert refused.value.permanent
    assert trial.taken() == []


@only(*HTTP - PER_RECIPIENT)
@pytest.mark.parametrize("status", [402, 404, 405])
def test_what_is_about_the_account_refuses_no_message(trial: Trial, status: int) -> None:
    trial.fake.behave(everybody=f"say {status} {{}}")
    with pytest.raises(ChannelUnavailable) as refused:
        trial.channel.send(ENVELOPE, trial.batch(), seconds=SECONDS)
    assert refused.value.permanent


@pytest.mark.parametrize(
    ("trial", "said", "is_permanent"),
    [
        ("twilio", '400 {"code": 21606, "message": "The From phone number is not valid"}', True),
        ("twilio", '400 {"code": 21212, "message": "Invalid From"}', True),
        ("ses", '400 {"__type": "ThrottlingException"}', False),
        ("ses", '400 {"__type": "LimitExceededException"}', False),
        ("ses", '400 {"__type": "RequestExpired"}', False),
        ("fcm", '401 {"error": {"details": [{"errorCode": "THIRD_PARTY_AUTH_ERROR"}]}}', True),
    ],
    indirect=["trial"],
)
def test_what_a_provider_says_of_the_account_in_words_refuses_no_message(
    trial: Trial, said: str, is_permanent: bool
) -> None:
    trial.fake.behave(everybody=f"say {said}")
    with pytest.raises(ChannelUnavailable) as refused:
        trial.channel.send(ENVELOPE, trial.batch(), seconds=SECONDS)
    assert refused.value.permanent is is_permanent


@only(*HTTP - {"fcm", "webpush", "webhook"})
@pytest.mark.parametrize("status", [408, 500, 503, 507])
def test_after_an_error_of_its_own_the_provider_may_have_sent_it(trial: Trial, status: int) -> None:
    """Whoever tried again, here or at another provider, might send it twice."""
    trial.fake.behave(everybody=f"say {status} {{}}")
    outcomes = by_key(trial.channel.send(ENVELOPE, trial.batch(), seconds=SECONDS))
    assert set(outcomes.values()) <= {"unknown", "unsent"}
    assert "unknown" in outcomes.values()


@only("fcm", "webpush", "webhook")
@pytest.mark.parametrize("status", [408, 500])
def test_where_a_second_copy_is_shown_once_it_is_tried_again(trial: Trial, status: int) -> None:
    trial.fake.behave(everybody=f"say {status} {{}}")
    outcomes = by_key(trial.channel.send(ENVELOPE, trial.batch(2), seconds=SECONDS))
    assert set(outcomes.values()) == {"deferred"}


@only("webpush")
@pytest.mark.parametrize("said", ["401 unauthorised", "403 forbidden"])
def test_a_browser_that_alone_refuses_the_key_subscribed_with_another(trial: Trial, said: str) -> None:
    channel = trial.channel  # which remembers who took something by its key
    assert by_key(channel.send(ENVELOPE, trial.batch(2), seconds=SECONDS)) == {"m0": "accepted", "m1": "accepted"}
    trial.fake.behave(m1=f"say {said}")
    assert by_key(channel.send(ENVELOPE, trial.batch(2), seconds=SECONDS)) == {"m0": "accepted", "m1": "rejected"}


@only("webpush")
def test_a_browser_of_another_key_is_told_from_a_key_that_is_wrong(trial: Trial) -> None:
    words = "403 the VAPID credentials do not correspond to the credentials used to create the subscriptions"
    trial.fake.behave(everybody=f"say {words}")
    assert set(by_key(trial.channel.send(ENVELOPE, trial.batch(2), seconds=SECONDS)).values()) == {"rejected"}


@only("mailgun", "postmark")
def test_what_got_no_answer_is_found_by_asking(trial: Trial) -> None:
    trial.fake.behave(m1="take and drop", m2="refuse")
    batch = trial.batch(3)
    trial.channel.send(ENVELOPE, batch[:1], seconds=SECONDS)
    trial.channel.send(ENVELOPE, batch[1:2], seconds=SECONDS)
    trial.channel.send(ENVELOPE, batch[2:], seconds=SECONDS)
    sought = [Sought(message.key, message.recipient, datetime.now(UTC)) for message in batch]
    found = {each.key: (each.result.value, each.provider_id) for each in trial.channel.look_up(sought, seconds=SECONDS)}
    assert found == {"m0": ("accepted", "id-m0"), "m1": ("accepted", "id-m1")}


@only("mailgun", "postmark")
@pytest.mark.parametrize("said", ["html", "truncate", "say 200 {}", "say 200 []", "say 404 {}"])
def test_an_answer_that_cannot_be_read_finds_nothing(trial: Trial, said: str) -> None:
    trial.channel.send(ENVELOPE, trial.batch(1), seconds=SECONDS)
    trial.fake.behave(asked=said)
    message = trial.batch(1)[0]
    sought = [Sought(message.key, message.recipient, datetime.now(UTC))]
    try:
        assert trial.channel.look_up(sought, seconds=SECONDS) == []
    except ChannelUnavailable:
        assert said == "say 404 {}"


@only("fcm", "webpush")
def test_a_device_that_is_gone_is_told_from_a_message_that_is_refused(trial: Trial) -> None:
    trial.fake.behave(m1="refuse", m2='say 400 {"error": {"details": [{"errorCode": "INVALID_ARGUMENT"}]}}')
    outcomes = trial.channel.send(ENVELOPE, trial.batch(3), seconds=SECONDS)
    assert by_key(outcomes) == {"m0": "accepted", "m1": "rejected", "m2": "rejected"}
    assert [outcome.key for outcome in outcomes if outcome.is_gone] == ["m1"]


@only("fcm")
def test_waiting_for_access_is_within_the_time_allowed(trial: Trial) -> None:
    trial.fake.behave(everybody="slow token")
    channel, begun = trial.make(timeout=60.0), time.monotonic()
    with pytest.raises(ChannelUnavailable):
        channel.send(ENVELOPE, trial.batch(), seconds=1.0)
    assert time.monotonic() - begun < PROMPT
    assert trial.taken() == []


@only(*HTTP - PER_RECIPIENT)
def test_a_redirect_is_not_followed(trial: Trial) -> None:
    trial.fake.behave(everybody="elsewhere")
    with pytest.raises(ChannelUnavailable, match="correct its URL"):
        trial.channel.send(ENVELOPE, trial.batch(), seconds=SECONDS)


@only(*KEYED)
def test_sent_again_with_its_key_it_is_there_once(trial: Trial) -> None:
    channel = trial.channel
    for _ in range(2):
        assert set(by_key(channel.send(ENVELOPE, trial.batch(), seconds=SECONDS)).values()) == {"accepted"}
    assert len(trial.taken()) == 6


@only(*set(KINDS_AT_A_PROVIDER) - ONE_VALUE)
def test_a_recipient_of_two_lines_is_refused_and_stops_nobody(trial: Trial) -> None:
    bad, *others = trial.batch(3)
    broken = replace(bad, recipient=bad.recipient + "\r\nBcc: c@d.example")
    outcomes = by_key(trial.channel.send(ENVELOPE, [broken, *others], seconds=SECONDS))
    assert outcomes == {"m0": "rejected", "m1": "accepted", "m2": "accepted"}
    assert sorted(trial.taken()) == ["m1", "m2"]


@only(*ONE_VALUE, *PER_RECIPIENT)
def test_a_message_without_content_of_its_channel_is_refused_and_stops_nobody(trial: Trial) -> None:
    bad, *others = trial.batch(3)
    outcomes = by_key(trial.channel.send(ENVELOPE, [replace(bad, content=None), *others], seconds=SECONDS))
    assert outcomes == {"m0": "rejected", "m1": "accepted", "m2": "accepted"}
    assert sorted(trial.taken()) == ["m1", "m2"]


def test_the_time_allowed_is_kept(trial: Trial) -> None:
    keeps_the_time_allowed(trial, timeout=60.0)


@only("sendgrid")
def test_no_request_begins_that_could_not_be_answered_in_the_time_allowed(trial: Trial) -> None:
    keeps_the_time_allowed(trial, timeout=1.0, size=400)  # fifty rounds, and no time for a fourth


def keeps_the_time_allowed(trial: Trial, *, timeout: float, size: int = 60) -> None:
    trial.fake.behave(everybody="take and hang")
    channel, batch, begun = trial.make(timeout=timeout), trial.batch(size), time.monotonic()
    outcomes = by_key(channel.send(ENVELOPE, batch, seconds=3.0))
    assert time.monotonic() - begun < PROMPT
    unknown = [key for key, result in outcomes.items() if result == "unknown"]
    assert unknown
    assert set(trial.taken()) == set(unknown)
    assert set(outcomes.values()) <= {"unknown", "unsent"}


@only("smtp")
@pytest.mark.parametrize(
    "treatment", ["take and drop", "take and hang", "fail", "html", "truncate", "refuse", "accept"]
)
def test_a_server_that_takes_several_at_once_has_what_is_accepted_and_perhaps_what_is_unknown(
    trial: Trial, treatment: str
) -> None:
    trial.fake.behave(m4=treatment)
    channel, batch = trial.make(settings={"port": trial.fake.chunking}), trial.batch(10)
    outcomes = by_key(channel.send(ENVELOPE, batch, seconds=SECONDS))
    expected = {"fail": "deferred", "refuse": "rejected", "accept": "accepted"}.get(treatment, "unknown")
    assert outcomes["m4"] == expected
    unknown = {key for key, result in outcomes.items() if result == "unknown"}
    assert unknown <= {"m4", "m5", "m6", "m7"}
    accepted = {key for key, result in outcomes.items() if result == "accepted"}
    taken = trial.taken()
    assert len(set(taken)) == len(taken)
    assert accepted <= set(taken) <= accepted | unknown


def test_a_check_reaches_the_provider_and_sends_nothing(trial: Trial) -> None:
    trial.channel.check()
    assert trial.taken() == []


def test_nobody_is_called_inside_the_network_where_that_is_not_allowed(trial: Trial) -> None:
    channel = trial.make(allow_private=False)
    if not trial.setup.is_one:
        assert set(by_key(channel.send(ENVELOPE, trial.batch(), seconds=SECONDS)).values()) == {"rejected"}
    else:
        with pytest.raises(ChannelUnavailable) as refused:
            channel.send(ENVELOPE, trial.batch(), seconds=SECONDS)
        assert refused.value.permanent
    assert trial.taken() == []
