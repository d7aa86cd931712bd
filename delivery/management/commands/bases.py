from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from campaigns import bases
from campaigns.ascode import base_files
from campaigns.ascode.documents import Refused
from campaigns.bases import NotAllowed
from campaigns.config.gate import Invalid
from campaigns.management.action_parser import ActionParser
from delivery import releases
from delivery.releases import Figures
from tenants import acting, context
from tenants.management.acting_command import ActingCommand
from tenants.models import BaseTemplate, BaseVersion, Group

DESCRIPTION = """
Base templates, which retailers' templates are built on: the platform's, or with --group what a group says over them.
Apply makes a folder's files the drafts; publish makes a draft a version, for everybody or for canary retailers first;
every step holds from the next batch of whoever it concerns.
"""
_FIGURES = ("accepted", "failed", "bounced", "complained", "unsubscribed")


class Command(ActingCommand):
    help = DESCRIPTION

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", parser_class=ActionParser, metavar="ACTION")
        add = actions.add_parser
        add("list", help="Every base, with what is live").add_argument("--json", action="store_true")
        add("install", help="Save and publish the bases that come with the installation, where they are missing")
        add("export", help="Write every draft as files").add_argument("--out", type=Path, required=True, metavar="DIR")
        add("apply", help="Make the files of a folder the drafts").add_argument("dir", type=Path, metavar="DIR")
        publish = add("publish", help="Make the draft a version, live for everybody or for a ring first")
        publish.add_argument("--canary", nargs="+", default=[], metavar="SLUG", help="only for these retailers")
        back = add("rollback", help="Withdraw the canary; without one, make the version before live again")
        back.add_argument("--to", type=int, metavar="N", help="or this version")
        pin = add("pin", help="Hold a retailer at a version, whatever is published")
        kill = add("kill", help="Let nobody use a version any more")
        kill.add_argument("--force", action="store_true", help="even if no other is left to take its place")
        status = add("status", help="Versions, ring, pins, and how the ring does")
        impact = add("impact", help="Who builds on it, and what would not fit the draft any more")
        promote, unpin = add("promote", help="Make the canary live for everybody"), add("unpin", help="Lift a pin")
        for action in (publish, back, promote, pin, unpin, kill, status, impact):
            action.add_argument("key", metavar="KEY")
            action.add_argument("--group", metavar="G", help="what a group says, by the group's key")
            action.add_argument("--reason", default="", required=action in (pin, kill), help="kept in the audit trail")
        for action in (pin, unpin):
            action.add_argument("slug", metavar="SLUG")
        for action in (pin, kill):
            action.add_argument("number", type=int, metavar="N")
        for action in (status, impact):
            action.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["action"]:
            raise CommandError("Say what to do: bases list, bases publish KEY ...")
        try:
            getattr(self, f"_{options['action']}")(options)
        except Refused as refused:
            for fault in refused.faults:
                self.stdout.write(f"  {fault}")
            raise CommandError("Refused: nothing was changed.") from refused
        except Invalid as invalid:
            for problem in invalid.problems:
                self.stdout.write(f"  {': '.join(filter(None, [problem.field, problem.message]))}")
            raise CommandError("Refused: nothing was changed.") from invalid
        except (NotAllowed, context.RetailerUnavailable) as refusal:
            raise CommandError(str(refusal)) from refusal

    # -- files -----------------------------------------------------------------------------------------------------
    def _install(self, options: dict[str, Any]) -> None:
        installed = base_files.install(acting.current().name)
        self.stdout.write(f"Installed: {', '.join(map(bases.name, installed)) or 'nothing, all are here'}.")

    def _export(self, options: dict[str, Any]) -> None:
        self.stdout.write(f"{base_files.write(options['out'])} files written to {options['out']}.")

    def _apply(self, options: dict[str, Any]) -> None:
        for each in base_files.apply(base_files.read(options["dir"])):
            done = f"draft {each.base.number} saved" if each.has_changed else "nothing to change"
            self.stdout.write(f"{bases.name(each.base)}: {done}")
            for fault in each.faults:
                self.stdout.write(f"  keeps it from being published: {fault}")

    # -- steps -----------------------------------------------------------------------------------------------------
    def _publish(self, options: dict[str, Any]) -> None:
        base, ring = _base(options), [context.find(slug) for slug in options["canary"]]
        version = bases.publish(base, by=acting.current().name, canary=ring)
        whom = f"canary for {', '.join(options['canary'])}" if ring else "live for everybody"
        self.stdout.write(f"{bases.name(base)} version {version.number} is {whom}.")

    def _promote(self, options: dict[str, Any]) -> None:
        base = _base(options)
        self.stdout.write(f"{bases.name(base)} version {bases.promote(base).number} is live for everybody.")

    def _rollback(self, options: dict[str, Any]) -> None:
        base = _base(options)
        live = bases.roll_back(base, to=options["to"])
        self.stdout.write(f"{bases.name(base)}: {f'version {live.number}' if live else 'no version'} is live.")

    def _pin(self, options: dict[str, Any]) -> None:
        base, retailer = _base(options), context.find(options["slug"])
        bases.pin(base, retailer, options["number"], reason=options["reason"])
        self.stdout.write(f"{retailer.slug} stays at version {options['number']} of {bases.name(base)}.")

    def _unpin(self, options: dict[str, Any]) -> None:
        base, retailer = _base(options), context.find(options["slug"])
        bases.unpin(base, retailer)
        self.stdout.write(f"{retailer.slug} follows {bases.name(base)} again.")

    def _kill(self, options: dict[str, Any]) -> None:
        base = _base(options)
        version = bases.version(base, options["number"])
        bases.kill(version, reason=options["reason"], force=options["force"])
        self.stdout.write(f"{bases.name(base)} version {version.number} is killed: nobody uses it any more.")

    # -- telling ---------------------------------------------------------------------------------------------------
    def _list(self, options: dict[str, Any]) -> None:
        rows = bases.listed()
        if options["json"]:
            self._print([_summary(row) for row in rows])
            return
        for row in rows:
            live = f"version {row.live.number}" if row.live else "not published"
            canary = f", canary {row.canary.number}" if row.canary else ""
            self.stdout.write(f"{bases.name(row)}: {live}{canary}  ({row.name}, draft {row.number})")
        if not rows:
            self.stdout.write("There is no base yet: `bases install` brings those of the installation.")

    def _status(self, options: dict[str, Any]) -> None:
        base = _base(options)
        if options["json"]:
            self._print(_summary(base) | {"health": [_health(each) for each in releases.ring(base)]})
            return
        for line in _in_words(base):
            self.stdout.write(line)

    def _impact(self, options: dict[str, Any]) -> None:
        base = _base(options)
        found = bases.impact(base, base.draft)
        if options["json"]:
            told = [(each, [vars(misfit) for misfit in each.misfits]) for each in found]
            self._print([{"retailer": each.retailer.slug, "templates": each.templates, "is_pinned": each.is_pinned,
                          "misfits": misfits} for each, misfits in told])  # fmt: skip
            return
        for each in found:
            pinned = ", pinned" if each.is_pinned else ""
            self.stdout.write(f"{each.retailer.slug}: {each.templates} templates{pinned}")
            for misfit in each.misfits:
                self.stdout.write(f"  {misfit.template}: {misfit.field}: {misfit.message}")
        misfits = sum(len(each.misfits) for each in found)
        self.stdout.write(f"{len(found)} retailers build on {bases.name(base)}; {misfits} things would not fit.")

    def _print(self, data: Any) -> None:
        self.stdout.write(json.dumps(data, ensure_ascii=False, indent=2, default=str))


def _base(options: dict[str, Any]) -> BaseTemplate:
    group = None
    if options["group"]:
        group = Group.objects.filter(key=options["group"]).first()
        if group is None:
            raise CommandError(f"There is no group {options['group']!r}.")
    found = bases.find(options["key"], group)
    if found is None:
        known = ", ".join(map(bases.name, bases.listed())) or "none yet"
        raise CommandError(f"There is no base {options['key']!r} here. Known: {known}.")
    return found


def _in_words(base: BaseTemplate) -> Iterator[str]:
    yield f"{bases.name(base)}: {base.name}, draft {base.number}"
    for version in base.versions.order_by("-number"):
        by = f" by {version.published_by}" if version.published_by else ""
        yield f"  version {version.number}, {version.published_at:%Y-%m-%d %H:%M}{by}{_mark(base, version)}"
    for pin in base.pins.select_related("retailer", "version").order_by("retailer__slug"):
        yield f"  pinned: {pin.retailer.slug} at version {pin.version.number} ({pin.reason})"
    for each in releases.ring(base):
        worse = f"  WORSE: {', '.join(each.worse)}" if each.worse else ""
        does = each.trouble or f"{_numbers(each.now)}; before: {_numbers(each.before)}{worse}"
        yield f"  ring: {each.retailer.slug}: {does}"


def _mark(base: BaseTemplate, version: BaseVersion) -> str:
    marks = [name for name, pk in (("live", base.live_id), ("canary", base.canary_id)) if pk == version.pk]
    marks += [f"killed: {version.killed_because}"] if version.killed_at else []
    return f"  [{', '.join(marks)}]" if marks else ""


def _numbers(figures: Figures) -> str:
    return ", ".join(
        f"{getattr(figures, name)} {name}" for name in _FIGURES if name == "accepted" or getattr(figures, name)
    )


def _health(each: releases.Health) -> dict[str, Any]:
    told = {"retailer": each.retailer.slug, "worse": each.worse, "trouble": each.trouble}
    return told | {when: vars(getattr(each, when)) for when in ("now", "before")}


def _summary(base: BaseTemplate) -> dict[str, Any]:
    return {
        "key": base.key,
        "group": base.group.key if base.group else None,
        "name": base.name,
        "draft": base.number,
        "live": base.live.number if base.live else None,
        "canary": base.canary.number if base.canary else None,
        "ring": sorted(base.canary_retailers.values_list("slug", flat=True)),
        "pins": dict(base.pins.values_list("retailer__slug", "version__number")),
        "killed": sorted(base.versions.filter(killed_at__isnull=False).values_list("number", flat=True)),
    }
