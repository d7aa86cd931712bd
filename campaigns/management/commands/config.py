from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentTypeError
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError
from django.utils import timezone

from campaigns.ascode import applying, folder, history, kinds, planning, telling
from campaigns.ascode.applying import Applied
from campaigns.ascode.documents import Fault, Given, Refused
from campaigns.ascode.history import Reason
from campaigns.management.action_parser import ActionParser
from tenants import context
from tenants.management.acting_command import ActingCommand
from tenants.models import Group, Retailer

HAS_CHANGES = 2  # the exit code of a plan that would change something
DESCRIPTION = """
A retailer's configuration as files: policy.yaml (the retailer's own), defaults.yaml, brand.yaml, segments/KEY.yaml,
templates/KEY.yaml with KEY.html and KEY.txt beside it, campaigns/KEY.yaml (the draft). What DIR leaves out is deleted,
except for policy, defaults and brand: they stay as they are, and an empty one, written {}, says nothing.
Templates whose content changes are published, campaigns are changed as drafts.

With --group or --all instead of SLUG, DIR is the same configuration for each retailer (leave policy, defaults and brand
out of it, and each keeps its own), except that a retailer for whom there is a folder DIR/SLUG gets what is in there
instead; export writes such folders. A retailer is changed whole or not at all; one that fails is listed, and the others
go on.
"""


@dataclass
class Outcome:
    """What one retailer's turn came to: a summary and lines for people, data for scripts, and what was refused."""

    summary: str = "failed"
    lines: list[str] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)
    has_changes: bool = False
    is_changed: bool = False
    faults: list[Fault] = field(default_factory=list)

    def told(self) -> list[str]:
        return [*self.lines, *(f"  {fault}" for fault in self.faults)]


class Request:
    """What was asked for on the command line, for every retailer."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.root: Path = options.get("dir") or options.get("out") or Path()
        self.is_many = bool(options["group"] or options["all"])
        self.expect: str | None = options.get("expect")
        self.to: int | None = options.get("to")
        self.since: datetime | None = options.get("since")
        self.reason = Reason(os.environ.get("USER") or "command", options.get("reason", ""), timezone.now())
        self._slugs = set(Retailer.objects.values_list("slug", flat=True)) if self.is_many else set()
        self._shared: Given | None = None

    def own_folder(self, retailer: Retailer) -> Path:
        """Where a retailer's own documents are."""
        if not self.is_many:
            return self.root
        if retailer.slug in {kind.name for kind in kinds.KINDS if not kind.single}:
            cure = "name it on its own instead of a group or all"
            raise Refused([Fault(retailer.slug, "", f"its slug is the name of a folder of documents: {cure}")])
        return self.root / retailer.slug

    def given(self, retailer: Retailer) -> Given:
        own = self.own_folder(retailer)
        if not self.is_many or own.is_dir():
            return folder.read(own, within=self.root)
        self._shared = self._shared or folder.read(self.root, besides=self._slugs)
        return self._shared


class Command(ActingCommand):
    help = DESCRIPTION

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(
            dest="action", parser_class=ActionParser, metavar="export | plan | apply | rollback"
        )
        for name, (words, _) in ACTIONS.items():
            _add_arguments(actions.add_parser(name, help=words, description=f"{words}. {DESCRIPTION}"), name)

    def handle(self, **options: Any) -> None:
        if not options["action"]:
            raise CommandError("Say what to do: config export, config plan, config apply or config rollback.")
        retailers = _retailers(options["slug"], options["group"], everybody=options["all"])
        request = Request(options)
        if request.is_many and (request.expect or request.to is not None):
            raise CommandError("--expect and --to belong to one retailer: each has its own fingerprint and numbers.")
        if request.is_many and options["action"] == "rollback":
            request.since = request.since or _newest_change(retailers)
        _, act = ACTIONS[options["action"]]
        outcomes: dict[str, Outcome] = {}
        for retailer in retailers:
            outcomes[retailer.slug] = _turn(act, retailer, request)
            if not options["json"]:
                self._tell(retailer.slug, outcomes)
        if options["json"]:
            self._tell_data(outcomes, is_many=request.is_many)
        elif request.is_many and any(outcome.is_changed for outcome in outcomes.values()):
            whom = f"--group {options['group']}" if options["group"] else "--all"
            self.stdout.write(f"Undo it with: config rollback {whom} --since {request.reason.now.isoformat()}")
        _exit(outcomes)

    def _tell_data(self, outcomes: dict[str, Outcome], *, is_many: bool) -> None:
        told = [
            {"retailer": slug, **outcome.data, "errors": telling.faults_as_data(outcome.faults)}
            for slug, outcome in outcomes.items()
        ]
        self.stdout.write(json.dumps({"retailers": told} if is_many else told[0], indent=2, ensure_ascii=False))

    def _tell(self, slug: str, outcomes: dict[str, Outcome]) -> None:
        """A retailer's lines, except those that another one had before."""
        lines = outcomes[slug].told()
        same = next(other for other, outcome in outcomes.items() if outcome.told() == lines)
        if same == slug:
            for line in lines:
                self.stdout.write(line)
        like = f", like {same}" if lines and same != slug else ""
        self.stdout.write(f"{slug}: {outcomes[slug].summary}{like}.")


def _add_arguments(parser: CommandParser, action: str) -> None:
    parser.add_argument("slug", nargs="?", help="the retailer; or give --group or --all")
    if action in ("plan", "apply"):
        parser.add_argument("dir", type=Path, metavar="DIR", help="the folder of configuration")
    parser.add_argument("--group", metavar="G", help="every active retailer of this group")
    parser.add_argument("--all", action="store_true", help="every active retailer")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    if action == "export":
        parser.add_argument("--out", type=Path, metavar="DIR", required=True, help="where to; DIR/SLUG for many")
    if action == "apply":
        parser.add_argument("--expect", metavar="FINGERPRINT", help="refuse unless this is still what a plan told")
    if action == "rollback":
        parser.add_argument("--to", type=int, metavar="N", help="to before change N (default: the newest)")
        since = "to how it was at T (default for many: before the newest change there was among them)"
        parser.add_argument("--since", type=_instant, metavar="T", help=since)
    if action in ("apply", "rollback"):
        parser.add_argument("--reason", default="", help="kept with the change")


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ArgumentTypeError("write an instant with its offset, such as 2026-12-01T09:00:00+00:00")
    return found


def _newest_change(retailers: list[Retailer]) -> datetime:
    """What a command did to many was done at one instant: undone together, and never more than that."""
    newest = []
    for retailer in retailers:
        with context.in_retailer(retailer):
            newest.append(history.newest_change())
    found = [instant for instant in newest if instant]
    if not found:
        raise CommandError("Nothing was changed yet: there is nothing to roll back.")
    return max(found)


def _retailers(slug: str | None, group: str | None, *, everybody: bool) -> list[Retailer]:
    if sum(map(bool, (slug, group, everybody))) != 1:
        raise CommandError("Name one retailer by its slug, or give --group G, or --all.")
    if slug:
        return [_one(slug)]
    active = Retailer.objects.active().order_by("slug")
    if group:
        if not Group.objects.filter(key=group).exists():
            known = ", ".join(Group.objects.order_by("key").values_list("key", flat=True)[:20]) or "none yet"
            raise CommandError(f"There is no group {group!r}. Known: {known}.")
        active = active.filter(group__key=group)
    found = list(active)
    if not found:
        raise CommandError("There is no active retailer there.")
    return found


def _one(slug: str) -> Retailer:
    try:
        retailer = context.find(slug)
    except context.RetailerUnavailable as problem:
        raise CommandError(str(problem)) from problem
    if not retailer.is_active:
        raise CommandError(f"{slug} is {retailer.status}; first run: resume_retailer {slug}")
    return retailer


def _turn(act: Action, retailer: Retailer, request: Request) -> Outcome:
    """One retailer's turn, which keeps no other from having theirs."""
    try:
        with context.in_retailer(retailer):
            return act(retailer, request)
    except Refused as refusal:
        return Outcome(faults=refusal.faults)
    except (DatabaseError, OSError) as error:
        return Outcome(faults=[Fault("", "", f"{type(error).__name__}: {error}".strip())])


def _export(retailer: Retailer, request: Request) -> Outcome:
    files = folder.write(request.own_folder(retailer), kinds.read())
    summary = f"files: {files.written} written, {files.unchanged} unchanged, {files.removed} removed"
    return Outcome(summary, data=vars(files))


def _plan(retailer: Retailer, request: Request) -> Outcome:
    plan = planning.plan(kinds.read(), request.given(retailer), now=request.reason.now)
    return Outcome(telling.summary(plan), list(telling.in_words(plan)), telling.as_data(plan), bool(plan.changes))


def _apply(retailer: Retailer, request: Request) -> Outcome:
    applied = applying.apply(request.given(retailer), request.reason, expect=request.expect)
    return _applied(applied, retailer, request)


def _roll_back(retailer: Retailer, request: Request) -> Outcome:
    snapshot = history.since(request.since) if request.since else history.before_change(request.to)
    if snapshot is None:
        return Outcome("nothing was changed since")
    return _applied(applying.roll_back(snapshot, request.reason), retailer, request)


def _applied(applied: Applied, retailer: Retailer, request: Request) -> Outcome:
    plan = applied.plan
    data = {**telling.as_data(plan), "change": applied.number, "released": list(applied.released)}
    if applied.number is None:
        return Outcome("nothing to change", data=data)
    lines = [*telling.in_words(plan), *(f"  {words}" for words in applied.released)]
    if plan.keys("campaigns", "create", "change"):
        lines.append("  Campaigns were changed as drafts: publish or launch them when they are ready.")
    undo = "" if request.is_many else f"; undo it with: config rollback {retailer.slug} --to {applied.number}"
    return Outcome(f"{telling.done(plan)}{undo}", lines, data, is_changed=True)


def _exit(outcomes: dict[str, Outcome]) -> None:
    """0, or 1 when somebody's turn failed, or 2 when a plan would change something."""
    failed = [slug for slug, outcome in outcomes.items() if outcome.faults]
    if failed:
        raise CommandError(f"{len(failed)} of {len(outcomes)} failed: {', '.join(failed)}. Those were not changed.")
    if any(outcome.has_changes for outcome in outcomes.values()):
        sys.exit(HAS_CHANGES)


Action = Callable[[Retailer, Request], Outcome]
ACTIONS: dict[str, tuple[str, Action]] = {
    "export": ("Write the configuration into a folder", _export),
    "plan": ("Tell what applying a folder would change; exits 2 when there is something, 0 when not", _plan),
    "apply": ("Change the configuration into what a folder says", _apply),
    "rollback": ("Change the configuration back into what it was before a change", _roll_back),
}
