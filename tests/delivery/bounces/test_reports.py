"""What comes back is read as it was meant: for good, for now, later, a complaint, or nothing that we know."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.channels.email import reports
from delivery.channels.email.reports import Report
from delivery.channels.signals import SignalKind, Unreadable
from tests.delivery.bounces import mails

TO = "b-x@bounces.acme.example"
BOUNCE, UNKNOWN = SignalKind.BOUNCE, SignalKind.UNKNOWN


def read(mail: bytes) -> Report:
    return reports.read(mail, lambda address: address.lower() == "c1@example.test")


@pytest.mark.parametrize(
    ("action", "status", "reason", "kind", "is_hard"),
    [
        ("failed", "5.1.1", "550 5.1.1 user unknown", BOUNCE, True),
        ("failed", "5.1.2", "554 5.1.2 bad destination system", BOUNCE, True),
        ("failed", "5.1.10", "556 5.1.10 takes no mail", BOUNCE, True),
        ("failed", "5.2.1", "550 5.2.1 disabled", BOUNCE, True),
        ("failed", "5.4.4", "X-Postfix; Host or domain name not found", BOUNCE, True),
        ("failed", "5.0.0", "550 5.1.1 no such user", BOUNCE, True),  # the server knew more than who reports
        ("failed", "5.0.0", "550 No such user here", BOUNCE, True),
        ("failed", "", "550 <c1@example.test>... User unknown", BOUNCE, True),
        ("failed", "5.2.2", "552 5.2.2 mailbox full", BOUNCE, False),
        ("failed", "5.7.1", "550 5.7.1 listed as spam: 550 5.1.1", BOUNCE, False),
        ("failed", "5.7.1", "550 5.7.1 user unknown to the policy", BOUNCE, False),
        ("failed", "5.0.0", "550 refused", BOUNCE, False),
        ("failed", "4.4.7", "delivery time expired", BOUNCE, False),
        ("failed", "4.4.1", "connect to 5.1.1.1: timed out", BOUNCE, False),
        ("failed", "", "", BOUNCE, False),
        ("Failed (permanently)", "5.1.1 (bad address)", "smtp", BOUNCE, True),
        ("delayed", "4.4.1", "450 4.4.1 no answer", UNKNOWN, False),
        ("relayed", "2.0.0", "250 ok", UNKNOWN, False),
        ("expanded", "2.0.0", "250 ok", UNKNOWN, False),
        ("delivered", "2.0.0", "250 ok", SignalKind.DELIVERED, False),
        ("eaten", "5.1.1", "550 5.1.1 no", UNKNOWN, False),
        ("", "5.1.1", "550 5.1.1 no", BOUNCE, True),
        ("", "4.2.0", "450 4.2.0 later", UNKNOWN, False),
        ("", "", "", UNKNOWN, False),
    ],
)
def test_a_delivery_report(action: str, status: str, reason: str, kind: SignalKind, is_hard: bool) -> None:
    told = read(mails.report(TO, action=action, status=status, reason=reason))
    assert (told.kind, told.is_hard) == (kind, is_hard)


def test_a_report_says_what_and_when_and_who() -> None:
    told = read(mails.report(TO))
    assert told.raw == "failed 5.1.1"
    assert told.detail == mails.REASON
    assert told.recipient == "c1@example.test"
    assert told.at is not None
    assert told.at.isoformat() == "2026-11-20T10:00:00+00:00"


def test_an_address_it_was_led_on_to_is_not_the_one_that_was_written_to() -> None:
    told = read(mails.report(TO, recipient="elsewhere@other.example"))
    assert (told.is_hard, told.recipient) == (True, "c1@example.test")  # which the mail that it returns was to
    told = read(mails.report(TO, recipient="victim@other.example", returned_to="victim@other.example"))
    assert (told.is_hard, told.recipient) == (True, "")


def test_of_a_list_s_many_recipients_ours_counts() -> None:
    other = "250 ok\r\n\r\nFinal-Recipient: rfc822; other@example.test\r\nAction: failed\r\nStatus: 5.1.1\r\n"
    one = mails.report(TO, action="delivered", status="2.0.0", reason="250 ok").decode()
    both = one.replace("250 ok\r\n", other)
    assert read(both.encode()).kind == SignalKind.DELIVERED
    assert read(both.replace("c1@example.test", "list@example.test").encode()).kind == UNKNOWN


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("abuse", SignalKind.COMPLAINT),
        ("fraud", SignalKind.COMPLAINT),
        ("opt-out", SignalKind.UNSUBSCRIBE),
        ("not-spam", UNKNOWN),
        ("auth-failure", UNKNOWN),
        ("", UNKNOWN),
    ],
)
def test_a_complaint(kind: str, expected: SignalKind) -> None:
    told = read(mails.complaint(TO, kind=kind))
    assert (told.kind, told.is_hard, told.recipient) == (expected, False, "c1@example.test")


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"Auto_Submitted": ""},
        {"Auto_Submitted": "", "Subject": "Automatische Antwort: Hello"},
        {"Auto_Submitted": "", "Subject": "Hello", "X_Autoreply": "yes"},
        {"Auto_Submitted": "", "Subject": "Hello", "Precedence": "auto_reply"},
        {"Subject": "Delivery failed"},
    ],
)
def test_an_automatic_reply_is_no_bounce(fields: dict[str, str]) -> None:
    assert read(mails.away(TO, **fields)) == Report(UNKNOWN, "automatic reply")


def test_what_is_returned_of_our_own_says_nothing_of_the_address() -> None:
    ours = "Return-Path: <x@y.example>\nSubject: Version 5.1.1 is here\n\n550 5.1.1 reasons: user unknown"
    for between in ("", "------ This is a copy of the message. ------\n\n"):
        told = read(mails.old(TO, mails.EXIM.format(said="550 refused") + "\n" + between + ours))
        assert (told.raw, told.is_hard, told.detail.endswith("550 refused")) == ("failed", False, True)


def test_somebody_s_own_words_are_no_bounce() -> None:
    mail = mails.away(TO, Auto_Submitted="", Subject="Re: Hello")
    assert read(mail) == Report(UNKNOWN, "mail")


@pytest.mark.parametrize(
    ("body", "kind", "raw", "is_hard"),
    [
        (mails.QMAIL.format(said="550 5.1.1 no mailbox here by that name"), BOUNCE, "failed 5.1.1", True),
        (mails.QMAIL.format(said="552 5.2.2 mailbox full"), BOUNCE, "failed 5.2.2", False),
        (mails.QMAIL.format(said="I like it not"), BOUNCE, "failed", False),
        (mails.EXIM.format(said="550 No such user here"), BOUNCE, "failed", True),
        (mails.EXIM.format(said="550 rejected because of its content"), BOUNCE, "failed", False),
        ("c1@example.test: 550 5.1.1 unknown", BOUNCE, "failed 5.1.1", True),
        ("Your message is still in the queue: 451 4.4.1 later", UNKNOWN, "mail", False),
        ("Hello from the operator.", UNKNOWN, "mail", False),
    ],
)
def test_a_bounce_of_an_older_form(body: str, kind: SignalKind, raw: str, is_hard: bool) -> None:
    told = read(mails.old(TO, body))
    assert (told.kind, told.raw, told.is_hard) == (kind, raw, is_hard)


KNOWN = [
    mails.report(TO),
    mails.complaint(TO),
    mails.away(TO),
    mails.old(TO, mails.QMAIL),
    mails.old(TO, mails.EXIM),
]


@pytest.mark.parametrize("mail", KNOWN)
def test_half_a_mail_is_read_as_far_as_it_goes(mail: bytes) -> None:
    for end in range(0, len(mail), 7):
        read(mail[:end])


_FIELDS = st.sampled_from(
    b"From: MAILER-DAEMON|To: x|Content-Type: multipart/report; boundary=b|Content-Type: message/delivery-status|"
    b"Content-Type: message/rfc822|Content-Type: message/feedback-report|Content-Transfer-Encoding: base64|"
    b"Content-Transfer-Encoding: x-uuencode|Content-Type: text/plain; charset=none|Action: failed|Status: 5.1.1|"
    b"Final-Recipient: rfc822; a@b|Diagnostic-Code: smtp; 550|Feedback-Type: abuse|Date: Mon, 99 Nov 99999 99:99|"
    b"Subject: =?utf-8?b?//8=?=|Original-Rcpt-To: <|X-Failed-Recipients: a@b,<,(|--b|--b--||<c1@example.test>:|"
    b"This message was created automatically by mail delivery software.".split(b"|")
)


@given(lines=st.lists(_FIELDS | st.binary(max_size=30), max_size=40), end=st.sampled_from([b"\n", b"\r\n", b"\r"]))
def test_whatever_comes_is_read_or_called_unreadable(lines: list[bytes], end: bytes) -> None:
    try:
        told = read(end.join(lines))
    except Unreadable:
        return
    assert isinstance(told, Report)


@given(
    mail=st.sampled_from(KNOWN),
    changes=st.lists(st.tuples(st.integers(0, 2_000), st.binary(max_size=6)), max_size=12),
)
def test_a_mail_that_was_damaged_is_read_or_called_unreadable(mail: bytes, changes: list[tuple[int, bytes]]) -> None:
    for at, put in changes:
        mail = mail[:at] + put + mail[at + len(put) :]
    try:
        told = read(mail)
    except Unreadable:
        return
    assert isinstance(told, Report)


def test_a_mail_made_to_cost_much_costs_little() -> None:
    nested = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(2_000))
    with pytest.raises(Unreadable, match="multiparts"):
        read(nested)
    assert read(b"From: MAILER-DAEMON\r\n\r\n" + b"<" * 200_000).kind == UNKNOWN
    assert read(mails.report(TO, recipient="(" * 5_000, returned_to="(" * 5_000)).recipient == ""
    with pytest.raises(Unreadable, match="RecursionError"):
        read(b"Content-Type: message/rfc822\r\n\r\n" * 9_000)
