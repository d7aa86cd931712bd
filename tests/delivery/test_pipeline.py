"""A run through its four stages, in one process: what arrives, what does not, and that the ledger says so."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from campaigns import audience, configuration, content, suppressions
from campaigns.config import gate
from campaigns.lifecycle import NotAllowed
from campaigns.models import Campaign, Customer, Run, Suppression, Template
from delivery import identity, messages, pipeline, reports, tallies, tasks, vitals
from delivery.channels.memory import MemoryChannel
from delivery.models import Batch, Message
from tenants import agenda, context
from tenants.models import AgendaItem, Retailer
from tests import factories
from tests.mails import LEAVE, for_anybody


def launch(**parts: Any) -> Run:
    return configuration.launch(factories.campaign(**parts), by="test", now=timezone.now())


def work_off(run: Run) -> reports.Report:
    pipeline.work(seconds=30)
    run.refresh_from_db()
    return reports.report(run)


def test_run_reaches_everyone_once_and_completes(at_acme: Retailer, outbox: MemoryChannel) -> None:
    factories.customers(1200)
    report = work_off(launch())
    assert report.run.state == Run.State.COMPLETED
    assert report.states == {"accepted": 1200}
    assert report.balances
    assert sorted(m.recipient for m in outbox.sent) == sorted(f"c{n}@example.test" for n in range(1, 1201))
    left = AgendaItem.objects.values_list("kind", flat=True)
    assert set(left) == {tallies.AGENDA_KIND, vitals.AGENDA_KIND}  # what is to come back of it, and how all fare


def test_everyone_left_out_is_counted_under_one_reason(at_acme: Retailer, outbox: MemoryChannel) -> None:
    factories.customers(10)
    factories.customers(2, first=11, consent_email=False)
    factories.customers(3, first=13, email="")
    factories.customers(1, first=16, email="c1@example.test")
    factories.customers(4, first=17, city="York")
    suppressions.put(channel="email", address="c2@example.test", reason="hard_bounce", source="")
    report = work_off(
        launch(audience={"include": {"all": []}, "exclude": {"attribute": "city", "eq": "York"}, "holdout": 0})
    )
    assert report.waterfall.candidates == 20
    assert report.waterfall.included == 9
    assert report.waterfall.excluded == {
        "excluded_by_rule": 4,
        "suppressed": 1,
        "no_consent": 2,
        "no_address": 3,
        "duplicate_address": 1,
    }
    assert len(outbox.sent) == 9


def test_preview_counts_what_the_run_then_does(at_acme: Retailer, outbox: MemoryChannel) -> None:
    factories.customers(50)
    factories.customers(7, first=51, consent_email=False)
    campaign = factories.campaign(audience={"include": {"all": []}, "holdout": 0.2})
    now = timezone.now()
    counted = audience.count(gate.parse_campaign(campaign.draft), as_of=now)
    report = work_off(configuration.launch(campaign, by="test", now=now))
    assert counted == report.waterfall


def test_run_without_anybody_completes(at_acme: Retailer, outbox: MemoryChannel) -> None:
    report = work_off(launch())
    assert report.run.state == Run.State.COMPLETED
    assert report.balances
    assert outbox.sent == []


def test_variants_share_the_audience_and_keep_their_people(at_acme: Retailer, outbox: MemoryChannel) -> None:
    factories.customers(400)
    variants = [{"key": "a", "subject": "Subject A"}, {"key": "b", "subject": "Subject B"}]
    step = {"key": "first", "channel": "email", "template": "hello", "variants": variants}
    run = launch(steps=[step])
    work_off(run)
    drawn = dict(Message.objects.filter(run=run).values_list("customer__external_id", "variant"))
    again = configuration.launch(Campaign.objects.get(), by="test", now=timezone.now())
    work_off(again)
    assert dict(Message.objects.filter(run=again).values_list("customer__external_id", "variant")) == drawn
    assert 140 < sum(variant == "a" for variant in drawn.values()) < 260
    assert {m.subject for m in outbox.sent} == {"Subject A", "Subject B"}


def test_second_step_goes_out_when_its_delay_is_over(at_acme: Retailer, outbox: MemoryChannel) -> None:
    factories.customers(5)
    first = {"key": "first", "channel": "email", "template": "hello"}
    second = first | {"key": "second", "after": {"step": "first", "delay": "2d"}}
    run = launch(steps=[first, second])
    assert work_off(run).states == {"accepted": 5}
    assert run.state == Run.State.RUNNING
    Run.objects.filter(pk=run.pk).update(started_at=timezone.now() - timedelta(days=2))
    agenda.put(at_acme, "run", run.pk)
    report = work_off(run)
    assert report.steps == {"first": {"accepted": 5}, "second": {"accepted": 5}}
    assert report.run.state == Run.State.COMPLETED
    assert report.balances


_DEATH = """
CREATE FUNCTION pg_temp.die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF current_setting('test.death', TRUE) = 'on' THEN RAISE 'the worker dies here'; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER die BEFORE INSERT ON public.tenants_agendaitem FOR EACH ROW WHEN (NEW.kind = 'run')
EXECUTE FUNCTION pg_temp.die();
CREATE TRIGGER die BEFORE UPDATE ON campaigns_run FOR EACH ROW WHEN (NEW.state = 'completed')
EXECUTE FUNCTION pg_temp.die()
"""


def test_a_worker_that_dies_between_the_last_batch_and_its_run_leaves_both_to_another(
    at_acme: Retailer, outbox: MemoryChannel
) -> None:
    factories.customers(5)
    with connection.cursor() as cursor:
        cursor.execute(_DEATH)
        run = launch()
        cursor.execute("SET LOCAL test.death = 'on'")
        assert work_off(run).states == {"accepted": 5}
        assert run.state == Run.State.RUNNING
        cursor.execute("SET LOCAL test.death = 'off'")
    AgendaItem.objects.update(due_at=timezone.now())
    assert work_off(run).run.state == Run.State.COMPLETED
    assert len(outbox.sent) == 5


def test_doubled_late_and_reordered_wakeups_change_nothing(at_acme: Retailer, outbox: MemoryChannel) -> None:
    factories.customers(1100)
    run = launch()
    audience.evaluate(run)
    messages.generate(run, now=timezone.now())
    audience.evaluate(run)
    messages.generate(run, now=timezone.now())
    batches = list(Batch.objects.values_list("pk", flat=True))
    for _ in range(3):
        random.Random(7).shuffle(batches)
        agenda.put_many(at_acme, "batch", batches)
        agenda.put(at_acme, "run", run.pk)
        tasks.work()
        tasks.tick()
    run.refresh_from_db()
    report = reports.report(run)
    assert report.states == {"accepted": 1100}
    assert len({m.key for m in outbox.sent}) == len(outbox.sent) == 1100
    assert report.run.state == Run.State.COMPLETED


def test_missing_value_skips_that_person_and_says_why(at_acme: Retailer, outbox: MemoryChannel) -> None:
    factories.customers(3)
    factories.customers(1, first=4, first_name="")
    factories.template(subject="Dear {{ customer.first_name }}")
    report = work_off(launch())
    assert report.states == {"accepted": 3, "failed": 1}
    assert report.reasons == [("failed", "render: no value for customer.first_name", 1)]
    assert report.balances


def test_custom_attributes_and_their_lists_reach_the_message(at_acme: Retailer, outbox: MemoryChannel) -> None:
    factories.customers(1, attributes={"tier": "gold", "basket": [{"name": "Tea & cake"}, {"name": "Jam"}]})
    factories.template(
        subject="{{ customer.attributes.tier }}",
        html="{% for item in customer.attributes.basket %}<p>{{ item.name }}</p>{% endfor %}"
        "{% if customer.attributes.nothing %}x{% endif %}" + factories.OUT,
    )
    work_off(launch())
    (sent,) = outbox.sent
    assert sent.subject == "gold"
    assert for_anybody(sent.html) == f'<p>Tea &amp; cake</p><p>Jam</p><a href="{LEAVE}">Unsubscribe</a>'


def test_values_are_escaped_in_html_and_harmless_in_the_subject(at_acme: Retailer, outbox: MemoryChannel) -> None:
    factories.customers(1, first_name="<b>Eve</b>\r\nBcc: x@example.test {{ brand.name }}")
    work_off(launch())
    (sent,) = outbox.sent
    assert "&lt;b&gt;Eve" in sent.html
    assert "<b>Eve" not in sent.html
    assert sent.subject == "Hello <b>Eve</b> Bcc: x@example.test {{ brand.name }}"


def test_consent_withdrawn_before_the_batch_is_respected(at_acme: Retailer, outbox: MemoryChannel) -> None:
    factories.customers(4)
    run = launch()
    audience.evaluate(run)
    messages.generate(run, now=timezone.now())
    Customer.objects.filter(external_id="c1").update(consent_email=False)
    suppressions.put(channel="email", address="c2@example.test", reason="complaint", source="")
    Customer.objects.filter(external_id="c3").delete()
    report = work_off(run)
    assert report.states == {"accepted": 1, "cancelled": 3}
    assert report.balances


def test_what_comes_too_late_expires(at_acme: Retailer, outbox: MemoryChannel) -> None:
    factories.customers(2)
    run = launch(timing={"expire_after": "1h"})
    audience.evaluate(run)
    messages.generate(run, now=timezone.now())
    Message.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    report = work_off(run)
    assert report.states == {"expired": 2}
    assert report.run.state == Run.State.COMPLETED


def test_paused_run_waits_and_resumed_run_goes_on(at_acme: Retailer, outbox: MemoryChannel) -> None:
    factories.customers(700)
    run = launch()
    audience.evaluate(run)
    messages.generate(run, now=timezone.now())
    run.refresh_from_db()
    configuration.pause(run)
    work_off(run)
    assert outbox.sent == []
    configuration.resume(run)
    report = work_off(run)
    assert report.states == {"accepted": 700}
    assert report.run.state == Run.State.COMPLETED


def test_cancelled_run_cancels_what_was_not_handed_over(at_acme: Retailer, outbox: MemoryChannel) -> None:
    factories.customers(700)
    run = launch()
    audience.evaluate(run)
    messages.generate(run, now=timezone.now())
    run.refresh_from_db()
    configuration.cancel(run)
    report = work_off(run)
    assert report.states == {"cancelled": 700}
    assert report.balances
    assert outbox.sent == []
    with pytest.raises(NotAllowed, match="cancelled"):
        configuration.resume(run)


def test_mail_server_that_is_down_delays_and_loses_nothing(at_acme: Retailer, settings: Settings) -> None:
    settings.EMAIL_URL = "smtp://127.0.0.1:9"
    factories.customers(20)
    run = launch()
    report = work_off(run)
    assert report.states == {"queued": 20}
    batch = Batch.objects.get()
    assert "127.0.0.1:9" in batch.error
    assert AgendaItem.objects.filter(kind="batch", object_id=batch.pk).exists()

    settings.EMAIL_URL = "memory://back"
    AgendaItem.objects.update(due_at=timezone.now())
    assert work_off(run).states == {"accepted": 20}


def test_unknown_provider_pauses_the_run_with_the_reason(at_acme: Retailer, settings: Settings) -> None:
    settings.EMAIL_URL = "pigeon://coop"
    factories.customers(2)
    run = launch()
    work_off(run)
    assert run.state == Run.State.PAUSED
    assert "pigeon://" in run.reason


def test_scheduled_campaign_starts_by_itself_once(at_acme: Retailer, outbox: MemoryChannel) -> None:
    factories.customers(3)
    soon = timezone.now() - timedelta(seconds=1)
    campaign = factories.campaign(trigger={"kind": "schedule", "at": soon.isoformat()})
    configuration.publish(campaign, now=timezone.now())
    assert campaign.state == Campaign.State.SCHEDULED
    for _ in range(3):
        agenda.put(at_acme, "campaign", campaign.pk)
        pipeline.work(seconds=10)
    assert Run.objects.count() == 1
    assert len(outbox.sent) == 3
    with pytest.raises(NotAllowed, match="already"):
        configuration.launch(Campaign.objects.get(), by="test", now=timezone.now())


def test_edit_of_a_template_is_live_in_the_next_batch(at_acme: Retailer, outbox: MemoryChannel) -> None:
    factories.customers(2)
    run = launch()
    audience.evaluate(run)
    messages.generate(run, now=timezone.now())
    template = Template.objects.get()
    template.subject = "New words"
    template.save()
    version = content.publish(template)
    work_off(run)
    assert [m.subject for m in outbox.sent] == ["New words", "New words"]
    assert set(Message.objects.values_list("template_hash", flat=True)) == {version.content_hash}


def test_unsubscribe_link_shows_on_get_and_acts_on_post(at_acme: Retailer, outbox: MemoryChannel) -> None:
    factories.customers(2)
    work_off(launch())
    link = outbox.sent[0].headers["List-Unsubscribe"].strip("<>")
    browser = Client(headers={"host": "acme.localhost"}, enforce_csrf_checks=True)
    path = link.removeprefix("http://acme.localhost:8000")
    assert browser.get(path).status_code == 200
    assert Suppression.objects.count() == 0
    answer = browser.post(path, {"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    with context.in_retailer(at_acme):
        assert Suppression.objects.get().address == outbox.sent[0].recipient
        assert work_off(configuration.launch(Campaign.objects.get(), by="test", now=timezone.now())).states == {
            "accepted": 1
        }
        assert browser.post(path, {"undo": "1"}).status_code == 200
    with context.in_retailer(at_acme):
        assert Suppression.objects.count() == 0


@pytest.mark.parametrize("spoil", [lambda t: t[:-2], lambda t: "B" + t[1:], lambda t: t + "AA", lambda t: "x"])
def test_damaged_unsubscribe_link_does_nothing(
    at_acme: Retailer, outbox: MemoryChannel, spoil: Callable[[str], str]
) -> None:
    factories.customers(1)
    work_off(launch())
    token = identity.Signer(at_acme, "message").token(Message.objects.get().pk)
    answer = Client(headers={"host": "acme.localhost"}).post(f"/u/{spoil(token)}")
    assert answer.status_code == 404
    with context.in_retailer(at_acme):
        assert Suppression.objects.count() == 0


def test_unsubscribe_link_of_one_retailer_does_nothing_at_another(
    at_acme: Retailer, globex: Retailer, outbox: MemoryChannel
) -> None:
    factories.customers(1)
    work_off(launch())
    token = identity.Signer(at_acme, "message").token(Message.objects.get().pk)
    with context.in_retailer(globex):
        factories.customers(1)
    assert Client(headers={"host": "globex.localhost"}).post(f"/u/{token}").status_code == 404
    with context.in_retailer(globex):
        assert Suppression.objects.count() == 0


def test_public_ids_lead_back_to_their_message_and_no_other(acme: Retailer, globex: Retailer) -> None:
    numbers = [1, 2, 3, 10**6, 2**40, 2**61]
    names = [identity.public_id(acme, number) for number in numbers]
    assert [identity.message_id(acme, name) for name in names] == numbers
    assert [identity.message_id(globex, name) for name in names] == [None] * len(names)
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("people", [3, 300])
def test_number_of_queries_per_batch_does_not_grow_with_people(
    at_acme: Retailer, outbox: MemoryChannel, django_assert_max_num_queries: Any, people: int
) -> None:
    factories.customers(people)
    run = launch()
    with django_assert_max_num_queries(160):  # about half of them select the schema; 50 messages add two
        work_off(run)
    assert len(outbox.sent) == people
