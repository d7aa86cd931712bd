"""The page of providers: typed fields of each kind, credentials that are never shown, and a test."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from delivery.breaker import Breaker
from delivery.channels import KINDS
from delivery.channels.base import ChannelUnavailable
from delivery.models import Provider
from delivery.providers import accounts, opened
from tenants import sealing
from tenants.models import Retailer
from tests.console.forms import fields, submit

LIST = "/admin/delivery/provider/"
ADD = f"{LIST}add/"
PASSWORD = "hunter2 and more"


def add(ana: Client, kind: str, channel: str, **values: Any) -> Any:
    named = {name.replace("__", "-"): value for name, value in values.items()}
    return submit(ana, f"{ADD}?kind={kind}&channel={channel}", "provider_form", **named)


def test_kinds_are_offered_by_channel_and_each_has_a_form(at_acme: Retailer, ana: Client) -> None:
    page = ana.get(ADD).content.decode()
    for kind in KINDS.values():
        for channel in kind.speaks:
            assert f"?kind={kind.name}&amp;channel={channel}" in page
            form = ana.get(f"{ADD}?kind={kind.name}&channel={channel}").content.decode()
            names = [f"settings-{name}" for name in kind.settings.model_fields]
            names += [f"credentials-{name}" for name in kind.credentials.model_fields]
            assert [name for name in names if f'name="{name}"' not in form] == []


def test_a_provider_is_added_by_its_form_and_its_secret_is_on_no_page(at_acme: Retailer, ana: Client) -> None:
    done = add(
        ana, "smtp", "email", key="relay", settings__host="mail.example", settings__username="shop",
        credentials__password=PASSWORD, rate="20", per_domain="gmail.com 600\n* 60", priority="5",
    )  # fmt: skip
    assert done.status_code == 302, done.content.decode()
    provider = Provider.objects.get()
    assert (provider.key, provider.channel, provider.kind, provider.priority) == ("relay", "email", "smtp", 5)
    assert (provider.rate, provider.per_domain) == (20.0, {"gmail.com": 600, "*": 60})
    assert sealing.unseal(at_acme, opened.PURPOSE, provider.credentials) == {"password": PASSWORD}
    for path in (LIST, f"{LIST}{provider.pk}/change/", f"{LIST}{provider.pk}/history/", "/admin/accounts/auditentry/"):
        assert PASSWORD not in ana.get(path).content.decode(), path


def test_a_change_leaves_the_secret_unless_another_is_entered(at_acme: Retailer, ana: Client) -> None:
    add(ana, "sendgrid", "email", key="sg", credentials__api_key="SG.one")
    provider = Provider.objects.get()
    path = f"{LIST}{provider.pk}/change/"
    assert "Leave blank to keep it" in ana.get(path).content.decode()
    assert submit(ana, path, "provider_form", priority="3").status_code == 302
    provider.refresh_from_db()
    assert sealing.unseal(at_acme, opened.PURPOSE, provider.credentials) == {"api_key": "SG.one"}
    submit(ana, path, "provider_form", **{"credentials-api_key": "SG.two"})
    provider.refresh_from_db()
    assert sealing.unseal(at_acme, opened.PURPOSE, provider.credentials) == {"api_key": "SG.two"}
    assert (provider.key, provider.priority) == ("sg", 3)


def test_another_server_asks_for_the_secret_again(at_acme: Retailer, ana: Client) -> None:
    add(ana, "sendgrid", "email", key="sg", credentials__api_key="SG.one")
    path = f"{LIST}{Provider.objects.get().pk}/change/"
    elsewhere = {"settings-base_url": "https://evil.example"}
    errors = submit(ana, path, "provider_form", **elsewhere).context["adminform"].form.errors
    assert "enter it again" in str(errors["credentials-api_key"])
    assert Provider.objects.get().settings == {}
    assert submit(ana, path, "provider_form", **elsewhere, **{"credentials-api_key": "SG.one"}).status_code == 302


def test_a_mistake_is_told_at_its_field_and_what_was_secret_is_not_shown_again(at_acme: Retailer, ana: Client) -> None:
    page = add(ana, "twilio", "sms", key="tw", settings__account_sid="nonsense", credentials__auth_token=PASSWORD)
    text = page.content.decode()
    assert page.status_code == 200
    assert "settings-account_sid" in page.context["adminform"].form.errors
    assert PASSWORD not in text
    assert not Provider.objects.exists()
    page = add(ana, "smtp", "email", key="relay", settings__host="h", settings__username="shop")
    assert "user name and a password" in str(page.context["adminform"].form.errors["credentials-password"])
    page = add(ana, "smtp", "email", key="relay", settings__host="h", per_domain="gmail.com many")
    assert "gmail.com 600" in str(page.context["adminform"].form.errors["per_domain"])


def test_a_default_that_is_not_wanted_can_be_left_blank(at_acme: Retailer, ana: Client) -> None:
    add(ana, "http_sms", "sms", key="gw", settings__url="https://sms.example/", settings__id_path="")
    provider = Provider.objects.get()
    assert provider.settings == {"url": "https://sms.example/", "id_path": ""}
    again = fields(ana.get(f"{LIST}{provider.pk}/change/"), "provider_form")
    assert (again["settings-id_path"], again["settings-token_prefix"]) == ("", "Bearer")


def test_what_is_switched_on_unless_it_is_said_can_be_switched_off(at_acme: Retailer, ana: Client) -> None:
    add(ana, "smtp", "email", key="relay", settings__host="mail.example", settings__chunking="on")
    provider = Provider.objects.get()
    assert provider.settings.get("chunking", True) is True
    path = f"{LIST}{provider.pk}/change/"
    assert "settings-chunking" in fields(ana.get(path), "provider_form")  # as only a box that is checked is
    assert submit(ana, path, "provider_form", **{"settings-chunking": ""}).status_code == 302
    provider.refresh_from_db()
    assert provider.settings["chunking"] is False
    assert submit(ana, path, "provider_form", priority="3").status_code == 302
    provider.refresh_from_db()
    assert provider.settings["chunking"] is False


def test_the_list_tells_state_and_volume(at_acme: Retailer, ana: Client) -> None:
    for key in ("first", "second"):
        accounts.save({"key": key, "channel": "sms", "kind": "memory", "is_active": key == "first"})
    Breaker(Provider.objects.get(key="first").pk).refuse(ChannelUnavailable("nothing listens there", permanent=True))
    text = ana.get(LIST).content.decode()
    assert "resting" in text
    assert "switched off" in text
    page = ana.get(f"{LIST}{Provider.objects.get(key='first').pk}/change/").content.decode()
    assert "It was left alone because of this: nothing listens there" in page


def test_a_test_is_sent_whatever_the_state_says(at_acme: Retailer, ana: Client, settings: Settings) -> None:
    provider = accounts.save({"key": "first", "channel": "sms", "kind": "memory"})
    Breaker(provider.pk).refuse(ChannelUnavailable("down", permanent=True))
    path = f"{LIST}{provider.pk}/"
    told = ana.post(f"{path}test/", {"to": "+4915112345678"}, follow=True).content.decode()
    assert "The test was accepted." in told
    settings.ALLOW_PRIVATE_ADDRESSES = False
    relay = accounts.save({"key": "relay", "channel": "email", "kind": "smtp", "settings": {"host": "127.0.0.1"}})
    told = ana.post(f"{LIST}{relay.pk}/test/", {"to": "a@b.example"}, follow=True).content.decode()
    assert "No test was sent." in told


def test_a_provider_is_removed(at_acme: Retailer, ana: Client) -> None:
    provider = accounts.save({"key": "first", "channel": "sms", "kind": "memory"})
    ana.post(f"{LIST}{provider.pk}/delete/", {"post": "yes"})
    assert not Provider.objects.exists()


@pytest.mark.parametrize("query", ["?kind=pigeon&channel=sms", "?kind=smtp&channel=sms", "?kind=smtp", "?channel=x"])
def test_a_kind_that_there_is_not_leads_to_the_choice(at_acme: Retailer, ana: Client, query: str) -> None:
    assert ana.get(ADD + query).context["title"] == "Add a provider"
