"""Versions of bases: for everybody, for a ring, withdrawn, pinned and killed."""

from __future__ import annotations

import pytest

from campaigns import bases
from campaigns.bases import NotAllowed, Unavailable
from campaigns.config.gate import Invalid
from tenants import context
from tenants.accounts.models import AuditEntry
from tenants.models import BasePin, BaseVersion, Change, Retailer
from tests.campaigns.bases.publishing import live, published, saved
from tests.factories import base_number


def test_publish_is_one_version_for_everybody_written_once(acme: Retailer, globex: Retailer) -> None:
    version = published("one")
    assert (version.number, base_number(acme), base_number(globex)) == (1, 1, 1)
    assert bases.document(version.pk).document["subject"] == "one"
    told = Change.objects.get()
    assert (told.retailer, told.what) == (None, "publish of base standard")
    assert published("one") == version, "the same content is the same version"
    assert Change.objects.count() == 1
    assert published("two").number == 2


def test_canary_is_for_its_ring_alone_until_it_is_promoted(acme: Retailer, globex: Retailer) -> None:
    published("one")
    published("two", acme)
    assert (base_number(acme), base_number(globex)) == (2, 1)
    assert Change.objects.latest("pk").retailer == acme
    bases.promote(saved(subject="two"))
    assert (base_number(acme), base_number(globex)) == (2, 2)
    base = live(saved(subject="two"))
    assert (base.canary, base.canary_since, base.canary_retailers.count()) == (None, None, 0)


def test_second_canary_replaces_the_first(acme: Retailer, globex: Retailer) -> None:
    published("one")
    published("two", acme)
    published("three", globex)
    assert (base_number(acme), base_number(globex)) == (1, 3)


def test_publish_to_everybody_ends_the_canary(acme: Retailer, globex: Retailer) -> None:
    published("one")
    published("two", acme)
    published("three")
    assert (base_number(acme), base_number(globex)) == (3, 3)


def test_way_back_withdraws_the_canary_first_and_then_goes_down(acme: Retailer, globex: Retailer) -> None:
    for words in ("one", "two"):
        published(words)
    published("three", acme)
    base = saved(subject="three")
    assert bases.roll_back(base) == BaseVersion.objects.get(number=2)
    assert base_number(acme) == 2
    bases.roll_back(base)
    assert base_number(globex) == 1
    with pytest.raises(NotAllowed, match="no earlier version"):
        bases.roll_back(base)
    bases.roll_back(base, to=3)
    assert base_number(globex) == 3
    with pytest.raises(NotAllowed, match=r"no version 9. It has: 1, 2, 3"):
        bases.roll_back(base, to=9)


def test_before_anything_is_live_only_the_ring_has_it(acme: Retailer, globex: Retailer) -> None:
    published("one", acme)
    assert base_number(acme) == 1
    with pytest.raises(Unavailable, match="publish it"):
        base_number(globex)
    with pytest.raises(Unavailable, match="no base template 'nosuch'"):
        base_number(acme, "nosuch")


def test_pinned_retailer_stays_and_both_trails_say_why(acme: Retailer, globex: Retailer) -> None:
    published("one")
    base = saved(subject="one")
    bases.pin(base, acme, 1, reason="their legal text is under way")
    published("two")
    published("three", acme)
    assert (base_number(acme), base_number(globex)) == (1, 2)
    with context.in_retailer(acme):
        told = {"version": 1, "reason": "their legal text is under way"}
        assert AuditEntry.objects.get(kind="base").after == told
    bases.unpin(base, acme)
    assert base_number(acme) == 3
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
    assert (base_number(acme), base_number(globex)) == (2, 1)
    bases.kill(first, reason="wrong address")
    assert (base_number(acme), base_number(globex)) == (2, 2)
    with pytest.raises(NotAllowed, match="kill it by force"):
        bases.kill(second, reason="wrong address")
    bases.kill(second, reason="wrong address", force=True)
    with pytest.raises(Unavailable):
        base_number(acme)
    with pytest.raises(NotAllowed, match="killed as version 2"):
        published("two")
    assert published("four").number == 4
    assert base_number(globex) == 4
