"""A retailer's configuration, the command that carries it, and what the tests look at afterwards."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from campaigns import content
from campaigns.models import Brand, Campaign, ConfigSnapshot, Segment, Template
from tenants.models import Layer
from tests import factories

THANKS = '<h1>Thanks</h1>\n<p>A lot</p>\n<p>For all <a href="{{ unsubscribe_url }}">Unsubscribe</a></p>\n'


def fill() -> None:
    Brand.objects.filter(pk=content.brand().pk).update(postal_address="1 High St, Łódź 🏬", colour="#112233")
    factories.segment("quiet-60", {"all": [{"event": "order", "count": {"gte": 1}}, {"segment": "locals"}]})
    factories.segment("locals", {"attribute": "city", "in": ["Leeds", "no", "09:00", "2026-12-01", "0123", ""]})
    factories.segment("staff", {"attribute": "email", "contains": "@acme"})
    factories.template("winback", preheader="Come back", text="Hello {{ customer.first_name | default('you') }}\n")
    factories.template("thanks", html=THANKS)
    factories.campaign(
        "winback-60",
        name="Win back: after 60 quiet days",
        trigger={"kind": "schedule", "at": "2026-12-01T09:00:00"},
        audience={"include": {"segment": "quiet-60"}, "exclude": {"segment": "staff"}, "holdout": 0.05},
        steps=[
            {
                "key": "first",
                "channel": "email",
                "template": "winback",
                "variants": [
                    {"key": "a", "subject": "We miss you, {{ customer.first_name | default('you') }}"},
                    {"key": "b", "subject": "yes", "content": {"show": True, "number": 1, "price": 1.5, "at": "20:00"}},
                ],
            }
        ],
        timing={"window": ["09:00", "20:00"], "expire_after": "24h"},
    )
    factories.campaign("thank-you", steps=[{"key": "only", "channel": "email", "template": "thanks"}])


def config(*arguments: Any) -> tuple[int, str]:
    """What the command exits with and prints."""
    out = StringIO()
    try:
        call_command("config", *map(str, arguments), stdout=out)
    except SystemExit as stop:
        return int(stop.code or 0), out.getvalue()
    return 0, out.getvalue()


def refused(*arguments: Any) -> str:
    """What a command that fails prints."""
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("config", *map(str, arguments), stdout=out)
    return out.getvalue()


def exported(slug: str, to: Path) -> dict[str, bytes]:
    config("export", slug, "--out", to)
    return files(to)


def files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text, text
    file.write_text(text.replace(old, new))


def rows() -> list[Any]:
    """Every row of configuration with all its columns, and what was published."""
    return [list(model.objects.order_by("pk").values()) for model in (Layer, Brand, Segment, Template, Campaign)] + [
        list(Template.objects.order_by("key").values_list("versions", "live")),
        ConfigSnapshot.objects.count(),
    ]
