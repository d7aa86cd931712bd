from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from campaigns import policies
from campaigns.ascode import layer_file, telling
from campaigns.ascode.documents import Refused
from campaigns.ascode.layer_file import Planned
from campaigns.blast import Hit
from campaigns.config import policy as rules
from campaigns.config.gate import dump
from campaigns.management.action_parser import ActionParser
from campaigns.policies import ChangedMeanwhile, Owner
from tenants import context
from tenants.management.acting_command import ActingCommand
from tenants.models import Group

HAS_CHANGES = 2  # the exit code of a plan that would change something
DESCRIPTION = """
The policy and defaults of the platform, a group or a retailer. FILE is YAML with a section policy: or defaults:, or
both; what it leaves out stays as it is. Plan tells what would change, and the live campaigns that a policy would stop
or change, of every retailer below it.
"""


class Command(ActingCommand):
    help = DESCRIPTION

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", parser_class=ActionParser, metavar="show | plan | apply")
        show = actions.add_parser("show", help="Tell what is in force, who says so, and what the owner says itself")
        plan = actions.add_parser("plan", help="Tell what a file would change; exits 2 when there is something")
        apply = actions.add_parser("apply", help="Make a file the policy and defaults of its owner")
        for action in (plan, apply):
            action.add_argument("file", type=Path, metavar="FILE")
        for action in (show, plan, apply):
            action.add_argument("slug", nargs="?", help="a retailer")
            action.add_argument("--group", metavar="G", help="a group, by its key")
            action.add_argument("--platform", action="store_true", help="the platform itself")
            action.add_argument("--json", action="store_true", help="print one JSON object")
        apply.add_argument("--reason", default="", help="kept in the audit trail")
        apply.add_argument("--expect", type=int, metavar="NUMBER", help="refuse unless the layer has this number still")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["action"]:
            raise CommandError("Say what to do: policy show, policy plan or policy apply.")
        owner = _owner(options["slug"], options["group"], is_platform=options["platform"])
        try:
            {"show": self._show, "plan": self._plan, "apply": self._apply}[options["action"]](owner, options)
        except Refused as refusal:
            for fault in refusal.faults:
                self.stdout.write(f"  {fault}")
            raise CommandError("Refused: nothing was changed.") from refusal
        except ChangedMeanwhile as meanwhile:
            now = policies.layer_of(owner).number
            raise CommandError(f"{meanwhile} It has number {now} now; nothing was changed.") from meanwhile

    def _show(self, owner: Owner, options: dict[str, Any]) -> None:
        layer, force, sources = policies.layer_of(owner), policies.effective(owner), policies.sources(owner)
        if options["json"]:
            own = {"number": layer.number, "policy": layer.policy, "defaults": layer.defaults}
            self._print_data({"own": own, "in_force": dump(force), "words": rules.words(force), "sources": sources})
            return
        self.stdout.write(f"In force for {_name(owner)}:")
        for field, words in rules.words(force).items():
            said = ", ".join(f"{who}: {what}" for who, what in sources[field])
            self.stdout.write(f"  {field}: {words}  [{said}]")
        if not rules.words(force):
            self.stdout.write("  nothing: no layer bounds anything")
        self.stdout.write(f"Its own, number {layer.number}:")
        for section in layer_file.SECTIONS:
            self.stdout.write(f"  {section}: {json.dumps(getattr(layer, section), ensure_ascii=False)}")

    def _plan(self, owner: Owner, options: dict[str, Any]) -> None:
        planned = layer_file.plan(owner, layer_file.read(options["file"]))
        self._tell(owner, planned, options, planned.number)
        if planned.plan.changes:
            sys.exit(HAS_CHANGES)

    def _apply(self, owner: Owner, options: dict[str, Any]) -> None:
        wanted = layer_file.read(options["file"])
        planned, layer = layer_file.apply(owner, wanted, number=options["expect"])
        self._tell(owner, planned, options, layer.number)
        if planned.plan.changes and not options["json"]:
            self.stdout.write(f"Saved: {_name(owner)} has number {layer.number} now.")

    def _tell(self, owner: Owner, planned: Planned, options: dict[str, Any], number: int) -> None:
        if options["json"]:
            changes = telling.as_data(planned.plan)["changes"]
            self._print_data({"number": number, "changes": changes, "live_campaigns": list(map(_data, planned.hits))})
            return
        for line in telling.in_words(planned.plan):
            self.stdout.write(line)
        for hit in planned.hits:
            words = "; ".join(hit.problems)
            self.stdout.write(f"  {hit.effect} {hit.retailer.slug}/{hit.campaign_key} ({hit.state}): {words}")
        stops = sum(hit.effect == "stops" for hit in planned.hits)
        retailers = len({hit.retailer.pk for hit in planned.hits})
        self.stdout.write(
            f"{_name(owner)}: {telling.summary(planned.plan)}; {stops} live campaigns would stop and "
            f"{len(planned.hits) - stops} change, of {retailers} retailers."
            if planned.plan.changes
            else f"{_name(owner)}: nothing to change."
        )

    def _print_data(self, data: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(data, ensure_ascii=False, indent=2))


def _owner(slug: str | None, group: str | None, *, is_platform: bool) -> Owner:
    if sum(map(bool, (slug, group, is_platform))) != 1:
        raise CommandError("Name one owner: a retailer by its slug, --group G, or --platform.")
    if slug:
        try:
            return context.find(slug)
        except context.RetailerUnavailable as problem:
            raise CommandError(str(problem)) from problem
    if group:
        found = Group.objects.filter(key=group).first()
        if found is None:
            known = ", ".join(Group.objects.order_by("key").values_list("key", flat=True)[:20]) or "none yet"
            raise CommandError(f"There is no group {group!r}. Known: {known}.")
        return found
    return None


def _name(owner: Owner) -> str:
    if owner is None:
        return "the platform"
    return f"group {owner.key}" if isinstance(owner, Group) else owner.slug


def _data(hit: Hit) -> dict[str, Any]:
    return {
        "retailer": hit.retailer.slug,
        "campaign": hit.campaign_key,
        "name": hit.campaign_name,
        "state": hit.state,
        "effect": hit.effect,
        "problems": hit.problems,
    }
