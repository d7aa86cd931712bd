"""Base templates from a terminal: files in and out, and every step of a release."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from campaigns import bases as standing
from campaigns.models import Template
from tenants import context
from tenants.accounts.models import AuditEntry
from tenants.models import BaseTemplate, Group, Retailer
from tests import factories

SOURCE = factories.base_draft()["html"]


def bases(*arguments: Any) -> str:
    out = StringIO()
    call_command("bases", *map(str, arguments), stdout=out)
    return out.getvalue()


def refused(*arguments: Any) -> str:
    out = StringIO()
    with pytest.raises(CommandError) as problem:
        call_command("bases", *map(str, arguments), stdout=out)
    return out.getvalue() + str(problem.value)


@pytest.fixture
def folder(db: None, tmp_path: Path) -> Path:
    Group.objects.create(key="grocers", name="Grocers")
    made = tmp_path / "bases"
    (made / "grocers").mkdir(parents=True)
    (made / "standard.yaml").write_text(
        "key: standard\nname: Standard\nsubject: News of {{ brand.name }}\nslots:\n"
        "  headline:\n    type: text\n    default: Hello\n"
    )
    (made / "standard.html").write_text(SOURCE)
    (made / "grocers/standard.yaml").write_text("key: standard\nslots:\n  headline: Fresh today\nlocks: [headline]\n")
    return made


def test_files_become_drafts_and_drafts_the_same_files(folder: Path, tmp_path: Path) -> None:
    assert bases("apply", folder).splitlines() == [
        "standard: draft 1 saved",
        "standard of group grocers: draft 1 saved",
        "  keeps it from being published: grocers/standard.yaml, line 1: "
        "the platform's standard was not published yet: publish that first",
    ]
    out = tmp_path / "out"
    assert bases("export", "--out", out) == f"3 files written to {out}.\n"
    assert (out / "standard.html").read_text() == SOURCE + "\n"
    assert "nothing to change" in bases("apply", out)
    assert bases("export", "--out", out) == f"0 files written to {out}.\n"
    assert set(BaseTemplate.objects.values_list("number", flat=True)) == {1}


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        ("standard.yaml", "key: standard\nslots:\n  headline:\n    type: text\n    max: 0\n",
         "standard.yaml, line 5: slots.headline.max"),
        ("standard.yaml", "key: other\n", "standard.yaml, line 1: key: write key: standard"),
        ("standard.yaml", "key: standard\nhtml: <p></p>\n", "a source is a file of its own"),
        ("standard.yaml", "key: [\n", "standard.yaml, line 2"),
        ("standard.mjml", "<mjml></mjml>", "standard.mjml or standard.html, not both"),
        ("letter.html", "<p></p>", "there is no letter.yaml beside it"),
        ("notes.md", "x", "this is no base"),
        ("nosuch/standard.yaml", "key: standard\n", "there is no group of that key. Known: grocers"),
        ("grocers/standard.yaml", "key: standard\nhtml: x\n", "a source is a file of its own"),
        ("grocers/standard.yaml", "key: standard\nlock: [headline]\n", "grocers/standard.yaml, line 2: lock"),
    ],
)  # fmt: skip
def test_file_that_is_wrong_is_told_with_its_line_and_nothing_is_saved(
    folder: Path, file: str, text: str, told: str
) -> None:
    (folder / file).parent.mkdir(exist_ok=True)
    (folder / file).write_text(text)
    assert told in refused("apply", folder)
    assert not BaseTemplate.objects.exists()


def test_mistake_in_a_source_is_told_with_the_file_it_is_in(folder: Path) -> None:
    (folder / "standard.html").write_text("<html><body>\n{{ content.hedline }}</body></html>")
    assert "keeps it from being published: standard.html: line 2, column 1" in bases("apply", folder)
    assert "html: line 2, column 1" in refused("publish", "standard")


def test_release_from_canary_to_kill(folder: Path, acme: Retailer, globex: Retailer) -> None:
    bases("apply", folder)
    assert bases("publish", "standard") == "standard version 1 is live for everybody.\n"
    (folder / "standard.yaml").write_text((folder / "standard.yaml").read_text().replace("News of", "All about"))
    bases("apply", folder)
    assert bases("publish", "standard", "--canary", "acme") == "standard version 2 is canary for acme.\n"
    assert (factories.base_number(acme), factories.base_number(globex)) == (2, 1)
    assert "ring: acme: 0 accepted; before: 0 accepted" in bases("status", "standard")
    assert (
        bases("pin", "standard", "globex", 1, "--reason", "a legal text") == "globex stays at version 1 of standard.\n"
    )
    assert bases("promote", "standard") == "standard version 2 is live for everybody.\n"
    assert (factories.base_number(acme), factories.base_number(globex)) == (2, 1)
    bases("unpin", "standard", "globex")
    assert factories.base_number(globex) == 2
    assert bases("rollback", "standard") == "standard: version 1 is live.\n"
    bases("rollback", "standard", "--to", 2)
    assert bases("kill", "standard", 2, "--reason", "breaks") == (
        "standard version 2 is killed: nobody uses it any more.\n"
    )
    assert factories.base_number(acme) == 1
    assert "kill it by force" in refused("kill", "standard", 1, "--reason", "breaks")
    assert json.loads(bases("status", "standard", "--json")) == {
        "key": "standard", "group": None, "name": "Standard", "draft": 2, "live": 1, "canary": None, "ring": [],
        "pins": {}, "killed": [2], "health": [],
    }  # fmt: skip
    assert {entry.door for entry in AuditEntry.objects.filter(kind="base")} == {"command"}


def test_group_releases_what_it_says(folder: Path, acme: Retailer) -> None:
    Retailer.objects.filter(pk=acme.pk).update(group=Group.objects.get())
    bases("apply", folder)
    bases("publish", "standard")
    assert bases("publish", "standard", "--group", "grocers") == (
        "standard of group grocers version 1 is live for everybody.\n"
    )
    listed = json.loads(bases("list", "--json"))
    assert [(each["key"], each["group"], each["live"]) for each in listed] == [
        ("standard", None, 1), ("standard", "grocers", 1)
    ]  # fmt: skip
    with context.in_retailer(acme):
        Template.objects.create(key="spring", name="Spring", base="standard", slots={"headline": "Buds"})
    found = json.loads(bases("impact", "standard", "--group", "grocers", "--json"))
    assert [(each["retailer"], each["templates"]) for each in found] == [("acme", 1)]
    assert "1 retailers build on standard of group grocers; 0 things would not fit." in bases(
        "impact", "standard", "--group", "grocers"
    )


def test_what_comes_with_the_installation_is_installed_once_and_left_alone_afterwards(acme: Retailer) -> None:
    assert bases("install") == "Installed: standard.\n"
    assert factories.base_number(acme) == 1
    mine = standing.save(BaseTemplate.objects.get(), factories.base_draft())
    assert bases("install") == "Installed: nothing, all are here.\n"
    assert BaseTemplate.objects.get().draft == mine.draft


def test_what_is_not_there_is_said_with_what_is(folder: Path) -> None:
    bases("apply", folder)
    assert "Known: standard, standard of group grocers" in refused("publish", "nosuch")
    assert "There is no group 'nosuch'" in refused("publish", "standard", "--group", "nosuch")
    assert "There is no retailer 'nosuch'" in refused("publish", "standard", "--canary", "nosuch")
    assert "has no canary" in refused("promote", "standard")
    assert "Say what to do" in refused()
