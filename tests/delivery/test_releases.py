"""How a base's version does, from the ledger: beside the version before, and each retailer by itself."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from campaigns import bases, configuration, content
from campaigns.models import Customer, Edition, Run, Template
from delivery import identity, pipeline, preferences, previews, releases
from delivery.channels.memory import MemoryChannel
from delivery.models import Message
from delivery.releases import Figures, Health
from tenants import context
from tenants.models import BaseVersion, Retailer
from tests import factories


def version(words: str, *canary: Retailer) -> BaseVersion:
    base = bases.find("standard") or bases.blank("standard")
    return bases.publish(bases.save(base, factories.base_draft(subject=words)), canary=canary)


def sent(made_of: BaseVersion, words: str) -> Run:
    """A run to everybody, of a template that stands for the version."""
    template = Template.objects.filter(key="hello").first() or factories.template()
    Template.objects.filter(pk=template.pk).update(live=_published(template, words))
    template.refresh_from_db()
    assert template.live
    Edition.objects.create(content_hash=template.live.content_hash, version=template.live, base_version=made_of.pk)
    run = configuration.launch(factories.campaign(f"to-all-{made_of.number}"), by="test", now=timezone.now())
    pipeline.work(seconds=20)
    return run


def _published(template: Template, words: str) -> int:
    html = (
        f'<html><body><p>{words}, {{{{ customer.city }}}}</p><a href="{{{{ unsubscribe_url }}}}">Stop</a></body></html>'
    )
    number = template.versions.count() + 1
    made = template.versions.create(number=number, content_hash=f"{number:064}", subject=words, html=html, text=words)
    return made.pk


def test_each_figure_is_of_the_version_that_the_message_was_built_on(
    at_acme: Retailer, outbox: MemoryChannel, globex: Retailer
) -> None:
    with context.on_platform():
        first = version("one")
    factories.customers(8)
    factories.customers(2, first=9, city="")  # the template needs a city
    sent(first, "one")
    with context.on_platform():
        second = version("two", at_acme, globex)
    run = sent(second, "two")
    message = Message.objects.filter(run=run, state="accepted").earliest("pk")
    token = identity.Signer(at_acme, "message").token(message.pk)
    preferences.unsubscribe(at_acme, token, now=timezone.now())
    with context.on_platform():
        found = releases.health(second, first, [at_acme, globex])
    assert found == [
        Health(at_acme, Figures(accepted=8, failed=2, unsubscribed=1), Figures(accepted=8, failed=2)),
        Health(globex, Figures(), Figures()),
    ]
    assert (found[0].now.share("failed"), found[1].now.share("failed")) == (0.2, None)


def test_ring_gets_the_canary_with_its_next_batch_and_everybody_the_way_back(
    acme: Retailer, globex: Retailer, outbox: MemoryChannel
) -> None:
    """Through the pipeline: what is published, tried, killed and promoted is what the next messages say."""
    first = version("one")
    for retailer in (acme, globex):
        with context.in_retailer(retailer):
            factories.customers(2)
            content.publish(Template.objects.create(key="hello", name="Hello", base="standard"))

    def subjects(retailer: Retailer) -> set[str]:
        outbox.sent.clear()
        with context.in_retailer(retailer):
            key = f"run-{Run.objects.count()}"
            configuration.launch(factories.campaign(key), by="test", now=timezone.now())
            pipeline.work(seconds=20)
        return {message.subject for message in outbox.sent}

    assert subjects(acme) == subjects(globex) == {"one"}
    second = version("two", acme)
    assert (subjects(acme), subjects(globex)) == ({"two"}, {"one"})
    (found,) = releases.health(second, first, [acme])
    assert (found.now, found.before) == (Figures(accepted=2), Figures(accepted=2))
    with context.in_retailer(acme):
        shown = previews.of_message(Message.objects.earliest("pk")).rendered
        assert shown
        assert shown.subject == "one", "a past message is rendered as it was"
    bases.kill(second, reason="wrong price")
    assert subjects(acme) == {"one"}
    version("three")
    assert subjects(acme) == subjects(globex) == {"three"}


def test_share_that_grew_by_more_than_a_few_is_called_worse(acme: Retailer) -> None:
    before = Figures(accepted=990, failed=10)
    assert Health(acme, Figures(accepted=98, failed=2), before).worse == []
    assert Health(acme, Figures(accepted=97, failed=3), before).worse == ["failed"]
    assert Health(acme, Figures(accepted=990, failed=10), before).worse == []
    assert Health(acme, Figures(accepted=90, complained=3), Figures()).worse == ["complained"]


def test_one_retailers_trouble_is_its_own(acme: Retailer, globex: Retailer) -> None:
    made = version("one")
    with context.in_retailer(acme), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE campaigns_edition RENAME TO edition_gone")
    broken, whole = releases.health(made, None, [acme, globex])
    assert ("cannot be had" in broken.trouble, whole.trouble) == (True, "")
    with pytest.raises(context.RetailerUnavailable):
        context.current()


def test_retailers_are_not_asked_once_the_others_have_taken_too_long(
    acme: Retailer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(releases, "WITHIN", 0.0)
    (found,) = releases.health(version("one"), None, [acme])
    assert (found.now, found.trouble) == (Figures(), releases.LATE)


@pytest.mark.parametrize("days", [1, 30])
def test_no_figure_goes_further_back_than_is_remembered(at_acme: Retailer, outbox: MemoryChannel, days: int) -> None:
    with context.on_platform():
        made = version("one")
    factories.customers(3)
    sent(made, "one")
    long_ago = timezone.now() - timedelta(days=days)
    BaseVersion.objects.update(published_at=long_ago)
    made.refresh_from_db()
    Message.objects.update(settled_at=long_ago + timedelta(hours=1))
    with context.on_platform():
        (found,) = releases.health(made, None, [at_acme])
    assert found.now.accepted == (3 if days == 1 else 0)
    assert Customer.objects.count() == 3
