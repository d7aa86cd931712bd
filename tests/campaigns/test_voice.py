"""The brand's voice, at each of its doors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from campaigns import content, editing, policies
from campaigns.ascode.kinds.brand import BrandKind
from campaigns.config.gate import Invalid
from campaigns.forms.policy import PolicyForm, initial
from campaigns.models import Brand
from tenants.models import Retailer
from tests.console.forms import fields, submit

SAID = {
    "banned_words": ["cheap", "buy now"],
    "disclaimers": [
        {"text": "While stocks last.", "topics": []},
        {"text": "Drink responsibly. 18+ | UK", "topics": ["wine", "beer"]},
    ],
    "emoji": "one",
    "exclamation_marks": False,
    "avoided_phrases": ["hey guys"],
}


def test_page_shows_and_saves_each_part_in_a_field_of_its_own(
    at_acme: Retailer, marketer: Callable[[Retailer], Client]
) -> None:
    ana, path = marketer(at_acme), f"/admin/campaigns/brand/{content.brand().pk}/change/"
    written = {
        "banned_words": "cheap\n\n  buy now \nCHEAP",
        "disclaimers": "While stocks last.\nDrink responsibly. 18+ | UK | wine, beer",
        "emoji": "one",
        "avoided_phrases": "hey guys",
    }
    page = ana.get(path)
    left = {name: value for name, value in fields(page, "brand_form").items() if name != "exclamation_marks"}
    ana.post(path, left | written)
    voice = content.voice(Brand.objects.get())
    assert voice.model_dump() == SAID
    shown = ana.get(path).content.decode()
    assert "Drink responsibly. 18+ | UK | wine, beer" in shown
    refused = submit(ana, path, "brand_form", disclaimers="Fine.\nToo odd. | No Key!")
    assert "Line 2:" in refused.content.decode()
    assert content.voice(Brand.objects.get()) == voice


def test_voice_travels_as_configuration_and_says_nothing_where_nothing_is_asked(at_acme: Retailer) -> None:
    kind, brand = BrandKind(), content.brand()
    assert set(kind.document(brand)) == {"name", "from_name", "from_email", "colour"}
    document = kind.document(brand) | SAID
    kind.save(kind.shaped(document), now=None)  # type: ignore[arg-type]
    assert kind.document(Brand.objects.get()) == document
    with pytest.raises(Invalid) as refusal:
        kind.shaped(document | {"banned_words": "cheap"})
    assert [problem.field for problem in refusal.value.problems] == ["banned_words"]


def test_saving_refuses_what_is_no_voice(at_acme: Retailer) -> None:
    brand = content.brand()
    brand.disclaimers = [{"txt": "Hello"}]
    with pytest.raises(Invalid) as refusal:
        editing.save_brand(brand)
    assert {problem.field for problem in refusal.value.problems} == {"disclaimers.0.text", "disclaimers.0.txt"}


# -- how much a check weighs -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("platform", "own", "field"),
    [
        ({"checks": {"contrast": "error"}}, {"checks": {"contrast": "warning"}}, "checks"),
        ({"checks_off": ["contrast"]}, {"checks_off": ["contrast"]}, "checks_off"),
        ({}, {"checks_off": ["unsubscribe"]}, "checks_off"),
        ({}, {"checks": {"spelling": "error"}}, "checks.spelling"),
    ],
)
def test_only_the_platform_switches_checks_off_and_nobody_makes_them_lighter(
    acme: Retailer, platform: dict[str, Any], own: dict[str, Any], field: str
) -> None:
    policies.save(None, policy=platform)
    with pytest.raises(Invalid) as refusal:
        policies.save(acme, policy=own)
    assert [problem.field for problem in refusal.value.problems] == [field]


def test_retailer_may_ask_for_more_also_where_the_platform_does_not_look(acme: Retailer) -> None:
    policies.save(None, policy={"checks_off": ["contrast", "tone"], "checks": {"tone": "warning"}})
    policies.save(acme, policy={"checks": {"contrast": "error"}})
    policy = policies.effective(acme)
    assert policy.checks == {"contrast": "error", "tone": "warning"}
    assert policies.sources(acme)["checks"] == [
        ("platform", "tone is warned of"),
        ("retailer", "contrast must be right"),
    ]


@pytest.mark.parametrize("is_platform", [True, False])
def test_policy_form_says_what_it_shows(is_platform: bool) -> None:
    policy: dict[str, Any] = {"checks": {"preheader": "warning", "contrast": "error"}}
    if is_platform:
        policy["checks_off"] = ["capitals"]
    shown = PolicyForm(initial=initial(policy), is_platform=is_platform)
    data = {field.name: field.value() for field in shown if field.value()}
    form = PolicyForm(data, is_platform=is_platform)
    assert form.is_valid()
    assert form.document() == policy
