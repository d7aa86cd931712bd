from __future__ import annotations

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser

from campaigns.lifecycle import NotAllowed
from delivery import person
from delivery.management.person_command import PersonCommand
from tenants.models import Retailer


class Command(PersonCommand):
    help = "Forget one person for good. What was suppressed stays suppressed; the ledger keeps its counts."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--yes", action="store_true", help="do it: it cannot be undone")
        parser.add_argument("--json", action="store_true", help="print what went as one JSON object")

    def act(self, retailer: Retailer, **options: Any) -> None:
        customer = self.customer(options["external_id"])
        if not options["yes"]:
            raise CommandError(f"This cannot be undone. To forget {customer.external_id}, say so with --yes.")
        try:
            erased = person.erase(customer)
        except NotAllowed as refusal:
            raise CommandError(str(refusal)) from refusal
        if options["json"]:
            self.stdout.write(json.dumps(erased.as_dict()))
            return
        self.stdout.write(
            f"Erased: {erased.events:,} events and {erased.consents:,} statements of consent went; "
            f"{erased.suppressions} suppressions are kept by their hash."
        )
