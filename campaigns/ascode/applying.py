"""Making a configuration the retailer's: the whole of it or nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from campaigns.ascode import history, kinds, planning
from campaigns.ascode.documents import Fault, Given, Refused, fingerprint
from campaigns.ascode.history import Reason
from campaigns.ascode.kinds import KINDS, templates
from campaigns.ascode.planning import Plan
from campaigns.config.gate import Invalid
from campaigns.configuration import Conflict
from campaigns.lifecycle import NotAllowed
from campaigns.models import ConfigSnapshot

MEANWHILE = "the configuration was changed meanwhile: plan again, and look at what is new"

Release = Callable[[Collection[str]], list[str]]


@dataclass(frozen=True)
class Applied:
    """What was done. `number` is the change's, to undo it by, and None when there was nothing to change; `released`
    says in words which templates went out.
    """

    plan: Plan
    number: int | None = None
    released: tuple[str, ...] = ()


@transaction.atomic
def apply(given: Given, reason: Reason, *, expect: str | None = None, release: Release = templates.publish) -> Applied:
    """Make the retailer's configuration what was given. Templates whose content changed go out by `release`;
    campaigns are changed as drafts.

    `expect` is the fingerprint of the configuration that was planned on. Raises Refused, and nothing was changed.
    """
    before = kinds.read(lock=True)
    if expect is not None and expect != fingerprint(before):
        raise Refused([Fault("", "", MEANWHILE)])
    made = planning.plan(before, given, now=reason.now)
    if not made.changes:
        return Applied(made)
    number = history.keep(before, reason)
    _write(made, reason.now)
    with _naming("templates"):
        return Applied(made, number, tuple(release(_with_new_content(made))))


def roll_back(snapshot: ConfigSnapshot, reason: Reason) -> Applied:
    """Make the configuration what it was when the snapshot was taken; this is a change like any other.

    Templates go out again as they did then. Raises Refused, and nothing was changed.
    """
    text = reason.text or f"rollback to before change {snapshot.number}"

    def release(keys: Collection[str]) -> list[str]:
        return templates.make_live_again(keys, snapshot.live)

    return apply(history.given(snapshot), Reason(reason.by, text, reason.now), release=release)


def _write(made: Plan, now: datetime) -> None:
    """Every document by the door that owns it, which has the last word."""
    for kind in KINDS:
        for key in kind.in_order(made.keys(kind.name, "create", "change"), made.after):
            with _naming(f"{kind.name}/{key}"):
                kind.save(made.after[kind.name][key], now=now)
    for kind in reversed(KINDS):
        for key in reversed(kind.in_order(made.keys(kind.name, "delete"), made.before)):
            with _naming(f"{kind.name}/{key}"):
                kind.remove(key)


@contextmanager
def _naming(document: str) -> Iterator[None]:
    try:
        yield
    except Invalid as invalid:
        raise Refused(Fault(document, p.field, p.message) for p in invalid.problems) from invalid
    except NotAllowed as refusal:
        raise Refused([Fault(document, "", str(refusal))]) from refusal
    except (Conflict, IntegrityError) as conflict:
        raise Refused([Fault(document, "", MEANWHILE)]) from conflict


def _with_new_content(made: Plan) -> list[str]:
    return [
        change.key
        for change in made.changes
        if change.kind == templates.TemplateKind.name
        and change.action != "delete"
        and (change.action == "create" or {field.path.partition(".")[0] for field in change.fields} & templates.CONTENT)
    ]
