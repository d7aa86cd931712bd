"""Who may do what: every address of a retailer's console that changes something, tried by every role below."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import URLPattern, URLResolver
from django.utils import timezone

from campaigns import attributes, configuration, content, suppressions
from campaigns.importing import uploads
from campaigns.models import (
    AttributeDefinition,
    Brand,
    Campaign,
    Customer,
    Import,
    Run,
    SeedList,
    Segment,
    Suppression,
    Template,
)
from delivery.channels.memory import MemoryChannel
from delivery.models import Provider, SenderDomain
from delivery.providers import accounts
from tenants import stops
from tenants.accounts.models import ApiKey, AuditEntry, Role, User
from tenants.console import retailer_console
from tenants.models import Layer, Retailer, Stop
from tests import factories
from tests.console.forms import fields
from tests.console.people import colleague

# What is sent to which address, and the role that it needs. N stands for the row's number.
CHANGING: dict[str, tuple[str, Role, dict[str, str]]] = {
    "campaigns_campaign_add": ("campaigns/campaign/add/", Role.EDITOR, {"name": "New", "key": "new"}),
    "campaigns_campaign_change": ("campaigns/campaign/N/change/", Role.EDITOR, {"name": "Renamed", "key": "welcome"}),
    "campaigns_campaign_delete": ("campaigns/campaign/N/delete/", Role.EDITOR, {"post": "yes"}),
    "campaigns_campaign_launch": ("campaigns/campaign/N/launch/", Role.EDITOR, {"draft_number": "1"}),
    "campaigns_campaign_publish": ("campaigns/campaign/N/publish/", Role.EDITOR, {"draft_number": "1"}),
    "campaigns_campaign_withdraw": ("campaigns/campaign/N/withdraw/", Role.EDITOR, {}),
    "campaigns_campaign_test": ("campaigns/campaign/N/test/", Role.EDITOR, {}),
    "campaigns_campaign_pause": ("campaigns/campaign/N/pause/", Role.EDITOR, {}),
    "campaigns_campaign_resume": ("campaigns/campaign/N/resume/", Role.EDITOR, {}),
    "campaigns_campaign_cancel": ("campaigns/campaign/N/cancel/", Role.EDITOR, {}),
    "campaigns_campaign_stop": ("campaigns/campaign/N/stop/", Role.EDITOR, {}),
    "campaigns_campaign_submit": ("campaigns/campaign/N/submit/", Role.EDITOR, {}),
    "campaigns_campaign_restore": ("campaigns/campaign/N/restore/1/", Role.EDITOR, {"draft_number": "1"}),
    "campaigns_campaign_approve": ("campaigns/campaign/N/approve/", Role.APPROVER, {}),
    "campaigns_campaign_send_back": ("campaigns/campaign/N/send-back/", Role.APPROVER, {}),
    "campaigns_run_pause": ("campaigns/run/N/pause/", Role.EDITOR, {}),
    "campaigns_run_resume": ("campaigns/run/N/resume/", Role.EDITOR, {}),
    "campaigns_run_resolve": ("campaigns/run/N/resolve/", Role.EDITOR, {"as": "sent", "all": "yes"}),
    "campaigns_run_throttle": ("campaigns/run/N/throttle/", Role.EDITOR, {"per_minute": "60"}),
    "campaigns_run_cancel": ("campaigns/run/N/cancel/", Role.EDITOR, {}),
    "campaigns_seedlist_add": ("campaigns/seedlist/add/", Role.EDITOR, {"name": "S", "key": "s"}),
    "campaigns_seedlist_change": ("campaigns/seedlist/N/change/", Role.EDITOR, {"name": "S", "addresses": "a@b.test"}),
    "campaigns_seedlist_delete": ("campaigns/seedlist/N/delete/", Role.EDITOR, {"post": "yes"}),
    "campaigns_segment_add": ("campaigns/segment/add/", Role.EDITOR, {"name": "S", "key": "s"}),
    "campaigns_segment_change": ("campaigns/segment/N/change/", Role.EDITOR, {"name": "S", "key": "s"}),
    "campaigns_segment_delete": ("campaigns/segment/N/delete/", Role.EDITOR, {"post": "yes"}),
    "campaigns_template_add": ("campaigns/template/add/", Role.EDITOR, {"name": "T", "key": "t", "html": "<p>T</p>"}),
    "campaigns_template_change": ("campaigns/template/N/change/", Role.EDITOR, {"name": "T", "html": "<p>T</p>"}),
    "campaigns_template_delete": ("campaigns/template/N/delete/", Role.EDITOR, {"post": "yes"}),
    "campaigns_template_restore": ("campaigns/template/N/restore/1/", Role.EDITOR, {}),
    "campaigns_customer_add": ("campaigns/customer/add/", Role.EDITOR, {"external_id": "x"}),
    "campaigns_customer_change": ("campaigns/customer/N/change/", Role.EDITOR, {"city": "Hull"}),
    "campaigns_customer_delete": ("campaigns/customer/N/delete/", Role.EDITOR, {"post": "yes"}),
    "campaigns_import_add": ("campaigns/import/add/", Role.EDITOR, {"kind": "customers"}),
    "campaigns_import_mapping": ("campaigns/import/N/mapping/", Role.EDITOR, {"column-0": "external_id"}),
    "campaigns_import_preview": ("campaigns/import/N/preview/", Role.EDITOR, {}),
    "campaigns_import_start": ("campaigns/import/N/start/", Role.EDITOR, {}),
    "campaigns_import_cancel": ("campaigns/import/N/cancel/", Role.EDITOR, {}),
    "campaigns_import_delete": ("campaigns/import/N/delete/", Role.EDITOR, {"post": "yes"}),
    "campaigns_attributedefinition_add": (
        "campaigns/attributedefinition/add/",
        Role.EDITOR,
        {"name": "size", "type": "text"},
    ),
    "campaigns_attributedefinition_change": (
        "campaigns/attributedefinition/N/change/",
        Role.EDITOR,
        {"description": "changed"},
    ),
    "campaigns_attributedefinition_delete": ("campaigns/attributedefinition/N/delete/", Role.EDITOR, {"post": "yes"}),
    "campaigns_attributedefinition_declare": (
        "campaigns/attributedefinition/declare/",
        Role.EDITOR,
        {"name": "colour", "type": "text"},
    ),
    "campaigns_customer_consent": (
        "campaigns/customer/N/consent/",
        Role.EDITOR,
        {"channel": "sms", "granted": "true", "source": "by phone"},
    ),
    "campaigns_customer_suppress": ("campaigns/customer/N/suppress/", Role.EDITOR, {"channel": "email"}),
    "campaigns_customer_export": ("campaigns/customer/N/export/", Role.EDITOR, {}),
    "campaigns_suppression_add": (
        "campaigns/suppression/add/",
        Role.EDITOR,
        {"channel": "email", "address": "a@b.example"},
    ),
    "campaigns_suppression_delete": ("campaigns/suppression/N/delete/", Role.EDITOR, {"post": "yes"}),
    "campaigns_brand_change": ("campaigns/brand/N/change/", Role.EDITOR, {"name": "Other"}),
    "blueprint_use": ("blueprints/winback/use/", Role.EDITOR, {"name": "Mine"}),
    "blueprint_accept": ("blueprints/accept/N/", Role.EDITOR, {}),
    "stop_sending": ("stop/", Role.EDITOR, {"change_reason": "wrong price"}),
    "lift_stop": ("stop/lift/", Role.EDITOR, {}),
    "policy": ("policy/", Role.ADMIN, {"max_per_day": "5"}),
    "delivery_provider_add": (
        "delivery/provider/add/?kind=smtp&channel=email",
        Role.ADMIN,
        {"key": "relay", "settings-host": "mail.example", "settings-security": "tls", "priority": "1", "timeout": "9"},
    ),
    "delivery_provider_change": (
        "delivery/provider/N/change/",
        Role.ADMIN,
        {"priority": "7", "timeout": "9"},
    ),
    "delivery_provider_delete": ("delivery/provider/N/delete/", Role.ADMIN, {"post": "yes"}),
    "delivery_provider_test": ("delivery/provider/N/test/", Role.ADMIN, {"to": "ana@example.test"}),
    "delivery_senderdomain_check": ("delivery/senderdomain/N/check/", Role.ADMIN, {}),
    "delivery_senderdomain_selectors": ("delivery/senderdomain/N/selectors/", Role.ADMIN, {"selectors": "s1"}),
    "delivery_senderdomain_begin": ("delivery/senderdomain/N/begin/", Role.ADMIN, {"start": "100"}),
    "delivery_senderdomain_hold": ("delivery/senderdomain/N/hold/", Role.ADMIN, {"change_reason": "wait"}),
    "delivery_senderdomain_go_on": ("delivery/senderdomain/N/go-on/", Role.ADMIN, {}),
    "accounts_user_add": ("accounts/user/add/", Role.ADMIN, {"email": "new@acme.example", "role": "admin"}),
    "accounts_user_change": (
        "accounts/user/N/change/",
        Role.ADMIN,
        {"email": "me@acme.example", "role": "admin", "is_active": "on"},
    ),
    "accounts_user_link": ("accounts/user/N/link/", Role.ADMIN, {}),
    "accounts_apikey_add": ("accounts/apikey/add/", Role.ADMIN, {"name": "Till", "scope": "full"}),
    "accounts_apikey_change": ("accounts/apikey/N/change/", Role.ADMIN, {"name": "Other", "revoked": "on"}),
}
# Addresses that only show, act on the visitor's own session, or refuse everybody.
SHOWING = {
    "index", "login", "logout", "password_change", "password_change_done", "autocomplete", "jsi18n", "view_on_site",
    "app_list", "search", "toggle_sidebar", "blueprints", "blueprint_not_now", "digest",
    "campaigns_campaign_audience", "campaigns_campaign_review", "campaigns_run_progress", "campaigns_segment_try",
    "campaigns_segment_count", "campaigns_run_unknowns", "campaigns_run_results", "campaigns_run_heat",
    "campaigns_run_export", "results", "explain",
    "campaigns_template_preview", "campaigns_import_progress", "campaigns_import_rejects",
    "campaigns_template_convert", "campaigns_template_people", "campaigns_campaign_preview",
}  # fmt: skip
NEVER = {
    "campaigns_import_change", "campaigns_product_add", "campaigns_product_change", "campaigns_product_delete",
    "campaigns_run_add", "campaigns_run_change", "campaigns_run_delete", "delivery_message_add",
    "delivery_message_change", "delivery_message_delete", "accounts_auditentry_add", "accounts_auditentry_change",
    "accounts_auditentry_delete", "campaigns_suppression_change", "campaigns_brand_add", "campaigns_brand_delete",
    "accounts_user_delete", "accounts_apikey_delete", "delivery_senderdomain_add", "delivery_senderdomain_change",
    "delivery_senderdomain_delete",
}  # fmt: skip
MODELS = {
    "campaign": Campaign, "run": Run, "segment": Segment, "template": Template, "customer": Customer,
    "suppression": Suppression, "brand": Brand, "user": User, "apikey": ApiKey, "accept": Campaign,
    "provider": Provider, "attributedefinition": AttributeDefinition, "import": Import,
    "seedlist": SeedList, "senderdomain": SenderDomain,
}  # fmt: skip


@pytest.fixture
def full_acme(at_acme: Retailer, outbox: MemoryChannel) -> Retailer:
    """Acme with a row in every table, a campaign under way, and a stop."""
    content.brand()
    factories.customers(2)
    factories.segment("leeds", {"attribute": "city", "eq": "Leeds"})
    SeedList.objects.create(key="seeds", name="Seeds", addresses=["ana@example.test"])
    suppressions.put(channel="email", address="gone@example.test", reason="manual", source="")
    ApiKey.objects.create_key(name="Till")
    attributes.declare("tier", type="text")
    uploads.receive(ContentFile(b"id\nc1\n", name="people.csv"), kind="customers", by="Ana")
    configuration.launch(factories.campaign(), by="test", now=timezone.now())
    accounts.save({"key": "first", "channel": "sms", "kind": "memory"})
    SenderDomain.objects.create(domain="shop.example")
    stops.stop(at_acme, reason="a test")
    return at_acme


def state() -> dict[str, Any]:
    """Everything that somebody could have changed, but for when they last came."""
    tables = [*dict.fromkeys(MODELS.values()), Layer, Stop, AuditEntry]
    return {
        model.__name__: sorted(map(str, model._default_manager.order_by("pk").values()))
        for model in tables
        if model is not User
    } | {"User": list(User.objects.order_by("pk").values_list("email", "role", "is_active", "is_superuser"))}


@pytest.mark.parametrize("name", CHANGING)
def test_lower_roles_change_nothing(name: str, full_acme: Retailer) -> None:
    route, needed, data = CHANGING[name]
    people = {role: colleague(full_acme, role) for role in Role}
    for role in [each for each in Role if not each.includes(needed)]:
        path, before = f"/admin/{placed(route)}", state()
        assert people[role].post(path, data).status_code == 403, role
        assert state() == before, role


@pytest.mark.parametrize("name", CHANGING)
def test_the_role_that_is_needed_is_let_in(name: str, full_acme: Retailer) -> None:
    route, needed, data = CHANGING[name]
    assert colleague(full_acme, needed).post(f"/admin/{placed(route)}", data).status_code in (200, 302)


def test_no_address_of_the_console_is_forgotten_here() -> None:
    looking = {name for name in addresses() if name.endswith(("_changelist", "_history"))}
    assert addresses() - looking - SHOWING - NEVER == set(CHANGING)


@pytest.mark.parametrize("kind", ["campaign", "segment", "template", "customer", "brand"])
def test_viewer_sees_the_form_switched_off_and_no_button_to_use(kind: str, full_acme: Retailer) -> None:
    viewer = colleague(full_acme, Role.VIEWER)
    page = viewer.get(f"/admin/{placed(f'campaigns/{kind}/N/change/')}")
    text = page.content.decode()
    assert "<fieldset disabled" in text
    assert 'name="_save"' not in text
    assert "Why?" not in text
    assert 'name="name"' in text or kind == "customer"


def test_viewer_of_a_campaign_and_its_run_has_no_button_to_steer_with(full_acme: Retailer) -> None:
    stops.lift(full_acme)
    viewer, editor = colleague(full_acme, Role.VIEWER), colleague(full_acme, Role.EDITOR)
    for path, button in (("campaign/N/change", "Stop now"), ("run/N/change", "Cancel run")):
        address = f"/admin/{placed(f'campaigns/{path}/')}"
        assert button in editor.get(address).content.decode()
        assert button not in viewer.get(address).content.decode()
    assert "Stop all sending" not in viewer.get("/admin/").content.decode()


def test_role_is_chosen_on_the_persons_page_and_written_down(full_acme: Retailer, ana: Client) -> None:
    ben = User.objects.create_user("ben@acme.example", role=Role.VIEWER, is_staff=True)
    path = f"/admin/accounts/user/{ben.pk}/change/"
    ana.post(path, fields(ana.get(path), "user_form") | {"role": "admin", "change_reason": "Ana is on leave"})
    ben.refresh_from_db()
    assert (ben.role, ben.is_superuser) == ("admin", True)
    entry: Any = AuditEntry.objects.filter(kind="person").latest("pk")
    assert (entry.before["role"], entry.after["role"], entry.reason) == ("viewer", "admin", "Ana is on leave")
    ana.post(path, fields(ana.get(path), "user_form") | {"role": "editor"})
    ben.refresh_from_db()
    assert (ben.role, ben.is_superuser) == ("editor", False)


def test_trail_of_a_key_names_it_and_holds_no_secret(full_acme: Retailer, ana: Client) -> None:
    shown = ana.post("/admin/accounts/apikey/add/", {"name": "Till 2", "scope": "full"})
    secret = shown.context["key"]
    key = ApiKey.objects.get(name="Till 2")
    ana.post(f"/admin/accounts/apikey/{key.pk}/change/", {"name": "Till 2", "revoked": "on"})
    entries = AuditEntry.objects.filter(kind="api key", key="Till 2").order_by("pk")
    assert [entry.action for entry in entries] == ["create", "revoke"]
    assert secret.split(".")[1] not in str(list(entries.values()))


def placed(route: str) -> str:
    """The route with the number of the row that it is about."""
    if "N" not in route:
        return route
    model = next(model for name, model in MODELS.items() if f"/{name}/" in f"/{route}")
    if model is User:
        return route.replace("N", str(User.objects.get(email="admin@acme.example").pk))
    return route.replace("N", str(model._default_manager.order_by("pk").first().pk))


def addresses() -> set[str]:
    return set(_names(retailer_console.get_urls()))


def _names(patterns: list[URLPattern | URLResolver]) -> list[str]:
    found: list[str] = []
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            found += _names(pattern.url_patterns)
        elif pattern.name:
            found.append(pattern.name)
    return found
