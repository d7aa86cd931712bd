from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from campaigns import suppressions
from campaigns.management.suppression_command import SuppressionCommand
from campaigns.models import Suppression
from campaigns.suppressions import Addresses
from campaigns.suppressions.platform import Told
from tenants import acting
from tenants.models import PlatformSuppression


class Command(SuppressionCommand):
    help = "Suppress addresses: nothing more is sent to them, by one retailer or by any of the platform."
    done = "added"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--reason", choices=Suppression.Reason.values, help="default manual; with --platform, legal"
        )

    def of_retailer(self, addresses: Addresses, **options: Any) -> int:
        reason = options["reason"] or Suppression.Reason.MANUAL
        return suppressions.add_all(addresses, reason=reason, source=_source())

    def of_platform(self, addresses: Addresses, **options: Any) -> Told:
        reason = options["reason"] or PlatformSuppression.Reason.LEGAL
        return suppressions.platform.add(addresses, reason=reason, source=_source())


def _source() -> str:
    return f"command by {acting.current().name}"
