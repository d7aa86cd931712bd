"""Random stories of releases, against an oracle."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns import bases
from campaigns.bases import NotAllowed, Unavailable
from tenants.models import BaseVersion, Retailer
from tests.campaigns.bases.publishing import saved
from tests.factories import base_draft, base_number

steps = st.one_of(
    st.tuples(st.just("publish"), st.integers(0, 4), st.sets(st.sampled_from(["acme", "globex"]))),
    st.tuples(st.just("promote")),
    st.tuples(st.just("roll back"), st.one_of(st.none(), st.integers(1, 5))),
    st.tuples(st.just("pin"), st.sampled_from(["acme", "globex"]), st.integers(1, 5)),
    st.tuples(st.just("unpin"), st.sampled_from(["acme", "globex"])),
    st.tuples(st.just("kill"), st.integers(1, 5), st.booleans()),
)


class Oracle:
    """The rules once more, over plain sets: what each retailer has is worked out from the story alone."""

    def __init__(self) -> None:
        self.contents: list[int] = []
        self.killed: set[int] = set()
        self.live: int | None = None
        self.canary: tuple[int | None, frozenset[str]] = (None, frozenset())
        self.pins: dict[str, int] = {}

    def may(self, number: int) -> bool:
        return 1 <= number <= len(self.contents) and number not in self.killed

    def everybody(self, number: int | None) -> None:
        self.live, self.canary = number, (None, frozenset())

    def below(self, number: int) -> int | None:
        return max((each for each in range(1, number) if self.may(each)), default=None)

    def do(self, step: tuple[Any, ...]) -> bool:
        """False where the step is not allowed."""
        return bool(getattr(self, f"do_{step[0].replace(' ', '_')}")(*step[1:]))

    def do_publish(self, content: int, ring: set[str]) -> bool:
        if content not in self.contents:
            self.contents.append(content)
        number = self.contents.index(content) + 1
        if not self.may(number):
            return False
        if ring:
            self.canary = (number, frozenset(ring))
        else:
            self.everybody(number)
        return True

    def do_promote(self) -> bool:
        if self.canary[0] is None:
            return False
        self.everybody(self.canary[0])
        return True

    def do_roll_back(self, to: int | None) -> bool:
        if to is None and self.canary[0] is not None:
            self.canary = (None, frozenset())
            return True
        target = to if to is not None else self.below(self.live) if self.live else None
        if target is None or not self.may(target):
            return False
        self.everybody(target)
        return True

    def do_pin(self, slug: str, number: int) -> bool:
        if not self.may(number):
            return False
        self.pins[slug] = number
        return True

    def do_unpin(self, slug: str) -> bool:
        return self.pins.pop(slug, None) is not None

    def do_kill(self, number: int, force: bool) -> bool:
        if not 1 <= number <= len(self.contents):
            return False
        if number in self.killed:
            return True
        if number == self.live:
            if self.below(number) is None and not force:
                return False
            self.live = self.below(number)
        self.killed.add(number)
        if self.canary[0] == number:
            self.canary = (None, frozenset())
        return True

    def counts(self, slug: str) -> int | None:
        if (pinned := self.pins.get(slug)) is not None and pinned not in self.killed:
            return pinned
        return self.canary[0] if slug in self.canary[1] else self.live


class World:
    def __init__(self, retailers: list[Retailer]) -> None:
        self.by_slug = {each.slug: each for each in retailers}
        self.base = saved()

    def do(self, step: tuple[Any, ...]) -> bool:
        try:
            with transaction.atomic():
                self._do(step)
        except (NotAllowed, BaseVersion.DoesNotExist):
            return False
        return True

    def _do(self, step: tuple[Any, ...]) -> None:
        match step:
            case ("publish", content, ring):
                bases.save(self.base, base_draft(subject=f"content {content}"))
                bases.publish(self.base, canary=[self.by_slug[slug] for slug in sorted(ring)])
            case ("promote",):
                bases.promote(self.base)
            case ("roll back", to):
                bases.roll_back(self.base, to=to)
            case ("pin", slug, number):
                bases.pin(self.base, self.by_slug[slug], number, reason="a test")
            case ("unpin", slug):
                bases.unpin(self.base, self.by_slug[slug])
            case ("kill", number, force):
                bases.kill(self.base.versions.get(number=number), reason="a test", force=force)

    def counts(self, slug: str) -> int | None:
        try:
            return base_number(self.by_slug[slug])
        except Unavailable:
            return None


@given(st.lists(steps, min_size=4, max_size=14))
@settings(max_examples=60, deadline=timedelta(seconds=5), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_counts_is_what_the_story_says(acme: Retailer, globex: Retailer, story: list[tuple[Any, ...]]) -> None:
    with transaction.atomic():
        world, oracle = World([acme, globex]), Oracle()
        for step in story:
            assert world.do(step) == oracle.do(step), step
            for slug in ("acme", "globex"):
                assert world.counts(slug) == oracle.counts(slug), (step, slug)
        transaction.set_rollback(True)
