from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from campaigns.config.gate import Invalid
from campaigns.lifecycle import NotAllowed
from campaigns.models import Run
from delivery import decisions, identity
from delivery.decisions import Choice, Which
from tenants import bell
from tenants.management.retailer_command import RetailerCommand
from tenants.models import Retailer


class Command(RetailerCommand):
    help = "The messages of a run whose outcome nobody knows, by cause; export them, or resolve them with --as."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("run", type=int, help="the run's number")
        parser.add_argument("--export", metavar="FILE", help="write them as CSV")
        parser.add_argument("--as", dest="choice", choices=[each.value for each in Choice],
                            help="settle as sent or not_sent, or resend: who got it already gets it twice")  # fmt: skip
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--all", action="store_true", help="with --as: all of them")
        which.add_argument("--cause", help="with --as: those of this reason, in full")
        which.add_argument("--message", action="append", metavar="ID", help="with --as: this one (may be repeated)")
        parser.add_argument("--reason", default="", help="with --as: why, for the audit trail")
        parser.add_argument("--json", action="store_true", help="print the result as one JSON object")

    def act(self, retailer: Retailer, **options: Any) -> None:
        run = Run.objects.select_related("campaign").filter(pk=options["run"]).first()
        if run is None:
            raise CommandError(f"{retailer.slug} has no run {options['run']}: see the list of runs in the console.")
        if options["export"]:
            with Path(options["export"]).open("w", newline="", encoding="utf-8") as file:
                decisions.write_csv(run, file)
        if options["choice"]:
            self._resolve(run, retailer, options)
            return
        found = decisions.causes(run)
        if options["json"]:
            told = [{"reason": c.reason, "count": c.count, "looked_into": c.looked_into, "cure": c.cure} for c in found]
            self.stdout.write(json.dumps({"run": run.pk, "causes": told}, indent=2))
            return
        for cause in found:
            self.stdout.write(f"{cause.count:>9,}  {cause.reason} ({cause.looked_into:,} still looked into)")
            self.stdout.write(f"           {cause.cure}")
        self.stdout.write(f"{sum(cause.count for cause in found):,} messages of run {run.pk} are unknown.")

    def _resolve(self, run: Run, retailer: Retailer, options: dict[str, Any]) -> None:
        if not (options["all"] or options["cause"] is not None or options["message"]):
            raise CommandError("Which? Give --all, --cause REASON or --message ID.")
        ids = [_message(retailer, each) for each in options["message"]] if options["message"] else None
        try:
            number = decisions.decide(run, Choice(options["choice"]), Which(options["cause"], ids))
        except Invalid as invalid:
            raise CommandError("; ".join(f"{p.field}: {p.message}" for p in invalid.problems)) from invalid
        except NotAllowed as refusal:
            raise CommandError(str(refusal)) from refusal
        bell.ring()
        words = f"{number:,} messages of run {run.pk}: {decisions.WORDS[Choice(options['choice'])]}."
        self.stdout.write(json.dumps({"run": run.pk, "resolved": number}) if options["json"] else words)


def _message(retailer: Retailer, public: str) -> int:
    found = identity.message_id(retailer, public)
    if found is None:
        raise CommandError(f"--message {public!r} is no public id of a message: copy it from the export.")
    return found
