"""The base of the commands that stop sending and let it go on: whose, and under which rules they may be asked."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from campaigns.lifecycle import NotAllowed
from campaigns.models import Campaign
from tenants import context
from tenants.management.acting_command import ActingCommand
from tenants.models import Retailer


class SendingCommand(ActingCommand):
    """Subclasses implement one method for each of whom it may be about."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", nargs="?", help="the retailer")
        parser.add_argument("--campaign", help="only this campaign of the retailer: its key")
        parser.add_argument("--all", action="store_true", help="the whole platform: every retailer")

    def handle(self, *args: Any, **options: Any) -> None:
        slug, key, everybody = (options.pop(name) for name in ("slug", "campaign", "all"))
        if bool(slug) == everybody:
            raise CommandError("Say whose sending: the slug of one retailer, or --all for every one.")
        if everybody and key:
            raise CommandError("--campaign is of one retailer: give its slug in place of --all.")
        if everybody:
            self.of_platform(**options)
            return
        try:
            with context.in_retailer(context.find(slug)) as retailer:
                self._of_one(retailer, key, options)
        except (context.RetailerUnavailable, NotAllowed) as problem:
            raise CommandError(str(problem)) from problem

    def _of_one(self, retailer: Retailer, key: str | None, options: dict[str, Any]) -> None:
        if key is None:
            self.of_retailer(retailer, **options)
            return
        found = Campaign.objects.filter(key=key).first()
        if found is None:
            known = ", ".join(Campaign.objects.order_by("key").values_list("key", flat=True)[:20]) or "none yet"
            raise CommandError(f"{retailer.slug} has no campaign {key!r}. Known: {known}.")
        self.of_campaign(retailer, found, **options)

    def of_platform(self, **options: Any) -> None:
        raise NotImplementedError

    def of_retailer(self, retailer: Retailer, **options: Any) -> None:
        raise NotImplementedError

    def of_campaign(self, retailer: Retailer, campaign: Campaign, **options: Any) -> None:
        raise NotImplementedError
