from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from tenants import provisioning
from tenants.management.retailer_command import RetailerCommand
from tenants.models import Retailer


class Command(RetailerCommand):
    help = "Suspend a retailer: its console and API answer 503 and nothing more is handed over for it."
    acts_on_inactive = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--reason", default="")

    def act(self, retailer: Retailer, **options: Any) -> None:
        provisioning.suspend(retailer, reason=options["reason"])
        self.stdout.write(
            f"Suspended {retailer.slug}. Its queued messages wait; resume_retailer {retailer.slug} goes on."
        )
