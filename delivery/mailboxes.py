"""The mailboxes that retailers' mail comes back to: looked into every minute, what is in them kept as posts are.

Reads    Provider, a mailbox by IMAP
Writes   RawSignal, through delivery.receiving
Promise  a mail is marked as read only once it is kept; one that is found twice is told once
"""

from __future__ import annotations

from datetime import datetime, timedelta

from delivery import receiving
from delivery.channels.email import mailbox, returned
from delivery.channels.email.mailbox import Mail, Mailbox, MailboxSettings
from delivery.channels.email.smtp import SmtpChannel
from delivery.models import Provider
from delivery.providers import opened
from tenants.models import Retailer

EVERY = timedelta(minutes=1)
MOST_BYTES = 4 * 1024 * 1024  # of mails kept at a time


def advance(provider_id: int, retailer: Retailer, *, now: datetime) -> datetime | None:
    """One look into an account's mailbox. When the next is due; None for an account that has none any more. Raises
    ChannelUnavailable.
    """
    provider = Provider.objects.filter(pk=provider_id).first()
    known = settings_of(retailer, provider) if provider else None
    if provider is None or known is None:
        return None
    with mailbox.opened(known) as box:
        found = _some(box)
        receiving.receive_mails(retailer, [returned.request_of(mail.content) for mail in found], provider)
        box.take(found)
    return now if found else now + EVERY


def settings_of(retailer: Retailer, provider: Provider) -> MailboxSettings | None:
    """Of an account that has a mailbox. Raises ChannelUnavailable when what is stored cannot be read."""
    channel = opened.channel(retailer, provider)
    return channel.mailbox if isinstance(channel, SmtpChannel) else None


def _some(box: Mailbox) -> list[Mail]:
    found: list[Mail] = []
    size = 0
    for mail in box.unread():
        found.append(mail)
        size += len(mail.content)
        if size > MOST_BYTES:
            break
    return found
