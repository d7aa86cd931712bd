"""Mails that come back, as mail servers and mailbox providers write them."""

from __future__ import annotations

REASON = "550 5.1.1 <c1@example.test>: Recipient address rejected: User unknown"


def report(
    to: str,
    *,
    action: str = "failed",
    status: str = "5.1.1",
    reason: str = REASON,
    recipient: str = "c1@example.test",
    returned_to: str = "c1@example.test",
) -> bytes:
    """A delivery report, as Postfix writes one."""
    return f"""Return-Path: <>
Date: Fri, 20 Nov 2026 10:00:00 +0000
From: MAILER-DAEMON@relay.example (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: {to}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b1"
Message-Id: <1@relay.example>

--b1
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

This is the mail system at host relay.example.

--b1
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.example
Arrival-Date: Fri, 20 Nov 2026 09:59:59 +0000

Final-Recipient: rfc822; {recipient}
Action: {action}
Status: {status}
Remote-MTA: dns; mx.example.test
Diagnostic-Code: smtp; {reason}

--b1
Content-Description: Undelivered Message
Content-Type: message/rfc822

From: Acme <news@acme.example>
To: {returned_to}
Subject: Hello
Content-Type: text/plain

Hello

--b1--
""".replace("\n", "\r\n").encode()


def complaint(return_path: str, *, kind: str = "abuse", to: str = "fbl@acme.example") -> bytes:
    """A feedback report (RFC 5965): it goes to an address of its own, and holds the mail that it is about."""
    return f"""From: <feedback@mailbox.example>
Date: Fri, 20 Nov 2026 10:00:00 +0000
Subject: FW: Hello
To: <{to}>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b1"

--b1
Content-Type: text/plain

This is an email abuse report.

--b1
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: Mailbox-Feedback/1.0
Version: 1
Original-Mail-From: <{return_path}>

--b1
Content-Type: message/rfc822

Return-Path: <{return_path}>
From: Acme <news@acme.example>
To: c1@example.test
Subject: Hello

Hello
--b1--
""".replace("\n", "\r\n").encode()


def away(to: str, **fields: str) -> bytes:
    """What somebody's mail program writes who is on holiday: to the return path, as RFC 3834 asks."""
    said = {"Subject": "Out of office: Hello", "Auto-Submitted": "auto-replied"} | {
        name.replace("_", "-"): value for name, value in fields.items()
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in said.items() if value)
    return f"From: Ana <c1@example.test>\r\nTo: <{to}>\r\n{head}\r\nI am back on 550 5.1.1 Street in May.\r\n".encode()


def old(to: str, body: str, sender: str = "MAILER-DAEMON@old.example") -> bytes:
    """A bounce from before there were reports."""
    text = body.replace("\n", "\r\n")
    return f"From: {sender}\r\nTo: {to}\r\nSubject: failure notice\r\n\r\n{text}\r\n".encode()


QMAIL = """Hi. This is the qmail-send program at old.example.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<c1@example.test>:
192.0.2.1 does not like recipient.
Remote host said: {said}
Giving up on 192.0.2.1.

--- Below this line is a copy of the message.
"""
EXIM = """This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  c1@example.test
    SMTP error from remote mail server after RCPT TO:<c1@example.test>:
    host mx.example.test [192.0.2.1]: {said}
"""
