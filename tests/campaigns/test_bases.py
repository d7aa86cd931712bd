"""Base templates: what is published of them, for whom, and the ways back."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns import bases
from campaigns.bases import ChangedMeanwhile, NotAllowed, Unavailable
from campaigns.config.gate import Invalid
from campaigns.models import Template
from tenants import context
from tenants.accounts.models import AuditEntry
from tenants.models import BasePin, BaseTemplate, BaseVersion, Change, Group, Retailer
from tests.factories import base_draft


def saved(key: str = "standard", group: Group | None = None, **parts: Any) -> BaseTemplate:
    base = bases.find(key, group) or bases.blank(key, group)
    return bases.save(base, base_draft(**parts) if not bases.is_layer(base) else parts)


def published(words: str, *canary: Retailer, key: str = "standard") -> BaseVersion:
    return bases.publish(saved(key, subject=words), by="Ana", canary=canary)


def number(retailer: Retailer, key: str = "standard") -> int:
    return BaseVersion.objects.get(pk=bases.standing(retailer, key).base_version_id).number


def live(base: BaseTemplate) -> BaseTemplate:
    return BaseTemplate.objects.select_related("live", "canary", "group").get(pk=base.pk)


@pytest.fixture
def grocers(acme: Retailer) -> Group:
    group = Group.objects.create(key="grocers", name="Grocers")
    Retailer.objects.filter(pk=acme.pk).update(group=group)
    acme.group = group
    return group


# -- drafts ------------------------------------------------------------------------------------------------------------
def test_second_of_two_authors_is_told(db: None) -> None:
    base = saved()
    bases.save(base, base_draft(subject="one"), number=1)
    with pytest.raises(ChangedMeanwhile):
        bases.save(base, base_draft(subject="two"), number=1)
    assert live(base).draft["subject"] == "one"


def test_draft_is_kept_as_it_was_written_and_its_author_named(db: None) -> None:
    base = saved(slots={"headline": {"type": "text", "max": 200, "default": "Hello"}})
    assert base.draft["slots"] == {"headline": {"type": "text", "max": 200, "default": "Hello"}}
    assert bases.save(base, base.draft).number == 1
    entry = AuditEntry.objects.get(kind="base")
    assert (entry.action, entry.key, entry.number) == ("create", "standard", 1)


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ({"html": None}, "html"),
        ({"slots": {"Headline": {"type": "text"}}}, "slots.Headline"),
        ({"slots": {"headline": {"type": "video"}}}, "slots.headline"),
        ({"slots": {"headline": {"type": "text", "max": 0}}}, "slots.headline.max"),
        ({"locks": ["hero"]}, "locks"),
    ],
)
def test_what_is_no_base_is_refused_at_its_field(db: None, parts: Any, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        saved(**parts)
    assert [problem.field for problem in refused.value.problems] == [field]
    assert not BaseTemplate.objects.exists()


@pytest.mark.parametrize("key", ["", "Standard", "a b", "x" * 64])
def test_key_that_nobody_can_refer_to_is_refused(db: None, key: str) -> None:
    with pytest.raises(Invalid) as refused:
        saved(key)
    assert refused.value.problems[0].field == "key"


def test_platform_does_not_take_the_key_of_a_groups_own_base(grocers: Group) -> None:
    saved("letter", grocers)
    with pytest.raises(Invalid, match=r"grocers has a base of its own called 'letter'"):
        saved("letter")


def test_mistake_in_the_source_is_saved_but_not_published(db: None) -> None:
    base = saved(html="<html><body>\n{{ content.hedline }}</body></html>")
    problem, *_ = bases.check(base, base.draft)
    assert (problem.field, problem.message[:16]) == ("html", "line 2, column 1")
    with pytest.raises(Invalid, match="line 2, column 1"):
        bases.publish(base)
    assert not BaseVersion.objects.exists()


# -- publishing --------------------------------------------------------------------------------------------------------
def test_publish_is_one_version_for_everybody_written_once(acme: Retailer, globex: Retailer) -> None:
    version = published("one")
    assert (version.number, number(acme), number(globex)) == (1, 1, 1)
    assert bases.document(version.pk).document["subject"] == "one"
    told = Change.objects.get()
    assert (told.retailer, told.what) == (None, "publish of base standard")
    assert published("one") == version, "the same content is the same version"
    assert Change.objects.count() == 1
    assert published("two").number == 2


def test_canary_is_for_its_ring_alone_until_it_is_promoted(acme: Retailer, globex: Retailer) -> None:
    published("one")
    published("two", acme)
    assert (number(acme), number(globex)) == (2, 1)
    assert Change.objects.latest("pk").retailer == acme
    bases.promote(saved(subject="two"))
    assert (number(acme), number(globex)) == (2, 2)
    base = live(saved(subject="two"))
    assert (base.canary, base.canary_since, base.canary_retailers.count()) == (None, None, 0)


def test_second_canary_replaces_the_first(acme: Retailer, globex: Retailer) -> None:
    published("one")
    published("two", acme)
    published("three", globex)
    assert (number(acme), number(globex)) == (1, 3)


def test_publish_to_everybody_ends_the_canary(acme: Retailer, globex: Retailer) -> None:
    published("one")
    published("two", acme)
    published("three")
    assert (number(acme), number(globex)) == (3, 3)


def test_way_back_withdraws_the_canary_first_and_then_goes_down(acme: Retailer, globex: Retailer) -> None:
    for words in ("one", "two"):
        published(words)
    published("three", acme)
    base = saved(subject="three")
    assert bases.roll_back(base) == BaseVersion.objects.get(number=2)
    assert number(acme) == 2
    bases.roll_back(base)
    assert number(globex) == 1
    with pytest.raises(NotAllowed, match="no earlier version"):
        bases.roll_back(base)
    bases.roll_back(base, to=3)
    assert number(globex) == 3
    with pytest.raises(NotAllowed, match=r"no version 9. It has: 1, 2, 3"):
        bases.roll_back(base, to=9)


def test_before_anything_is_live_only_the_ring_has_it(acme: Retailer, globex: Retailer) -> None:
    published("one", acme)
    assert number(acme) == 1
    with pytest.raises(Unavailable, match="publish it"):
        number(globex)
    with pytest.raises(Unavailable, match="no base template 'nosuch'"):
        number(acme, "nosuch")


# -- pins and kills ----------------------------------------------------------------------------------------------------
def test_pinned_retailer_stays_and_both_trails_say_why(acme: Retailer, globex: Retailer) -> None:
    published("one")
    base = saved(subject="one")
    bases.pin(base, acme, 1, reason="their legal text is under way")
    published("two")
    published("three", acme)
    assert (number(acme), number(globex)) == (1, 2)
    with context.in_retailer(acme):
        told = {"version": 1, "reason": "their legal text is under way"}
        assert AuditEntry.objects.get(kind="base").after == told
    bases.unpin(base, acme)
    assert number(acme) == 3
    with pytest.raises(NotAllowed, match="not pinned"):
        bases.unpin(base, acme)


def test_pin_needs_a_reason_and_a_version_that_may_be_used(acme: Retailer) -> None:
    published("one")
    published("two")
    base = saved(subject="two")
    with pytest.raises(Invalid):
        bases.pin(base, acme, 1, reason=" ")
    bases.kill(BaseVersion.objects.get(number=1), reason="wrong address")
    with pytest.raises(NotAllowed, match="was killed"):
        bases.pin(base, acme, 1, reason="why not")
    assert not BasePin.objects.exists()


def test_killed_version_counts_for_nobody(acme: Retailer, globex: Retailer) -> None:
    first, second = published("one"), published("two")
    third = published("three", acme)
    base = saved(subject="three")
    bases.pin(base, globex, 1, reason="a test")
    bases.kill(third, reason="breaks in Outlook")
    assert (number(acme), number(globex)) == (2, 1)
    bases.kill(first, reason="wrong address")
    assert (number(acme), number(globex)) == (2, 2)
    with pytest.raises(NotAllowed, match="kill it by force"):
        bases.kill(second, reason="wrong address")
    bases.kill(second, reason="wrong address", force=True)
    with pytest.raises(Unavailable):
        number(acme)
    with pytest.raises(NotAllowed, match="killed as version 2"):
        published("two")
    assert published("four").number == 4
    assert number(globex) == 4


# -- groups ------------------------------------------------------------------------------------------------------------
def test_group_says_something_over_the_platforms_base_for_its_retailers_alone(
    acme: Retailer, globex: Retailer, grocers: Group
) -> None:
    saved()
    layer = saved("standard", grocers, slots={"headline": "Fresh"})
    with pytest.raises(Invalid, match="was not published yet"):
        bases.publish(layer)
    below = published("one")
    over = bases.publish(saved("standard", grocers, slots={"headline": "Fresh"}, locks=["headline"]))
    assert bases.standing(acme, "standard") == bases.Standing(below.pk, over.pk)
    assert bases.standing(globex, "standard") == bases.Standing(below.pk)
    with pytest.raises(Invalid, match="globex: not in the group"):
        bases.publish(saved("standard", grocers, slots={"headline": "New"}), canary=[globex])


def test_messages_wait_for_a_group_whose_words_were_killed_by_force(
    acme: Retailer, globex: Retailer, grocers: Group
) -> None:
    below = published("one")
    ring = bases.publish(saved("standard", grocers, slots={"headline": "Tried"}), canary=[acme])
    bases.kill(ring, reason="it was a try")
    assert bases.standing(acme, "standard") == bases.Standing(below.pk), "it never counted for everybody"
    over = bases.publish(saved("standard", grocers, slots={"headline": "Fresh"}, locks=["headline"]))
    bases.kill(over, reason="not ours to say", force=True)
    with pytest.raises(Unavailable, match="the group has to publish"):
        bases.standing(acme, "standard")
    assert bases.standing(globex, "standard") == bases.Standing(below.pk)
    again = bases.publish(saved("standard", grocers, slots={"headline": "Better"}))
    assert bases.standing(acme, "standard") == bases.Standing(below.pk, again.pk)


def test_groups_own_base_is_no_business_of_others(acme: Retailer, globex: Retailer, grocers: Group) -> None:
    version = bases.publish(saved("letter", grocers))
    assert bases.standing(acme, "letter") == bases.Standing(version.pk)
    with pytest.raises(Unavailable, match="no base template 'letter'"):
        bases.standing(globex, "letter")


# -- impact ------------------------------------------------------------------------------------------------------------
LOCKED = (
    base_draft()["html"].replace("{% block main %}", "{% locked main %}").replace("{% endblock %}", "{% endlocked %}")
)


@pytest.mark.parametrize(
    ("parts", "misfits"),
    [
        ({"subject": "Another"}, []),
        ({"html": "<html><body>{% block main %}Nothing to fill{% endblock %}</body></html>", "slots": {}},
         [("spring", "slots.headline")]),
        ({"html": base_draft()["html"].replace("content.headline", "content.headline.url"),
          "slots": {"headline": {"type": "image"}}}, [("spring", "slots.headline")]),
        ({"html": LOCKED}, [("spring", "blocks.main")]),
    ],
)  # fmt: skip
def test_impact_tells_what_would_not_fit_any_more_and_of_whom(
    acme: Retailer, globex: Retailer, parts: Any, misfits: Any
) -> None:
    published("one")
    base = live(saved(subject="one"))
    with context.in_retailer(acme):
        said = {"slots": {"headline": "It is spring"}, "blocks": {"main": "<p>Buds</p>"}}
        Template.objects.create(key="spring", name="Spring", base="standard", **said)
        Template.objects.create(key="plain", name="Plain", base="standard")
        Template.objects.create(key="own", name="Own")
    found = bases.impact(base, base_draft(**parts))
    assert [(each.retailer, each.templates, each.is_pinned) for each in found] == [(acme, 2, False)]
    assert [(misfit.template, misfit.field) for each in found for misfit in each.misfits] == misfits


def test_impact_of_a_groups_lock_is_on_its_retailers(acme: Retailer, globex: Retailer, grocers: Group) -> None:
    published("one")
    for retailer in (acme, globex):
        with context.in_retailer(retailer):
            Template.objects.create(key="spring", name="Spring", base="standard", slots={"headline": "Buds"})
    layer = saved("standard", grocers)
    (found,) = bases.impact(layer, {"locks": ["headline"]})
    assert (found.retailer, [misfit.field for misfit in found.misfits]) == (acme, ["slots.headline"])
    bases.publish(saved("standard", grocers, locks=["headline"]))
    assert not any(each.misfits for each in bases.impact(live(layer), {"locks": ["headline"]})), "it does not fit now"


# -- standing, against an oracle ---------------------------------------------------------------------------------------
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
            return number(self.by_slug[slug])
        except Unavailable:
            return None


@given(st.lists(steps, min_size=4, max_size=14))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_counts_is_what_the_story_says(acme: Retailer, globex: Retailer, story: list[tuple[Any, ...]]) -> None:
    with transaction.atomic():
        world, oracle = World([acme, globex]), Oracle()
        for step in story:
            assert world.do(step) == oracle.do(step), step
            for slug in ("acme", "globex"):
                assert world.counts(slug) == oracle.counts(slug), (step, slug)
        transaction.set_rollback(True)
