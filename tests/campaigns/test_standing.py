"""Which version of a base counts for whom, asked as a batch asks: one query, from the retailer's schema."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns import bases, editions
from campaigns.bases import Standing, Unavailable
from tenants import context
from tenants.models import BasePin, BaseTemplate, BaseVersion, Group, Retailer
from tests import factories


def version(base: BaseTemplate, number: int) -> BaseVersion:
    return BaseVersion.objects.create(
        base=base, number=number, content_hash=f"{number:064}", document={"html": f"v{number}"}, compiled={}
    )


@pytest.fixture
def base(db: None) -> BaseTemplate:
    made = BaseTemplate.objects.create(key="standard", name="Standard")
    made.live = version(made, 1)
    made.save()
    return made


def test_pin_goes_before_canary_and_canary_before_live_unless_they_are_killed(
    base: BaseTemplate, acme: Retailer, globex: Retailer
) -> None:
    live, second, third = base.versions.get(), version(base, 2), version(base, 3)
    BaseTemplate.objects.filter(pk=base.pk).update(canary=second)
    base.canary_retailers.add(acme)

    def counted() -> list[int]:
        return [bases.standing(each, "standard").base_version_id for each in (acme, globex)]

    assert counted() == [second.pk, live.pk]
    BasePin.objects.create(base=base, retailer=acme, version=third)
    assert counted() == [third.pk, live.pk]
    BaseVersion.objects.filter(pk=third.pk).update(killed_at=timezone.now())
    assert counted() == [second.pk, live.pk]
    BaseVersion.objects.filter(pk=second.pk).update(killed_at=timezone.now())
    assert counted() == [live.pk, live.pk]
    BaseVersion.objects.filter(pk=live.pk).update(killed_at=timezone.now())
    with pytest.raises(Unavailable, match="No version of the base template 'standard' counts here"):
        counted()
    with pytest.raises(Unavailable, match="There is no base template 'nosuch'"):
        bases.standing(acme, "nosuch")


def test_group_stands_over_the_platform_for_its_retailers_alone(
    base: BaseTemplate, acme: Retailer, globex: Retailer
) -> None:
    grocers = Group.objects.create(key="grocers", name="Grocers")
    Retailer.objects.filter(pk=acme.pk).update(group=grocers)
    over, own = (BaseTemplate.objects.create(key=key, name=key, group=grocers) for key in ("standard", "letter"))
    assert bases.standing(acme, "standard") == Standing(base.live_id), "it has said nothing yet"
    for row in (over, own):
        row.live = version(row, 1)
        row.save()
    assert bases.standing(acme, "standard") == Standing(base.live_id, over.live_id)
    assert bases.standing(globex, "standard") == Standing(base.live_id)
    assert bases.standing(acme, "letter") == Standing(own.live_id)
    with pytest.raises(Unavailable, match="no base template 'letter'"):
        bases.standing(globex, "letter")


def test_one_query_for_a_batch_and_none_for_what_a_version_says(base: BaseTemplate, acme: Retailer) -> None:
    with context.in_retailer(acme), CaptureQueriesContext(connection) as asked:
        for _ in range(2):
            version_id = bases.standing(acme, "standard").base_version_id
            assert bases.document(version_id).document == {"html": "v1"}
    queries = [each["sql"] for each in asked if not each["sql"].startswith("SET search_path")]
    assert [sql.split()[0] for sql in queries] == ["SELECT"] * 3


def test_one_query_for_many_bases_and_retailers(base: BaseTemplate, acme: Retailer, globex: Retailer) -> None:
    letter = BaseTemplate.objects.create(key="letter", name="Letter")
    letter.live = version(letter, 1)
    letter.save()
    BaseTemplate.objects.create(key="unpublished", name="Unpublished")
    with CaptureQueriesContext(connection) as asked:
        found = bases.standings([acme.pk, globex.pk], ["standard", "letter", "unpublished"])
    assert len([each for each in asked if not each["sql"].startswith("SET search_path")]) == 1
    assert found == {
        (each.pk, key): Standing(row.live_id)
        for each in (acme, globex)
        for key, row in (("standard", base), ("letter", letter))
    }


def test_templates_of_many_bases_are_read_in_one_query(at_acme: Retailer) -> None:
    keys = ["one", "two", "three"]
    for key in keys:
        factories.base(key, html="<html><body>{% block main %}{% endblock %}</body></html>")
        factories.template(key, base=key, html="", blocks={"main": f"<p>{key}</p>"})
    editions.live_of(keys, at_acme)
    with CaptureQueriesContext(connection) as asked:
        found = editions.live_of(keys, at_acme)
    assert {key: f"<p>{key}</p>" in each.sources().html for key, each in found.items()} == dict.fromkeys(keys, True)
    queries = [each["sql"] for each in asked if not each["sql"].startswith("SET search_path")]
    assert len(queries) == 2, "the templates, and where their bases stand"
