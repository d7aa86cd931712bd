"""How the consoles look and what their menus hold: unfold's settings, one for each site."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.templatetags.static import static
from django.urls import reverse_lazy

_BLUE = {
    "50": "oklch(97% .014 254.604)",
    "100": "oklch(93.2% .032 255.585)",
    "200": "oklch(88.2% .059 254.128)",
    "300": "oklch(80.9% .105 251.813)",
    "400": "oklch(70.7% .165 254.624)",
    "500": "oklch(62.3% .19 259.8)",
    "600": "oklch(52% .2 262)",
    "700": "oklch(46% .19 263)",
    "800": "oklch(42.4% .17 265)",
    "900": "oklch(37.9% .146 265.522)",
    "950": "oklch(28.2% .091 267.935)",
}


def _item(title: str, icon: str, url: str) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": reverse_lazy(url)}


def _for_administrators(title: str, icon: str, url: str) -> dict[str, Any]:
    return _item(title, icon, url) | {"permission": lambda request: getattr(request.user, "role", "") == "admin"}


def _static(path: str) -> Callable[[object], str]:
    """Asked for at each request: the address may carry a hash that is known only once files are collected."""
    return lambda request: static(path)


def _site(title: str, symbol: str, dashboard: str, navigation: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "SITE_TITLE": title,
        "SITE_HEADER": title,
        "SITE_SYMBOL": symbol,
        "SITE_URL": None,
        "SHOW_HISTORY": True,
        "SHOW_VIEW_ON_SITE": False,
        "COLORS": {"primary": _BLUE},
        "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": _static("marketing/favicon.svg")}],
        "STYLES": [_static("marketing/console.css")],
        "DASHBOARD_CALLBACK": dashboard,
        "SIDEBAR": {"show_search": False, "show_all_applications": False, "navigation": navigation},
    }


UNFOLD = _site(
    "Bannerline",
    "campaign",
    "marketing.overview.overview",
    [
        {"items": [_item("Overview", "space_dashboard", "admin:index")]},
        {
            "title": "Campaigns",
            "separator": True,
            "items": [
                _item("Campaigns", "send", "admin:campaigns_campaign_changelist"),
                _item("Blueprints", "auto_awesome_mosaic", "admin:blueprints"),
                _item("Runs", "play_circle", "admin:campaigns_run_changelist"),
                _item("Results", "monitoring", "admin:results"),
                _item("Segments", "group", "admin:campaigns_segment_changelist"),
                _item("Templates", "drafts", "admin:campaigns_template_changelist"),
                _item("Products", "inventory_2", "admin:campaigns_product_changelist"),
            ],
        },
        {
            "title": "Audience",
            "separator": True,
            "items": [
                _item("Customers", "person", "admin:campaigns_customer_changelist"),
                _item("Attributes", "label", "admin:campaigns_attributedefinition_changelist"),
                _item("Imports", "upload_file", "admin:campaigns_import_changelist"),
                _item("Suppressions", "block", "admin:campaigns_suppression_changelist"),
                _item("Messages", "mail", "admin:delivery_message_changelist"),
            ],
        },
        {
            "title": "Settings",
            "separator": True,
            "items": [
                _item("Brand", "palette", "admin:campaigns_brand_changelist"),
                _item("Seed lists", "outgoing_mail", "admin:campaigns_seedlist_changelist"),
                _item("Policy & defaults", "policy", "admin:policy"),
                _item("Digest by mail", "mark_email_unread", "admin:digest"),
                _item("Audit trail", "history", "admin:accounts_auditentry_changelist"),
                _item("Sender domains", "alternate_email", "admin:delivery_senderdomain_changelist"),
                _for_administrators("Providers", "outbox", "admin:delivery_provider_changelist"),
                _for_administrators("People", "badge", "admin:accounts_user_changelist"),
                _for_administrators("API keys", "key", "admin:accounts_apikey_changelist"),
            ],
        },
    ],
)

UNFOLD_PLATFORM = _site(
    "Bannerline platform",
    "hub",
    "marketing.dashboard.platform",
    [
        {
            "items": [
                _item("Fleet", "space_dashboard", "admin:index"),
                _item("Retailers", "storefront", "admin:tenants_retailer_changelist"),
                _item("Groups", "workspaces", "admin:tenants_group_changelist"),
                _item("Policy", "policy", "admin:platform_policy"),
                _item("Base templates", "layers", "admin:platform_bases"),
                _item("Blueprints", "auto_awesome_mosaic", "admin:platform_blueprints"),
                _item("Suppressions", "block", "admin:tenants_platformsuppression_changelist"),
            ]
        },
        {
            "title": "Operations",
            "separator": True,
            "items": [
                _item("Agenda", "event_note", "admin:tenants_agendaitem_changelist"),
                _item("Periodic tasks", "schedule", "admin:django_celery_beat_periodictask_changelist"),
                _item("Audit trail", "history", "admin:accounts_auditentry_changelist"),
                _item("Inbox", "inbox", "inbox"),
            ],
        },
        {
            "title": "Settings",
            "separator": True,
            "items": [_for_administrators("Platform users", "badge", "admin:accounts_user_changelist")],
        },
    ],
)
