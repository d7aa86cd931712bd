"""The base of the commands that change a list of suppressed addresses: of one retailer, or of the whole platform."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from campaigns import suppressions
from campaigns.config.gate import Invalid, Problem
from campaigns.models.customers import Channel
from campaigns.suppressions import Addresses
from campaigns.suppressions.platform import Told
from tenants import context
from tenants.management.acting_command import ActingCommand
from tenants.models import Retailer

MOST_SHOWN = 20


class SuppressionCommand(ActingCommand):
    """Subclasses implement one method for each of whose list it may be."""

    done = ""  # the word for what was done

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "words", nargs="*", metavar="[SLUG] [ADDRESS]",
            help="the retailer, unless --platform; and an address or its SHA-256 in hexadecimal, unless --file",
        )  # fmt: skip
        parser.add_argument("--file", type=Path, help="addresses or hashes, one on each line")
        parser.add_argument("--platform", action="store_true", help="the list that holds for every retailer")
        parser.add_argument("--channel", choices=Channel.values, default=Channel.EMAIL.value, help="default email")
        parser.add_argument("--json", action="store_true", help="print what was done as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        words = list(options["words"])
        slug = None if options["platform"] else words.pop(0) if words else None
        if slug is None and not options["platform"]:
            raise CommandError("Say whose list: the slug of a retailer, or --platform for every one.")
        if len(words) + bool(options["file"]) != 1:
            raise CommandError("Say what: one address, or --file with one on each line.")
        try:
            addresses = _addresses(options["channel"], words, options["file"])
            told = self._of_platform(addresses, options) if slug is None else self._of_one(slug, addresses, options)
        except (Invalid, context.RetailerUnavailable) as refusal:
            raise CommandError(str(refusal)) from refusal
        self._tell(addresses, told, slug, as_json=options["json"])

    def _of_one(self, slug: str, addresses: Addresses, options: dict[str, Any]) -> Told:
        retailer = context.find(slug)
        if retailer.status == Retailer.Status.PROVISIONING:
            raise CommandError(f"{slug} was never fully provisioned: run provision_retailer again.")
        with context.in_retailer(retailer):
            return Told(self.of_retailer(addresses, **options), ())

    def _of_platform(self, addresses: Addresses, options: dict[str, Any]) -> Told:
        return self.of_platform(addresses, **options)

    def of_retailer(self, addresses: Addresses, **options: Any) -> int:
        raise NotImplementedError

    def of_platform(self, addresses: Addresses, **options: Any) -> Told:
        raise NotImplementedError

    def _tell(self, addresses: Addresses, told: Told, slug: str | None, *, as_json: bool) -> None:
        given, refused = len(addresses.by_hash), addresses.problems
        if as_json:
            summary = {"list": slug or "platform", "channel": addresses.channel, "given": given}
            problems = [{"line": each.field, "message": each.message} for each in refused]
            self.stdout.write(
                json.dumps(summary | {self.done: told.changed, "refused": problems, "untold": list(told.failed)})
            )
        else:
            whose = slug or "the platform"
            self.stdout.write(
                f"{self.done.capitalize()} {told.changed:,} of {given:,} addresses on the list of {whose}."
            )
        if told.failed:
            self.stderr.write(
                f"The facts of {', '.join(told.failed)} could not be told: run this again, or let the nightly proof."
            )
        if refused:
            raise CommandError(_listed(refused))


def _addresses(channel: str, words: list[str], file: Path | None) -> Addresses:
    if file is None:
        return suppressions.one(channel, words[0])
    try:
        with file.open(encoding="utf-8-sig") as lines:
            return suppressions.gathered(channel, lines)
    except OSError as problem:
        raise CommandError(f"{file} cannot be read: {problem.strerror}.") from problem
    except UnicodeDecodeError as problem:
        raise CommandError(f"{file} is not UTF-8 text: save it as UTF-8.") from problem


def _listed(refused: list[Problem]) -> str:
    shown = [f"{each.field}: {each.message}" for each in refused[:MOST_SHOWN]]
    more = [f"and {len(refused) - MOST_SHOWN:,} more"] if len(refused) > MOST_SHOWN else []
    return "\n".join([f"{len(refused):,} lines were left out:", *shown, *more])
