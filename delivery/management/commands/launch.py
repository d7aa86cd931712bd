from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from campaigns import configuration, resolution
from campaigns.config.gate import Invalid
from campaigns.lifecycle import NotAllowed
from campaigns.models import Campaign, Run
from delivery import preflight, provided, reconciliation, reports, waiting
from delivery.channels.base import ChannelUnavailable
from tenants import bell
from tenants.management.retailer_command import RetailerCommand
from tenants.models import Retailer


class Command(RetailerCommand):
    help = "Launch a campaign. With --wait, help to carry the run and return when it has ended, printing its ledger."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("campaign", help="the campaign's key")
        parser.add_argument("--preflight", action="store_true", help="only tell who would get it, who not, and when")
        parser.add_argument("--wait", action="store_true", help="return when the run has ended; exit 0 if it balances")
        parser.add_argument("--timeout", type=float, default=3600, help="with --wait: give up after so many seconds")
        parser.add_argument("--as-of", help="evaluate the audience as of this instant (ISO 8601; default now)")
        parser.add_argument("--json", action="store_true", help="print the result as one JSON object")

    def act(self, retailer: Retailer, **options: Any) -> None:
        campaign = _campaign(options["campaign"])
        as_of = _instant(options["as_of"], retailer)
        try:
            if options["preflight"]:
                self._preflight(campaign, as_of, as_json=options["json"])
                return
            provided.check(campaign, retailer)
            run = configuration.launch(campaign, by="command", now=timezone.now(), as_of=as_of)
        except ChannelUnavailable as problem:
            raise CommandError(f"{problem} Nothing was started.") from problem
        except Invalid as invalid:
            lines = "\n".join(f"  {p.field}: {p.message}" for p in invalid.problems)
            raise CommandError(f"{campaign.key} cannot be launched:\n{lines}") from invalid
        except NotAllowed as problem:
            raise CommandError(str(problem)) from problem
        bell.ring()
        if options["wait"]:
            self._wait(run, retailer, **options)
        else:
            self.stdout.write(f"Launched {campaign.key}: run {run.pk}. Watch it in the console, or launch with --wait.")

    def _preflight(self, campaign: Campaign, as_of: datetime, *, as_json: bool) -> None:
        resolved = resolution.resolve(campaign.draft)
        problems = configuration.check(resolved.config, as_of=as_of)
        if problems:
            raise Invalid(problems)
        made = preflight.make(campaign, now=as_of, by="command", resolved=resolved)
        self.stdout.write(
            json.dumps(preflight.as_data(made), indent=2) if as_json else "\n".join(preflight.lines(made))
        )

    def _wait(self, run: Run, retailer: Retailer, **options: Any) -> None:
        ended = waiting.until_ended(run, retailer, seconds=options["timeout"], say=self.stderr.write)
        report = reports.report(run)
        if options["json"]:
            self.stdout.write(json.dumps(reports.as_data(report) | reconciliation.as_data(run), indent=2))
        else:
            self.stdout.write(waiting.ledger(report))
            if held := reconciliation.of(run):
                self.stdout.write("  against the pre-flight: " + "; ".join(reconciliation.lines(held)))
        if not ended:
            raise CommandError(f"Run {run.pk} had not ended after {options['timeout']:.0f} s; workers carry it on.")
        if run.state != Run.State.COMPLETED:
            raise CommandError(f"Run {run.pk} is {run.state}. {run.reason}".strip())
        if not report.balances:
            raise CommandError(f"Run {run.pk} does not balance: {report.states} against {report.due}.")
        if report.states.get("unknown"):
            raise CommandError(f"{report.states['unknown']} messages of run {run.pk} are unknown: see the run's page.")


def _campaign(key: str) -> Campaign:
    found = Campaign.objects.filter(key=key).first()
    if found is None:
        known = ", ".join(Campaign.objects.order_by("key").values_list("key", flat=True)[:20]) or "none yet"
        raise CommandError(f"There is no campaign {key!r}. Known: {known}.")
    return found


def _instant(text: str | None, retailer: Retailer) -> datetime:
    if text is None:
        return timezone.now()
    try:
        found = parse_datetime(text) or datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(f"--as-of {text!r} is not an instant: write 2026-07-01T09:00:00+00:00.") from None
    return found if found.tzinfo else found.replace(tzinfo=retailer.tzinfo)
