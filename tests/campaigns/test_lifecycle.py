"""The state machine: its table, the page that shows it, and that nothing goes round it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from campaigns import lifecycle
from campaigns.lifecycle import TRANSITIONS, NotAllowed
from campaigns.models import Campaign
from tenants.models import Retailer
from tests import factories

ROOT = Path(__file__).resolve().parent.parent.parent
State = Campaign.State


def table() -> str:
    """The transitions as docs/lifecycle.md shows them."""
    rows = [
        f"| {each.action} | {', '.join(state.label for state in each.sources)} | {each.target.label} | {each.words} |"
        for each in TRANSITIONS
    ]
    return "\n".join(["| action | from | to | when |", "|---|---|---|---|", *rows])


def test_the_docs_show_the_table_that_is_in_force() -> None:
    assert table() in (ROOT / "docs" / "lifecycle.md").read_text(), f"docs/lifecycle.md should hold:\n{table()}"


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("transition", TRANSITIONS, ids=lambda each: each.action)
def test_an_action_is_taken_from_its_states_only(
    at_acme: Retailer, transition: lifecycle.Transition, state: State
) -> None:
    campaign = factories.campaign()
    Campaign.objects.filter(pk=campaign.pk).update(state=state)
    if state in transition.sources:
        lifecycle.move(campaign, transition.action)
        assert Campaign.objects.get(pk=campaign.pk).state == transition.target
    else:
        with pytest.raises(NotAllowed, match="must be one of"):
            lifecycle.move(campaign, transition.action)
        assert Campaign.objects.get(pk=campaign.pk).state == state


def test_every_state_can_be_reached_and_left() -> None:
    targets = {each.target for each in TRANSITIONS} | {State.DRAFT}
    sources = {state for each in TRANSITIONS for state in each.sources}
    assert targets == sources == set(State)


def test_nothing_else_writes_a_campaigns_state() -> None:
    writing = re.compile(
        r"Campaign\.objects[^\n]*\.update\([^)]*\bstate=|\bcampaign\.state = [^\x27]|locked\.state = Campaign"
    )
    code = [path for app in ("campaigns", "delivery", "marketing", "tenants") for path in (ROOT / app).rglob("*.py")]
    found = [str(path) for path in code if path.name != "lifecycle.py" and writing.search(path.read_text())]
    assert found == []
