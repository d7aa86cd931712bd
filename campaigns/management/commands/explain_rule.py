from __future__ import annotations

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from campaigns import audience
from campaigns.config.gate import Invalid, parse_rule
from campaigns.config.rules import InSegment, Rule
from tenants.management.retailer_command import RetailerCommand
from tenants.models import Retailer


class Command(RetailerCommand):
    help = "Show how Postgres would count a segment or a rule: the rule in words, the plan, the dear parts."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("segment", nargs="?", help="the segment's key")
        what.add_argument("--rule", help='the rule as JSON, such as \'{"event": "order", "within": "30d"}\'')
        parser.add_argument("--analyze", action="store_true", help="run it, and show what it really took")
        parser.add_argument("--json", action="store_true", help="one JSON object")

    def act(self, retailer: Retailer, **options: Any) -> None:
        try:
            rule: Rule = (
                parse_rule(_read(options["rule"])) if options["rule"] else InSegment(segment=options["segment"])
            )
            explained = audience.explain_rule(rule, as_of=timezone.now(), analyze=options["analyze"])
        except Invalid as invalid:
            raise CommandError(str(invalid)) from invalid
        if options["json"]:
            self.stdout.write(json.dumps(vars(explained), indent=2))
            return
        self.stdout.write(explained.sentence)
        for words, cost in explained.parts:
            self.stdout.write(f"{cost:>14,.0f}  {words}")
        guard = f"refused above {explained.most:,.0f}" if explained.is_guarded else "asks of no events: not guarded"
        self.stdout.write(f"{explained.cost:>14,.0f}  the whole; {guard}")
        self.stdout.write("\n".join(["", *explained.plan]))


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise CommandError(f"--rule is not JSON: {error}") from None
