"""Reading the mail server's URL."""

from __future__ import annotations

import pytest

from delivery.channels.email.settings import SmtpSettings


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://localhost", SmtpSettings("localhost", 25)),
        ("smtp://localhost:1025/", SmtpSettings("localhost", 1025)),
        ("smtp://me:pass@mail.example:2525", SmtpSettings("mail.example", 2525, "me", "pass")),
        ("smtp://me%40acme.example:p%40%3A%2F%23s@h", SmtpSettings("h", 25, "me@acme.example", "p@:/#s")),
        ("smtps://me:pass@mail.example", SmtpSettings("mail.example", 465, "me", "pass", "tls")),
        ("smtp+tls://mail.example", SmtpSettings("mail.example", 587, security="starttls")),
        ("smtp://mail.example?tls=starttls", SmtpSettings("mail.example", 587, security="starttls")),
        ("smtp://mail.example:25?tls=tls", SmtpSettings("mail.example", 25, security="tls")),
        ("smtp://[::1]:2525", SmtpSettings("::1", 2525)),
        ("smtp://h?timeout=5&connect_timeout=2.5", SmtpSettings("h", 25, timeout=5, connect_timeout=2.5)),
        ("smtp://h?connections=1", SmtpSettings("h", 25, connections=1)),
        ("smtp://h?chunking=no", SmtpSettings("h", 25, chunking=False)),
        ("smtp://h?chunking=yes", SmtpSettings("h", 25)),
    ],
)
def test_a_url_says_where_and_how(url: str, expected: SmtpSettings) -> None:
    assert SmtpSettings.from_url(url) == expected


@pytest.mark.parametrize(
    ("url", "cure"),
    [
        ("", "must begin with"),
        ("mail.example:25", "must begin with"),
        ("http://mail.example", "must begin with"),
        ("smtp://", "no host"),
        ("smtp://:25", "no host"),
        ("smtp://me:hunter2@", "no host"),
        ("smtp://mail.example:mail", "port must be a number"),
        ("smtp://mail.example:0", "port must be a number"),
        ("smtp://mail.example:70000", "port must be a number"),
        ("smtp://me:hunter2/x@mail.example", "percent-encoded"),
        ("smtp://me:hunter2#x@mail.example", "percent-encoded"),
        ("smtp://me:12#hunter2@mail.example", "percent-encoded"),
        ("smtp://me:12?hunter2@mail.example", "percent-encoded"),
        ("smtp://me:hunter2 x@mail.example", "percent-encoded"),
        ("smtp://me:hunter2[@mail.example", "IPv6"),
        ("smtp://me@mail.example", "user name and a password"),
        ("smtp://me:hünter2@mail.example", "ASCII"),
        ("smtp://[::1", "IPv6"),
        ("smtp://mail.example?tls=yes", "none, starttls or tls"),
        ("smtps://mail.example?tls=none", "agree with how it begins"),
        ("smtp://mail.example?ssl=1", "knows the options"),
        ("smtp://mail.example?timeout=soon", "number of seconds"),
        ("smtp://mail.example?timeout=0", "number of seconds"),
        *(
            (f"smtp://mail.example?connections={said}", "whole number from 1 to 16")
            for said in ("0", "17", "x", "%C2%B2", "")
        ),
        *((f"smtp://mail.example?chunking={said}", "must be yes or no") for said in ("0", "true", "Yes", "")),
    ],
)
def test_a_mistake_is_named_with_its_cure_and_without_a_piece_of_the_password(url: str, cure: str) -> None:
    with pytest.raises(ValueError, match="mail server URL") as mistake:
        SmtpSettings.from_url(url)
    assert cure in str(mistake.value)
    assert "hunter2" not in str(mistake.value)
    assert "hunter2" not in repr(mistake.value.__context__ if not mistake.value.__suppress_context__ else None)


def test_settings_never_print_their_password() -> None:
    assert "hunter2" not in repr(SmtpSettings.from_url("smtp://me:hunter2@mail.example"))
