"""What a layer below has locked: refused at every door, with its name, and left out of what is sent all the same."""

from __future__ import annotations

import html
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from campaigns import configuration, inspection, policies
from campaigns.models import Template, TemplateVersion
from delivery import pipeline
from delivery.channels.memory import MemoryChannel
from tenants.models import Group, Retailer
from tests import factories
from tests.api.caller import Api
from tests.console.forms import submit

LOCKED = ["footer", "legal", "unsubscribe", "brand_header"]
BASE = (
    "<html><body>"
    + "".join(f"{{% locked {name} %}}<p>the platform's {name}</p>{{% endlocked %}}" for name in LOCKED)
    + "{% block hero %}<p>hero of the group</p>{% endblock %}<h1>{{ content.headline }}</h1>"
    + f"<div>{{{{ content.story }}}}</div>{factories.OUT}</body></html>"
)
MINE = "<p>all mine</p>"
EDIT = "/admin/campaigns/template/{}/change/"


def said(path: str, value: Any) -> dict[str, Any]:
    """`translations.de.blocks.footer` as a document."""
    for name in reversed(path.split(".")):
        value = {name: value}
    return dict(value)


def typed(path: str) -> str:
    """The name of the input that a form of the console would have for it."""
    *locale, kind, what = path.replace("translations.", "", 1).split(".")
    return f"fill.{''.join(locale)}.{kind.removesuffix('s')}.{what}"


KINDS = {  # what is locked -> the field that says it all the same, and who locked it
    **{f"block {name}": (f"blocks.{name}", MINE, "the platform") for name in LOCKED},
    **{f"block {name} in a language": (f"translations.de.blocks.{name}", MINE, "the platform") for name in LOCKED},
    "block of a group": ("blocks.hero", MINE, "the group"),
    "block of a group in a language": ("translations.de.blocks.hero", MINE, "the group"),
    "slot of a group": ("slots.story", MINE, "the group"),
    "slot of a group in a language": ("translations.de.slots.story", MINE, "the group"),
}


@pytest.fixture
def template(at_acme: Retailer) -> Template:
    slots = {"headline": {"type": "text", "default": "Hello"}, "story": {"type": "rich_text", "default": "<p>News</p>"}}
    factories.base(html=BASE, subject="News", slots=slots)
    group = Group.objects.create(key="grocers", name="Grocers")
    Retailer.objects.filter(pk=at_acme.pk).update(group=group)
    at_acme.refresh_from_db()
    factories.group_layer(group, locks=["hero", "story"])
    return factories.template(base="standard", subject="Hello", html="")


@pytest.fixture
def doors(
    template: Template,
    at_acme: Retailer,
    marketer: Callable[[Retailer], Client],
    api_key: Callable[..., str],
    outbox: MemoryChannel,
    tmp_path: Path,
) -> dict[str, Callable[[str, str], str]]:
    """Each tries to say it, and gives back what it was told; what gets through is what a door must not do."""

    def by_console(path: str, value: str) -> str:
        answer = submit(marketer(at_acme), EDIT.format(template.pk), "template_form", **{typed(path): value})
        assert answer.status_code == 200
        return html.unescape(answer.content.decode())

    def by_api(path: str, value: str) -> str:
        answer = Api(at_acme, api_key(at_acme)).patch("templates/hello/", said(path, value))
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, path)
        return str(answer.json()["errors"][0]["message"])

    def by_file(path: str, value: str) -> str:
        told = StringIO()
        call_command("config", "export", "acme", "--out", str(tmp_path), stdout=StringIO())
        file = tmp_path / "templates" / "hello.yaml"
        file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | said(path, value)))
        with pytest.raises(CommandError):
            call_command("config", "apply", "acme", str(tmp_path), stdout=told, stderr=told)
        return told.getvalue()

    def by_row(path: str, value: str) -> str:
        """Past every door: the row of what is live says it. What is sent must not, and the checks tell."""
        assert template.live
        document = template.live.document | said(path, value)
        TemplateVersion.objects.filter(pk=template.live.pk).update(document=document)
        factories.customers(1, locale="de")
        run = configuration.launch(factories.campaign(), by="test", now=timezone.now())
        pipeline.work(seconds=30)
        [mail] = outbox.sent
        assert all(f"<p>the platform's {name}</p>" in mail.html for name in LOCKED)
        assert ("hero of the group" in mail.html, "<p>News</p>" in mail.html) == (True, True)
        assert "all mine" not in mail.html + mail.text
        found = inspection.look(inspection.matter(run.version.parsed()), policies.effective(at_acme))
        return " ".join(f"{each.finding.field} {each.finding.message}" for each in found)

    return {"console": by_console, "api": by_api, "import": by_file, "render": by_row}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("door", ["console", "api", "import", "render"])
def test_a_locked_block_is_nobodys_to_change_at_any_door(
    template: Template, doors: dict[str, Callable[[str, str], str]], door: str, kind: str
) -> None:
    path, value, who = KINDS[kind]

    told = doors[door](path, value)

    assert f"{path.rpartition('.')[2]} is locked by {who}" in told.lower()
    template.refresh_from_db()
    assert (template.blocks, template.slots, template.translations) == ({}, {}, {})
