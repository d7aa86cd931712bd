"""That an account has a mailbox which mail comes back to: delivery.mailboxes looks into it from then on.

Reads    Provider
Writes   the agenda
"""

from __future__ import annotations

from django.utils import timezone

from delivery.models import Provider
from tenants import agenda
from tenants.models import Retailer

AGENDA_KIND = "mailbox"


def expect(retailer: Retailer, provider: Provider) -> None:
    """Also of one that is switched off: what it has sent comes back for days."""
    if provider.settings.get("imap_host"):
        agenda.announce(retailer, AGENDA_KIND, provider.pk, due_at=timezone.now(), is_sooner=True)


def expect_all(retailer: Retailer) -> None:
    """Those that gave up because they could not be reached are tried again."""
    for provider in Provider.objects.filter(kind="smtp"):
        expect(retailer, provider)
