"""After SECRET_KEY changed: seal every provider's credentials under the new one, so that the old can be forgotten."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from delivery.providers import accounts
from tenants import context, sealing
from tenants.models import Retailer


class Command(BaseCommand):
    help = "Seal all providers' credentials under the SECRET_KEY of now. The former stands in SECRET_KEY_FALLBACKS."

    def handle(self, *args: Any, **options: Any) -> None:
        number, unreadable = 0, []
        for retailer in Retailer.objects.exclude(status=Retailer.Status.PROVISIONING).order_by("slug"):
            with context.in_retailer(retailer):
                try:
                    number += accounts.reseal()
                except sealing.CannotUnseal as error:
                    unreadable.append(retailer.slug)
                    self.stderr.write(f"{retailer.slug}: {error}")
        self.stdout.write(f"Sealed {number} accounts anew.")
        if unreadable:
            raise CommandError(f"Left as they were: {', '.join(unreadable)}.")
