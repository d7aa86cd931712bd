from __future__ import annotations

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from campaigns.facts import proof
from campaigns.models import FactsProof
from tenants import context
from tenants.management.acting_command import ActingCommand
from tenants.models import Retailer


class Command(ActingCommand):
    help = "Hold every fact against the rows it is made of. Exit 1 when some had drifted and were not repaired."

    def add_arguments(self, parser: CommandParser) -> None:
        whose = parser.add_mutually_exclusive_group(required=True)
        whose.add_argument("slug", nargs="?", help="the retailer")
        whose.add_argument("--all", action="store_true", help="every active retailer, one after another")
        parser.add_argument("--repair", action="store_true", help="put right what drifted")
        parser.add_argument("--json", action="store_true", help="one JSON array")

    def handle(self, **options: Any) -> None:
        try:
            retailers = list(Retailer.objects.active()) if options["all"] else [context.find(options["slug"])]
        except context.RetailerUnavailable as problem:
            raise CommandError(str(problem)) from problem
        found = []
        for retailer in retailers:
            with context.in_retailer(retailer):
                found.append((retailer.slug, proof.prove(now=timezone.now(), repairs=options["repair"])))
        if options["json"]:
            self.stdout.write(json.dumps([_as_data(slug, each) for slug, each in found], indent=2))
        else:
            for slug, each in found:
                self.stdout.write(f"{slug}: {_told(each)}")
        if drifted := [slug for slug, each in found if not each.holds]:
            raise CommandError(f"Drifted, not repaired: {', '.join(drifted)}. Run it with --repair.")


def _told(found: FactsProof) -> str:
    if not found.wrong:
        return f"the facts of {found.customers:,} customers hold"
    columns = ", ".join(f"{name} {number:,}" for name, number in sorted(found.columns.items()))
    done = "all repaired" if found.holds else "nothing repaired"
    return f"{found} had wrong facts ({columns}), such as {', '.join(found.examples)}: {done}"


def _as_data(slug: str, found: FactsProof) -> dict[str, Any]:
    told = {name: getattr(found, name) for name in ("customers", "wrong", "repaired", "columns", "examples")}
    return {"retailer": slug, **told}
