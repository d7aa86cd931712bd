from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser

from tenants import addresses, domains
from tenants.management.retailer_command import RetailerCommand
from tenants.models import Retailer


class Command(RetailerCommand):
    help = (
        "Show or set the host in the links of a retailer's messages. Links on hosts before it go on working. "
        "--remove alone puts links on the retailer's own address again; with HOST it gives the host up, and old links "
        "on it are dead."
    )
    acts_on_inactive = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("host", nargs="?", default="", help="such as links.shop.example")
        parser.add_argument("--remove", action="store_true")
        parser.add_argument("--reason", default="")

    def act(self, retailer: Retailer, **options: Any) -> None:
        host = options["host"]
        try:
            if options["remove"] and host:
                domains.give_up(retailer, host)
            elif options["remove"] or host:
                domains.track(retailer, host)
        except ValidationError as problem:
            raise CommandError(" ".join(problem.messages)) from problem
        self.stdout.write(f"Links of new messages are on {addresses.links_url(retailer)}")
        for each in domains.former(retailer):
            self.stdout.write(f"Links of old messages still work on {each}")
