from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from tenants import addresses
from tenants.models import Retailer


class Command(BaseCommand):
    help = "List the retailers: slug, name, status, time zone, address."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON array")

    def handle(self, **options: Any) -> None:
        rows = [
            {
                "slug": retailer.slug,
                "name": retailer.name,
                "status": retailer.status,
                "timezone": retailer.timezone,
                "group": retailer.group.key if retailer.group else None,
                "url": addresses.base_url(retailer),
            }
            for retailer in Retailer.objects.select_related("group").order_by("slug")
        ]
        if options["json"]:
            self.stdout.write(json.dumps(rows, indent=2))
            return
        for row in rows:
            self.stdout.write("{slug:<20} {status:<12} {timezone:<20} {url:<40} {name}".format(**row))
        self.stdout.write(f"{len(rows)} retailer{'' if len(rows) == 1 else 's'}.")
