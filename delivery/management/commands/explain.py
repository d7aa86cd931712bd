from __future__ import annotations

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from campaigns.config.gate import Invalid
from campaigns.models import Campaign, Customer, Run
from delivery import explanation
from tenants.management.retailer_command import RetailerCommand
from tenants.models import Retailer


class Command(RetailerCommand):
    help = "Why one person gets a campaign's messages or does not: every rule, check and message."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("campaign", help="the campaign's key")
        parser.add_argument("external_id", help="the customer, by your own id")
        parser.add_argument("--run", type=int, help="ask what this run asked, as of its time (default: the draft, now)")
        parser.add_argument("--json", action="store_true", help="print the explanation as one JSON object")

    def act(self, retailer: Retailer, **options: Any) -> None:
        campaign = Campaign.objects.filter(key=options["campaign"]).first()
        if campaign is None:
            known = ", ".join(Campaign.objects.order_by("key").values_list("key", flat=True)[:20]) or "none yet"
            raise CommandError(f"There is no campaign {options['campaign']!r}. Known: {known}.")
        customer = Customer.objects.filter(external_id=options["external_id"]).first()
        if customer is None:
            raise CommandError(f"There is no customer {options['external_id']!r}: check the id, or import them first.")
        run = _run(campaign, options["run"])
        try:
            told = explanation.explain(campaign, customer, now=timezone.now(), run=run)
        except Invalid as invalid:
            lines = "\n".join(f"  {p.field}: {p.message}" for p in invalid.problems)
            raise CommandError(f"{campaign.key} cannot be explained:\n{lines}") from invalid
        self.stdout.write(json.dumps(told, indent=2) if options["json"] else "\n".join(explanation.lines(told)))


def _run(campaign: Campaign, pk: int | None) -> Run | None:
    if pk is None:
        return None
    found = campaign.runs.select_related("version").filter(pk=pk).first()
    if found is None:
        raise CommandError(f"{campaign.key} has no run {pk}: see the list of runs in the console.")
    return found
