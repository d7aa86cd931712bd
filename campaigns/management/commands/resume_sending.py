from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError

from campaigns import configuration
from campaigns.management.sending_command import SendingCommand
from campaigns.models import Campaign
from tenants import bell, stops
from tenants.models import Retailer


class Command(SendingCommand):
    help = "Lift an emergency stop: what was queued goes on. It says so where another stop still stands."

    def of_platform(self, **options: Any) -> None:
        self._lift(None, "the platform")

    def of_retailer(self, retailer: Retailer, **options: Any) -> None:
        self._lift(retailer, retailer.slug)
        standing = stops.standing(retailer)
        if standing:
            raise CommandError(
                f"But the whole platform stands stopped by {standing.by}: {standing.reason}. "
                f"Nothing of {retailer.slug} goes on before: resume_sending --all"
            )

    def of_campaign(self, retailer: Retailer, campaign: Campaign, **options: Any) -> None:
        configuration.go_on(campaign)
        bell.ring()
        self.stdout.write(f"{campaign.key} of {retailer.slug} goes on: it is {campaign.get_state_display()}.")

    def _lift(self, retailer: Retailer | None, whose: str) -> None:
        was_stopped = stops.lift(retailer)
        bell.ring()
        self.stdout.write(
            f"The stop of {whose} is lifted." if was_stopped else f"Nothing to lift: {whose} was not stopped."
        )
