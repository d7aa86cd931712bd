"""Shows the warm-up of a sender's domain, and moves it: begin, hold, go-on; for staff also skip and finish."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from campaigns.config.gate import Invalid
from delivery.models import SenderDomain
from delivery.warmup import acts, standing
from tenants import acting
from tenants.management.retailer_command import RetailerCommand
from tenants.models import Retailer


class Command(RetailerCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("domain", help="after the @ of the sender's address")
        parser.add_argument("move", nargs="?", choices=sorted(acts.ACTS), help="left out: only show it")
        parser.add_argument("--start", type=int, help=f"begin: messages on the first day (default {acts.START})")
        parser.add_argument("--days", type=int, help=f"begin: days to the last day (default {acts.DAYS})")
        parser.add_argument("--peak", type=int, help="begin: messages on the last day (default: everybody)")
        parser.add_argument("--reason", default="", help="goes into the history; needed to hold, skip and finish")
        parser.add_argument("--json", action="store_true", help="print it as one JSON object")

    def act(self, retailer: Retailer, **options: Any) -> None:
        now = timezone.now()
        given = {name: options[name] for name in ("start", "days", "peak") if options[name] is not None}
        if given and options["move"] != "begin":
            raise CommandError(f"--{next(iter(given))} is for begin: leave it out.")
        try:
            sender = self._moved(options, given, now)
        except Invalid as invalid:
            raise CommandError(str(invalid)) from invalid
        rows = standing.of(sender, now=now, zone=retailer.tzinfo)
        if options["json"]:
            told = {"domain": sender.domain, **standing.as_data(sender, rows)}
            self.stdout.write(json.dumps(told, indent=2))
            return
        self.stdout.write(f"{sender.domain}: {sender.get_warm_up_display().lower()} {sender.reason}".rstrip())
        for row in rows:
            budget = "any" if row.budget is None else f"{row.budget:,}"
            why = f" ({row.reason})" if row.reason else ""
            waiting = "many" if row.waiting is None else f"{row.waiting:,}"
            self.stdout.write(
                f"  {row.label:<10} {row.used:>8,} of {budget:>8} today, {waiting:>8} wait, {row.standing}{why}"
            )

    def _moved(self, options: dict[str, Any], given: dict[str, int], now: Any) -> SenderDomain:
        if options["move"] is None:
            found = SenderDomain.objects.filter(domain=options["domain"].strip().lower()).first()
            if found is None:
                raise CommandError(f"There is no sender domain {options['domain']!r}.")
            return found
        acting.because(options["reason"])
        return acts.ACTS[options["move"]](options["domain"], now=now, reason=options["reason"], **given)
