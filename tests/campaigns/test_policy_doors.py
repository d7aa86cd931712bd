"""Whatever the policies, layers and campaigns: no door accepts what policy forbids, and nobody is sent it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import Settings

from campaigns import checks, configuration, inspection, policies, resolution
from campaigns.config import bans
from campaigns.config import policy as rules
from campaigns.config.gate import Invalid
from campaigns.lifecycle import NotAllowed
from campaigns.models import Campaign
from delivery import pipeline
from delivery.models import Message
from tenants import context
from tenants.models import Group, Retailer
from tests import factories
from tests.campaigns.strategies import configs, policy_documents

relaxed = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def _email_steps(number: int) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = [{"key": f"s{n}", "channel": "email", "template": "hello"} for n in range(number)]
    for before, step in pairwise(steps):
        step["after"] = {"step": before["key"], "delay": "30m"}
    return steps


EMAIL_STEPS = st.integers(1, 3).map(_email_steps)


class Undo(Exception):
    """Ends a try that must leave nothing."""


@pytest.fixture
def at_acme(acme: Retailer, settings: Settings) -> Iterator[Retailer]:
    settings.EMAIL_URL = "memory://acme"
    acme.group = Group.objects.create(key="grocers", name="Grocers")
    acme.save(update_fields=["group"])
    with context.in_retailer(acme):
        factories.customers(5)
        factories.template()
        yield acme


def undone(attempt: Callable[[], None]) -> None:
    try:
        with transaction.atomic():
            attempt()
            raise Undo
    except Undo:
        return


def problems_of(act: Callable[[], object]) -> set[str]:
    """The codes of what an act is refused for; none when it was done."""
    try:
        with transaction.atomic():
            act()
    except Invalid as refused:
        return {problem.code for problem in refused.problems}
    return set()


def set_layers(retailer: Retailer, layers: tuple[Any, Any, Any]) -> None:
    """What is looser than what stands above is refused, and then not said."""
    for owner, policy in zip((None, retailer.group, retailer), layers, strict=True):
        problems = problems_of(partial(policies.save, owner, policy=policy))
        assert problems <= {"loosened", "value_error"}  # the second: quiet hours that leave nothing of the day


def is_allowed(document: dict[str, Any]) -> bool:
    retailer = context.current()
    config = resolution.resolve(document).config
    policy = rules.meet_all(each.policy for each in policies.said(retailer))
    return not bans.of_campaign(config, policy, zone=retailer.tzinfo)


LAYERS = st.tuples(policy_documents(), policy_documents(), policy_documents())


@relaxed
@given(LAYERS, configs())
def test_no_door_takes_a_draft_that_policy_forbids(
    at_acme: Retailer, api_key: Any, tmp_path: Path, layers: tuple[Any, Any, Any], data: dict[str, Any]
) -> None:
    def attempt() -> None:
        set_layers(at_acme, layers)
        allowed = is_allowed(data)
        assert taken_by_domain(data) == taken_by_api(data, api_key(at_acme)) == taken_as_code(data, tmp_path) == allowed

    undone(attempt)


def taken_by_domain(data: dict[str, Any]) -> bool:
    assert problems_of(lambda: configuration.save_draft({**data, "key": "by-domain"})) <= {"policy"}
    return Campaign.objects.filter(key="by-domain").exists()


def taken_by_api(data: dict[str, Any], key: str) -> bool:
    client = Client(headers={"host": "acme.localhost", "authorization": f"Api-Key {key}"})
    answer = client.post("/api/v1/campaigns/", {**data, "key": "by-api"}, content_type="application/json")
    context.enter(context.find("acme"))
    assert answer.status_code in (201, 400)
    assert answer.status_code == 201 or {error["code"] for error in answer.json()["errors"]} == {"policy"}
    return Campaign.objects.filter(key="by-api").exists()


def taken_as_code(data: dict[str, Any], folder: Path) -> bool:
    call_command("config", "export", "acme", "--out", str(folder), verbosity=0, stdout=_Nowhere())
    file = folder / "campaigns" / "as-code.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(yaml.safe_dump(json.loads(json.dumps({**data, "key": "as-code"}))))
    try:
        call_command("config", "apply", "acme", str(folder), verbosity=0, stdout=_Nowhere(), stderr=_Nowhere())
    except CommandError:
        assert not Campaign.objects.filter(key="as-code").exists()
    context.enter(context.find("acme"))
    return Campaign.objects.filter(key="as-code").exists()


class _Nowhere:
    def write(self, text: str) -> None:
        """Not asked for."""


@relaxed
@given(LAYERS, configs(steps=EMAIL_STEPS, trigger={"kind": "api"}, topic="promotions"))
def test_nothing_is_published_or_started_that_policy_forbids(
    at_acme: Retailer, layers: tuple[Any, Any, Any], data: dict[str, Any]
) -> None:
    def attempt() -> None:
        campaign = configuration.save_draft(data)
        set_layers(at_acme, layers)
        policy = policies.effective(at_acme)
        config = resolution.resolve(campaign.draft).config
        bad = checks.forbidden(config, policy) or inspection.blocking(config, policy) or policy.approval
        for act in (
            lambda: configuration.publish(campaign, now=timezone.now()),
            lambda: configuration.launch(campaign, by="test", now=timezone.now()),
        ):
            if bad:
                with pytest.raises((Invalid, NotAllowed)):
                    act()
            else:
                act()
        assert campaign.versions.exists() is campaign.runs.exists() is not bool(bad)

    undone(attempt)


@relaxed
@given(
    LAYERS, st.lists(configs(steps=EMAIL_STEPS, trigger={"kind": "api"}, topic="promotions"), min_size=1, max_size=3)
)
def test_nobody_is_sent_what_a_later_policy_forbids(
    at_acme: Retailer, layers: tuple[Any, Any, Any], documents: list[dict[str, Any]]
) -> None:
    def attempt() -> None:
        runs = []
        for number, data in enumerate(documents):
            campaign = configuration.save_draft({**data, "key": f"c{number}"})
            runs.append(configuration.launch(campaign, by="test", now=timezone.now()))
        set_layers(at_acme, layers)
        policy = policies.effective(at_acme)
        pipeline.work(seconds=20)
        for run in runs:
            run.refresh_from_db()
            if checks.stopped_by(run.version):
                assert (run.state, sent(run=run)) == ("paused", 0)
                assert run.reason.startswith("policy: ")
        assert sent() <= (policy.max_per_day if policy.max_per_day is not None else sent())
        assert not sent() or rules.opens_at(policy, timezone.now(), at_acme.tzinfo) is None
        per_person = Counter(Message.objects.filter(state="accepted").values_list("customer_id", flat=True))
        for cap in policy.per_customer:
            assert max(per_person.values(), default=0) <= cap.messages

    undone(attempt)


def sent(**which: Any) -> int:
    return Message.objects.filter(state="accepted", **which).count()
