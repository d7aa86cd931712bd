"""What SMS cost, and how one opts out: said on the brand's page, in its file, and followed by what is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from campaigns import content, editing
from campaigns.config.gate import Invalid
from campaigns.models import Brand
from delivery import channelled
from tenants.models import Retailer
from tests.campaigns.ascode.shops import config

SAID = {"sms_currency": "gbp", "sms_prices": "gb 0.0350\r\n* 0.08\r\n", "sms_stop": "FR: STOP au 36111"}
KEPT = {"currency": "GBP", "per_segment": {"GB": "0.0350"}, "otherwise": "0.08", "stop_lines": {"FR": "STOP au 36111"}}


def post(client: Client, **said: str) -> Any:
    brand = content.brand()
    fields = {"name": brand.name, "from_name": "Acme", "from_email": brand.from_email, "colour": "#112233"}
    return client.post(f"/admin/campaigns/brand/{brand.pk}/change/", fields | {"emoji": "any"} | said)


def test_prices_and_opt_out_are_kept_and_shown(at_acme: Retailer, ana: Client) -> None:
    assert post(ana, **SAID).status_code == 302
    brand = Brand.objects.get()
    assert brand.texting == KEPT
    shown = ana.get(f"/admin/campaigns/brand/{brand.pk}/change/").context["adminform"].form.initial
    assert (shown["sms_currency"], shown["sms_prices"], shown["sms_stop"]) == (
        "GBP", "GB 0.0350\n* 0.08", "FR STOP au 36111"
    )  # fmt: skip
    speaker = channelled.Speaker({"channel": "sms", "text": "Salut"}, content.texting(brand))
    context: dict[str, Any] = {"customer": {}, "content": {}}
    assert str(speaker.render(context, address="+33612345678")) == "SmsContent(text='Salut\\nSTOP au 36111')"


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"sms_prices": "GB 0.03"}, "sms_currency"),
        ({"sms_currency": "pounds"}, "sms_currency"),
        ({"sms_currency": "GBP", "sms_prices": "GB cheap"}, "sms_prices"),
        ({"sms_currency": "GBP", "sms_prices": "Britain 0.03"}, "sms_prices"),
        ({"sms_stop": "GB Text END"}, "sms_stop"),
    ],
)
def test_what_is_wrong_is_told_at_its_field(at_acme: Retailer, ana: Client, said: dict[str, str], field: str) -> None:
    assert list(post(ana, **said).context["adminform"].form.errors) == [field]
    assert content.brand().texting == {}


def test_no_door_keeps_what_cannot_be_read(at_acme: Retailer) -> None:
    brand = content.brand()
    brand.texting = {"per_segment": {"GB": "free"}}
    with pytest.raises(Invalid) as refused:
        editing.save_brand(brand)
    assert {problem.field.split(".")[0] for problem in refused.value.problems} == {"texting"}


def test_it_is_configuration_as_code(at_acme: Retailer, ana: Client, tmp_path: Path) -> None:
    post(ana, **SAID)
    assert config("export", "acme", "--out", tmp_path)[0] == 0
    assert "STOP au 36111" in (tmp_path / "brand.yaml").read_text()
    assert config("plan", "acme", tmp_path)[0] == 0
    written = (tmp_path / "brand.yaml").read_text()
    (tmp_path / "brand.yaml").write_text(written.replace("0.08", "0.09"))
    assert config("plan", "acme", tmp_path)[0] == 2
    assert config("apply", "acme", tmp_path)[0] == 0
    assert Brand.objects.get().texting == KEPT | {"otherwise": "0.09"}
