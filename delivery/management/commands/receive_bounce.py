"""Takes a mail that came back to a retailer's return paths, whole, on standard input: what a mail server pipes it to.

A mail in which no return path stands is taken too, and has no effect: to refuse it would send it back to whoever it
pretends to be from. Exit code 75 when it cannot be kept now: the mail server tries again.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import Error

from delivery import receiving
from delivery.channels.email import reports, returned
from tenants.management.retailer_command import RetailerCommand
from tenants.models import Retailer

_AT_ONCE = 1024 * 1024


class Command(RetailerCommand):
    help = __doc__ or ""
    acts_on_inactive = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--to", default="", help="the address that the mail was delivered to")

    def handle(self, *args: Any, **options: Any) -> None:
        """Whatever goes wrong may be put right: the mail stays in the mail server's queue until then."""
        try:
            super().handle(*args, **options)
        except (Error, CommandError, receiving.UnknownProvider) as problem:
            raise CommandError(str(problem), returncode=os.EX_TEMPFAIL) from problem

    def act(self, retailer: Retailer, **options: Any) -> None:
        mail = sys.stdin.buffer.read(reports.MOST_BYTES)
        while sys.stdin.buffer.read(_AT_ONCE):
            pass  # to the end: who pipes it takes a reader that stops for a failure
        request = returned.request_of(mail, to=options["to"])
        kept = receiving.receive_mails(retailer, [request])
        said = "Kept: it is worked through within seconds." if kept else "No return path of ours is in it: no effect."
        self.stdout.write(said)
