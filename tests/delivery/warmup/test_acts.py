"""What people do with a warm-up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from campaigns.config.gate import Invalid
from delivery.channels.memory import MemoryChannel
from delivery.models import SenderDomain, WarmUpShare
from delivery.warmup import acts
from tenants import audit, context
from tenants.accounts.models import AuditEntry
from tenants.models import Retailer
from tests import factories
from tests.delivery.warmup.warming import START, begin, launch, next_day, share_of, work_off


def test_skipping_lets_go_at_once_of_what_waits(domain: str, outbox: MemoryChannel) -> None:
    factories.customers(300)
    begin(domain)
    run = launch()
    work_off(run)
    sender = acts.skip(domain, now=timezone.now(), reason="known for years")
    assert (sender.warm_up, sender.reason) == ("skipped", "known for years")
    assert work_off(run) == [{"accepted": 300}]


def test_a_held_warm_up_stays_at_what_a_day_gets(domain: str, outbox: MemoryChannel) -> None:
    factories.customers(300)
    begin(domain)
    run = launch()
    work_off(run)
    acts.hold(domain, now=timezone.now(), reason="holidays")
    for day in (2, 3):
        next_day()
        [states] = work_off(run)
        assert states["accepted"] == day * share_of("other", START)
    acts.go_on(domain, now=timezone.now())
    next_day()
    [states] = work_off(run)
    assert states["accepted"] > 4 * share_of("other", START)


def test_it_is_finished_when_no_group_has_a_bound_left(domain: str, outbox: MemoryChannel) -> None:
    factories.customers(300)
    begin(domain)
    WarmUpShare.objects.update(step=42.0)
    run = launch()
    assert work_off(run) == [{"accepted": 300}]
    sender = SenderDomain.objects.get()
    assert sender.warm_up == "finished"
    assert sender.ended_at is not None


@pytest.mark.parametrize(
    ("act", "parts", "field"),
    [
        ("begin", {"start": 49}, "start"),
        ("begin", {"start": 1001}, "start"),
        ("begin", {"days": 27}, "days"),
        ("begin", {"days": 43}, "days"),
        ("begin", {"start": 100, "peak": 99}, "peak"),
        ("hold", {"reason": "why"}, "act"),
        ("go-on", {}, "act"),
        ("finish", {"reason": "why"}, "act"),
        ("skip", {"reason": " "}, "reason"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_field(
    domain: str, act: str, parts: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        acts.ACTS[act](domain, now=timezone.now(), **parts)
    assert [problem.field for problem in refused.value.problems] == [field]


def test_every_act_stands_in_the_trail(domain: str) -> None:
    now = timezone.now()
    begin(domain)
    acts.hold(domain, now=now, reason="wait")
    acts.go_on(domain, now=now)
    acts.finish(domain, now=now, reason="enough")
    acts.skip(domain, now=now, reason="known")
    with pytest.raises(Invalid):
        acts.skip(domain, now=now, reason="known")
    entries = AuditEntry.objects.filter(kind="sender domain", key=domain).order_by("pk")
    assert list(entries.values_list("action", flat=True)) == ["begin", "hold", "go on", "finish", "skip"]


def test_a_domain_s_page_tells_its_own_history_and_that_of_its_receivers(
    domain: str, at_acme: Retailer, marketer: Callable[[Retailer], Client]
) -> None:
    begin(domain)
    begin(f"{domain}.net")
    audit.note("warm-up", "sender domain", f"{domain} gmail")
    page: Any = marketer(at_acme).get(
        f"/admin/delivery/senderdomain/{SenderDomain.objects.get(domain=domain).pk}/change/"
    )
    assert [entry.key for entry in page.context["history"]] == [f"{domain} gmail", domain]


def test_a_retailer_never_sees_anothers(domain: str, globex: Retailer) -> None:
    begin(domain)
    with context.in_retailer(globex):
        assert not SenderDomain.objects.exists()
