"""Looks up SPF, DKIM and DMARC of a retailer's sender domains. Exits non-zero where something must be put right."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from delivery.senders import checking, in_use
from tenants.management.retailer_command import RetailerCommand
from tenants.models import Retailer


class Command(RetailerCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("domains", nargs="*", help="left out: those that its mail is sent from")
        parser.add_argument("--json", action="store_true", help="print what was found as one JSON object")

    def act(self, retailer: Retailer, **options: Any) -> None:
        wanted = [each.strip().lower() for each in options["domains"]] or in_use.domains()
        found = [checking.of(domain, now=timezone.now(), anew=True) for domain in wanted]
        if options["json"]:
            self.stdout.write(json.dumps({"senders": found}, indent=2))
        else:
            self.stdout.write("\n".join(line for each in found for line in checking.lines(each)))
        wrong = [each["domain"] for each in found if each["state"] == "error"]
        if wrong:
            raise CommandError(f"To be put right: {', '.join(wrong)}.")
