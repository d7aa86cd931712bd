from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from tenants import fleet


class Command(BaseCommand):
    help = (
        "All retailers side by side, trouble first: delivery success, complaints, bounces, what waits and stands still."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON array")

    def handle(self, **options: Any) -> None:
        rows = fleet.rows(now=timezone.now())
        if options["json"]:
            self.stdout.write(json.dumps([fleet.as_data(row) for row in rows], indent=2))
            return
        line = "{:<20} {:>9} {:>9} {:>9} {:>10} {:>9} {:>10}  {}"
        self.stdout.write(line.format("", "1 h", "24 h", "30 days", "complaints", "bounced", "queue", "trouble"))
        for row in rows:
            told = "; ".join(row.words) or "none"
            self.stdout.write(line.format(row.retailer.slug, *row.shares, row.queue, told))
