from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from campaigns import configuration
from campaigns.management.sending_command import SendingCommand
from campaigns.models import Campaign
from tenants import stops
from tenants.models import Retailer, Stop


class Command(SendingCommand):
    help = "Emergency stop: nothing more is started or handed over, for a retailer, one of its campaigns, or everybody."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--reason", required=True, help="why, for those who will ask")

    def of_platform(self, **options: Any) -> None:
        self._tell(stops.stop(None, reason=options["reason"]), "All sending of the platform", "--all")

    def of_retailer(self, retailer: Retailer, **options: Any) -> None:
        self._tell(stops.stop(retailer, reason=options["reason"]), f"All sending of {retailer.slug}", retailer.slug)

    def of_campaign(self, retailer: Retailer, campaign: Campaign, **options: Any) -> None:
        configuration.stop(campaign, reason=options["reason"])
        self.stdout.write(
            f"Stopped {campaign.key} of {retailer.slug}: {options['reason']}. What was queued waits; "
            f"resume_sending {retailer.slug} --campaign {campaign.key} goes on."
        )

    def _tell(self, stop: Stop, whose: str, cure: str) -> None:
        self.stdout.write(
            f"{whose} stands stopped by {stop.by}: {stop.reason}. What was queued waits; resume_sending {cure} goes on."
        )
