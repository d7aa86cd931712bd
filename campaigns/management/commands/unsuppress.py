from __future__ import annotations

from typing import Any

from campaigns import suppressions
from campaigns.management.suppression_command import SuppressionCommand
from campaigns.suppressions import Addresses
from campaigns.suppressions.platform import Told


class Command(SuppressionCommand):
    help = "Take addresses off the list of a retailer, or off the platform's. What other lists say stays."
    done = "removed"

    def of_retailer(self, addresses: Addresses, **options: Any) -> int:
        return suppressions.remove_all(addresses)

    def of_platform(self, addresses: Addresses, **options: Any) -> Told:
        return suppressions.platform.remove(addresses)
