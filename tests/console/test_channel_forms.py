"""The console's forms of SMS, push and webhook templates, and campaigns that use them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from campaigns import content
from campaigns.models import Campaign, Template
from tenants.models import Retailer
from tests import factories

ADD = "/admin/campaigns/template/add/"
SAID: dict[str, dict[str, Any]] = {
    "sms": {"text": "Hi {{ customer.first_name | default('there') }}\r\n2 for 1", "smart_encoding": "on"},
    "push": {
        "subject": "For you", "text": "2 for 1", "link": "shop://offers", "image": "https://img.example.test/a.png",
        "collapse_id": "offer", "app_data": "sku: {{ content.sku | default('none') }}\r\n\r\nfrom_page: a: b",
    },
    "webhook": {"payload": '{"who": "{{ customer.external_id }}", "points": [1, null, true]}'},
}  # fmt: skip
STORED: dict[str, dict[str, Any]] = {
    "sms": {"text": "Hi {{ customer.first_name | default('there') }}\n2 for 1", "payload": {"smart_encoding": True}},
    "push": {
        "subject": "For you", "text": "2 for 1",
        "payload": {
            "link": "shop://offers", "image": "https://img.example.test/a.png", "collapse_id": "offer",
            "data": {"sku": "{{ content.sku | default('none') }}"},
        },
    },
    "webhook": {"payload": {"who": "{{ customer.external_id }}", "points": [1, None, True]}},
}  # fmt: skip


SHOWN = {
    "webhook": {
        "payload": json.dumps({"who": "{{ customer.external_id }}", "points": [1, None, True]}, indent=2),
    },
}


def add(client: Client, channel: str, **fields: Any) -> Any:
    return client.post(f"{ADD}?channel={channel}", {"name": "Said", "key": "said", **fields}, follow=True)


@pytest.mark.parametrize("channel", ["sms", "push", "webhook"])
def test_template_is_written_published_and_written_again(at_acme: Retailer, ana: Client, channel: str) -> None:
    said = SAID[channel] | ({"app_data": "sku: {{ content.sku | default('none') }}"} if channel == "push" else {})
    assert add(ana, channel, **said).status_code == 200
    made = Template.objects.select_related("live").get(key="said")
    assert made.live
    assert made.channel == channel
    assert {name: getattr(made, name) for name in STORED[channel]} == STORED[channel]
    address = f"/admin/campaigns/template/{made.pk}/change/"
    opened = ana.get(address)
    page = opened.content.decode()
    form = opened.context["adminform"].form
    for name in said:
        assert f'name="{name}"' in page
    assert {name: value for name, value in form.initial.items() if name in said} == SHOWN.get(channel, form.told(made))
    assert 'name="html"' not in page
    assert "Paste from another platform" not in page
    assert "unsubscribe_url" not in page
    ana.post(address, {"name": "Said anew", **said})
    made.refresh_from_db()
    assert (made.name, made.versions.count()) == ("Said anew", 1)
    assert {name: getattr(made, name) for name in STORED[channel]} == STORED[channel]


@pytest.mark.parametrize(
    ("channel", "fields", "words"),
    [
        ("sms", {"text": "{{ nobody }}"}, "Line 1, column 4: nobody is unknown"),
        ("sms", {"text": "x" * 1600}, "11 parts; at most 10"),
        ("push", {"subject": "a", "text": "b", "link": "javascript:alert(1)"}, "or a link of your app"),
        ("push", {"subject": "a", "text": "b", "app_data": "from: x"}, "kept for the push service"),
        ("push", {"subject": "a", "text": "b", "app_data": "Not a name: x"}, "small letters, digits and _"),
        ("webhook", {"payload": '{"a": 1,}'}, "Line 1, column 9: this is no JSON"),
        ("webhook", {"payload": "[1]"}, "begin with { and end with }"),
        ("webhook", {"payload": '{"a": 1, "a": 2}'}, "stands twice"),
        ("webhook", {"payload": '{"a": "{{ nobody }}"}'}, "nobody is unknown"),
        ("webhook", {"payload": '{"a": NaN}'}, "finite"),
    ],
)
def test_what_is_wrong_is_told_at_its_field_and_nothing_is_saved(
    at_acme: Retailer, ana: Client, channel: str, fields: dict[str, Any], words: str
) -> None:
    page = add(ana, channel, **fields)
    assert words in page.content.decode().replace("&quot;", '"').replace("&#x27;", "'")
    assert not Template.objects.filter(key="said").exists()
    place = next(reversed(fields))
    assert place in page.context["adminform"].form.errors


def preview(client: Client, channel: str, **fields: Any) -> dict[str, Any]:
    answer = client.post("/admin/campaigns/template/preview/", {"channel": channel, "customer": "rich", **fields})
    return dict(answer.json())


def test_preview_counts_an_sms_and_names_what_makes_it_dear(at_acme: Retailer, ana: Client) -> None:
    told = preview(ana, "sms", text="It\u2019s “on” 😀")
    assert told["problems"] == []
    assert told["text"].startswith("It\u2019s “on” 😀\n")
    assert "UCS-2" in told["note"]
    assert told["counted"] == {
        "encoding": "UCS-2",
        "foreign": [
            {"char": "\u2019", "instead": "'", "shown": "\u2019"},
            {"char": "“", "instead": '"', "shown": "“"},
            {"char": "”", "instead": '"', "shown": "”"},
            {"char": "😀", "instead": None, "shown": "😀"},
        ],
    }
    plain = preview(ana, "sms", text="It\u2019s “on”", smart_encoding="on")
    assert (plain["counted"], "GSM-7" in plain["note"]) == ({"encoding": "GSM-7", "foreign": []}, True)
    wrong = preview(ana, "sms", text="{{ nobody }}…")
    assert [each["field"] for each in wrong["problems"]] == ["text"]
    assert wrong["counted"]["foreign"] == [{"char": "…", "instead": "...", "shown": "…"}]


def test_preview_of_a_webhook_tells_what_is_no_json(at_acme: Retailer, ana: Client) -> None:
    assert json.loads(preview(ana, "webhook", payload='{"a": "{{ customer.first_name }}"}')["text"]) == {"a": "Ana"}
    [problem] = preview(ana, "webhook", payload='{"a"}')["problems"]
    assert problem["field"] == "payload"


def test_a_campaign_follows_its_templates_channel(at_acme: Retailer, ana: Client) -> None:
    factories.template()
    for channel in ("sms", "push", "webhook"):
        made = Template(key=channel, name=f"By {channel}", channel=channel, **STORED[channel])
        made.save()
        content.publish(made)
    form = {"name": "Tell", "key": "tell", "include": "*everyone", "template": "sms", "when": "api", "topic": "news"}
    page = ana.get("/admin/campaigns/campaign/add/").content.decode()
    for words in ("Hello", "SMS: By sms", "Push: By push", "Webhook: By webhook"):
        assert f">{words}</option>" in page
    ana.post("/admin/campaigns/campaign/add/", {**form, "variants-0-key": "a"})
    campaign = Campaign.objects.get(key="tell")
    assert [(step["channel"], step["template"]) for step in campaign.draft["steps"]] == [("sms", "sms")]
    change = f"/admin/campaigns/campaign/{campaign.pk}/change/"
    ana.post(change, {**form, "template": "hello", "variants-0-key": "a", "draft_number": campaign.draft_number})
    campaign.refresh_from_db()
    assert campaign.draft["steps"][0]["channel"] == "email"


def test_restoring_a_version_brings_back_all_it_said(at_acme: Retailer, ana: Client) -> None:
    add(ana, "push", **SAID["push"] | {"app_data": "a: b"})
    made = Template.objects.get(key="said")
    address = f"/admin/campaigns/template/{made.pk}/"
    ana.post(f"{address}change/", {"name": "Said", "subject": "Other", "text": "words"})
    made.refresh_from_db()
    assert made.payload == {}
    ana.post(f"{address}restore/1/")
    made.refresh_from_db()
    assert (made.subject, made.payload["data"], made.payload["link"]) == ("For you", {"a": "b"}, "shop://offers")
