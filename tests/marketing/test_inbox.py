"""The built-in inbox: what is answered is kept, byte for byte, and can be opened safely."""

from __future__ import annotations

import json
import os
import select
import smtplib
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from marketing.inbox import process, store

ENVELOPE = b"MAIL FROM:<bounces@acme.example>\r\nRCPT TO:<%s>\r\nDATA\r\n"
NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, process.Address]]:
    home = tmp_path_factory.mktemp("inbox")
    address = process.ensure(home)
    yield home, address
    process.stop(address.process)


@pytest.fixture
def inbox(server: tuple[Path, process.Address]) -> Iterator[store.Inbox]:
    with store.Inbox(server[0]) as opened:
        opened.clear()
        yield opened


@pytest.fixture
def smtp(server: tuple[Path, process.Address]) -> Iterator[smtplib.SMTP]:
    with smtplib.SMTP(server[1].host, server[1].port, timeout=10) as client:
        client.ehlo()
        yield client


def mail(subject: str = "Hello", *, html: str = "<p>Hello</p>", key: str = "k-1") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Acme Foods <hello@acme.example>"
    message["To"] = "Zoë <zoe@mail.example>"
    message["Subject"] = subject
    message["X-Bannerline-Message"] = key
    message.set_content("Hello in text")
    message.add_alternative(html, subtype="html")
    return message


def talk(address: process.Address, *said: bytes) -> list[bytes]:
    """All of `said` in one write, as a pipelining client would; the answers by line, after the greeting."""
    with socket.create_connection((address.host, address.port), timeout=10) as connection:
        connection.sendall(b"".join([b"EHLO test\r\n", *said, b"QUIT\r\n"]))
        return connection.makefile("rb").read().split(b"\r\n")[1:-1]


def codes(answers: list[bytes]) -> list[bytes]:
    """The answers to what came after EHLO."""
    return [answer[:3] for answer in answers if answer[3:4] == b" "][1:]


def test_ehlo_offers_pipelining_size_and_8bitmime(smtp: smtplib.SMTP) -> None:
    assert {"pipelining", "8bitmime", "size"} <= set(smtp.esmtp_features)
    assert smtp.esmtp_features["size"] == str(32 * 1024 * 1024)


def test_a_mail_is_kept_and_read_back_in_parts(smtp: smtplib.SMTP, inbox: store.Inbox) -> None:
    smtp.send_message(mail("Grüße an Zoë ✓", key="0193-abc"), from_addr="bounces@acme.example")

    (summary,) = inbox.latest(10)
    opened = inbox.get(summary.id)

    assert (summary.subject, summary.recipient) == ("Grüße an Zoë ✓", "zoe@mail.example")
    assert (summary.sender, summary.message_key) == ("Acme Foods <hello@acme.example>", "0193-abc")
    assert opened is not None
    assert (opened.subject, opened.to) == ("Grüße an Zoë ✓", "Zoë <zoe@mail.example>")
    assert (opened.text.strip(), opened.html.strip()) == ("Hello in text", "<p>Hello</p>")
    assert opened.return_path == "bounces@acme.example"
    assert ("X-Bannerline-Message", "0193-abc") in opened.headers


def test_pipelined_mails_are_each_answered_in_order_and_kept(
    server: tuple[Path, process.Address], inbox: store.Inbox
) -> None:
    envelopes = [ENVELOPE % f"p{n}@mail.example".encode() for n in range(500)]
    bodies = [f"Subject: {n}\r\n\r\n".encode() + b"a line of text\r\n" * 200 for n in range(500)]

    answers = talk(server[1], *[part + body + b".\r\n" for part, body in zip(envelopes, bodies, strict=True)])

    assert codes(answers) == [b"250", b"250", b"354", b"250"] * 500 + [b"221"]
    assert list(inbox.all_raw()) == bodies


def test_a_mail_is_visible_to_readers_before_it_is_answered(smtp: smtplib.SMTP, inbox: store.Inbox) -> None:
    for number in range(1, 30):
        smtp.send_message(mail())
        assert inbox.count() == number


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        pytest.param(b".\r\n", b"", id="an empty mail"),
        pytest.param(b"\r\n.\r\n", b"\r\n", id="an empty line"),
        pytest.param(b"a\r\n.\r\n", b"a\r\n", id="one letter"),
        pytest.param(b"ab\r\n.\r\n", b"ab\r\n", id="two letters"),
        pytest.param(b"\r\n\r\n.\r\n", b"\r\n\r\n", id="empty lines"),
        pytest.param(b"..\r\n.\r\n", b".\r\n", id="a line that is a dot"),
        pytest.param(b"S: a\r\n\r\n..\r\n...\r\n..x\r\n.\r\n", b"S: a\r\n\r\n.\r\n..\r\n.x\r\n", id="stuffed dots"),
        pytest.param(b"a.\r\nb.\r\n.\r\n", b"a.\r\nb.\r\n", id="dots at line ends"),
    ],
)
def test_bodies_around_the_terminator_are_kept_exactly(
    server: tuple[Path, process.Address], inbox: store.Inbox, sent: bytes, kept: bytes
) -> None:
    envelope = ENVELOPE % b"zoe@mail.example"

    answers = talk(server[1], envelope + sent, envelope + b"next\r\n.\r\n")

    assert codes(answers) == [b"250", b"250", b"354", b"250"] * 2 + [b"221"]
    assert list(inbox.all_raw()) == [kept, b"next\r\n"]


def test_a_mail_larger_than_what_is_read_ahead_is_kept_exactly(smtp: smtplib.SMTP, inbox: store.Inbox) -> None:
    body = b"Subject: large\r\n\r\n" + b"".join(b"line %d\r\n" % n for n in range(200_000))

    smtp.sendmail("a@acme.example", ["zoe@mail.example"], body)

    assert list(inbox.all_raw()) == [body]


def test_a_mail_over_the_size_limit_is_refused_and_the_connection_goes_on(
    smtp: smtplib.SMTP, inbox: store.Inbox
) -> None:
    smtp.mail("a@acme.example")
    smtp.rcpt("zoe@mail.example")
    refused = smtp.data(b"a line of sixteen\r\n" * 1_900_000)

    smtp.sendmail("a@acme.example", ["zoe@mail.example"], b"Subject: small\r\n\r\n")

    assert refused[0] == 552
    assert [summary.subject for summary in inbox.latest(10)] == ["small"]


def test_lines_longer_than_the_standard_allows_are_refused(smtp: smtplib.SMTP, inbox: store.Inbox) -> None:
    smtp.sendmail("a@acme.example", ["zoe@mail.example"], b"x" * 998 + b"\r\n")

    with pytest.raises(smtplib.SMTPDataError) as refusal:
        smtp.sendmail("a@acme.example", ["zoe@mail.example"], b"x" * 999 + b"\r\n")

    assert refusal.value.smtp_code == 500
    assert inbox.count() == 1


def test_each_recipient_gets_a_copy(smtp: smtplib.SMTP, inbox: store.Inbox) -> None:
    smtp.sendmail("a@acme.example", ["zoe@mail.example", '"odd name"@mail.example'], b"Subject: two\r\n\r\n")

    assert [summary.recipient for summary in inbox.latest(10)] == ['"odd name"@mail.example', "zoe@mail.example"]


def test_the_list_is_newest_first_filtered_and_paged(tmp_path: Path) -> None:
    with store.Inbox(tmp_path) as inbox:
        for number in range(5):
            sender = "hello@acme.example" if number % 2 else "hello@globex.example"
            raw = f"From: A <{sender}>\nSubject: 100% no {number}\n\nx".encode()
            inbox.add("b@x.example", [f"P{number}@mail.example"], raw, received_at=NOW)
        inbox.commit()

        assert [found.id for found in inbox.latest(2)] == [5, 4]
        assert [found.id for found in inbox.latest(2, before=4)] == [3, 2]
        assert [found.id for found in inbox.latest(9, recipient="p1@mail.example")] == [2]
        assert [found.id for found in inbox.latest(9, retailer="acme")] == [4, 2]
        assert [found.id for found in inbox.latest(9, search="0% NO 3")] == [4]
        assert inbox.latest(9, search="0_ no") == []
        assert inbox.get(99) is None


@pytest.mark.parametrize(
    ("header", "subject"),
    [
        (b"Subject: =?utf-8?q?Caf=C3=A9?=\r\n =?utf-8?b?w6k=?=\r\n", "Caféé"),
        (b"SUBJECT: folded\r\n over lines\r\n", "folded over lines"),
        (b"Subject: =?no-such-charset?q?x?=\r\n", "=?no-such-charset?q?x?="),
        ("Subject: Grüße\r\n".encode(), "Grüße"),
        (b"X-Other: 1\r\n", ""),
    ],
)
def test_subjects_are_decoded_or_shown_as_they_came(tmp_path: Path, header: bytes, subject: str) -> None:
    with store.Inbox(tmp_path) as inbox:
        inbox.add("b@x.example", ["p@mail.example"], header + b"\r\nSubject: in the body\r\n", received_at=NOW)

        assert [found.subject for found in inbox.latest(1)] == [subject]


def test_a_second_ensure_finds_the_running_server(server: tuple[Path, process.Address]) -> None:
    home, address = server

    again = process.ensure(home)

    assert again == address
    assert again.process is None
    assert process.running(home) == address


def test_an_address_file_of_another_process_is_not_believed(
    server: tuple[Path, process.Address], tmp_path: Path
) -> None:
    known = json.loads((server[0] / "inbox.json").read_text())
    (tmp_path / "inbox.json").write_text(json.dumps(known | {"pid": known["pid"] + 1}))

    assert process.running(tmp_path) is None


def test_a_restarted_server_takes_its_port_again_and_keeps_its_mails(tmp_path: Path) -> None:
    first = process.ensure(tmp_path)
    with smtplib.SMTP(first.host, first.port, timeout=10) as client:
        client.send_message(mail())
    process.stop(first.process)
    gone = process.running(tmp_path)

    second = process.ensure(tmp_path)
    process.stop(second.process)

    assert gone is None
    assert second == first
    with store.Inbox(tmp_path) as inbox:
        assert inbox.count() == 1


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
def test_the_server_leaves_with_whoever_started_it(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from marketing.inbox import process;"
        "process.ensure(Path(sys.argv[1])); print((Path(sys.argv[1]) / 'inbox.json').read_text())"
    )
    starter = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True, timeout=60
    )
    pid = json.loads(starter.stdout)["pid"]

    wait_until_gone(pid)

    assert process.running(tmp_path) is None


def wait_until_gone(pid: int) -> None:
    """Waits for the process's end; one that is gone already is fine."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        ended, _, _ = select.select([handle], [], [], 20)
    finally:
        os.close(handle)
    assert ended, "the server still runs"


def test_a_visitor_is_asked_to_sign_in(db: None) -> None:
    answer = Client(headers={"host": "localhost"}).get("/inbox/")

    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/admin/login/")


def test_staff_see_the_list_and_search_it(staff: Client, settings: Any, tmp_path: Path) -> None:
    settings.BANNERLINE_HOME = tmp_path
    with store.Inbox(tmp_path) as inbox:
        for number in range(60):
            inbox.add("b@x", [f"p{number}@mail.example"], f"Subject: No {number}\r\n\r\n".encode(), received_at=NOW)
        inbox.commit()

    first, second = staff.get("/inbox/"), staff.get("/inbox/?before=11")
    found, nothing = staff.get("/inbox/?q=p59@"), staff.get("/inbox/?q=%3Cscript%3E")

    assert (first.content.count(b"inbox-subject"), second.content.count(b"inbox-subject")) == (50, 10)
    assert b'href="?q=&amp;before=11"' in first.content
    assert b'rel="next"' not in second.content
    assert (found.content.count(b"inbox-subject"), b"No 59" in found.content) == (1, True)
    assert b"&lt;script&gt;" in nothing.content
    assert staff.get("/inbox/?before=x").status_code == 404


def test_a_hostile_mail_is_shown_inert(staff: Client, settings: Any, tmp_path: Path) -> None:
    settings.BANNERLINE_HOME = tmp_path
    hostile = mail("<script>alert(1)</script>", html='"></iframe><script>alert(2)</script>')
    with store.Inbox(tmp_path) as inbox:
        inbox.add("b@x.example", ["zoe@mail.example"], bytes(hostile), received_at=NOW)
        inbox.commit()

    page, raw = staff.get("/inbox/1/"), staff.get("/inbox/1/source/")

    assert b'sandbox="" srcdoc="&quot;&gt;&lt;/iframe&gt;&lt;script&gt;alert(2)' in page.content
    assert b"<script>alert" not in page.content
    assert raw.content == bytes(hostile)
    assert raw.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert raw.headers["X-Content-Type-Options"] == "nosniff"
    assert staff.get("/inbox/2/").status_code == 404
    assert staff.get(f"/inbox/{2**70}/").status_code == 404
