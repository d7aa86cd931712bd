"""A template begun with a starter: the console's form is filled with it, and saving publishes it."""

from __future__ import annotations

import pytest
from django.test import Client

from campaigns.forms import starters
from campaigns.models import Template
from tenants.models import Retailer
from tests.console.forms import submit
from tests.console.test_marketer import said


@pytest.mark.parametrize("key", [key for key, _ in starters.names()])
def test_a_template_begun_with_a_starter_can_be_saved_as_it_is(key: str, at_acme: Retailer, ana: Client) -> None:
    page = f"/admin/campaigns/template/add/?starter={key}"
    made = submit(ana, page, "template_form")
    assert made.status_code == 302, said(made)
    template = Template.objects.get(key=key)
    assert template.source_format == "mjml"
    assert template.live is not None
    assert "<mj-" not in template.live.html
    numbers = [link["number"] for link in template.live.compiled["links"]]
    assert numbers == list(range(1, len(numbers) + 1))
