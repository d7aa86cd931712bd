"""What is refused, with file, line and cure."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from campaigns.management.commands.config import Command
from tenants.models import Retailer
from tests.campaigns.ascode.shops import config, edit, exported, refused, rows

BOMB = "key: staff\na: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n"


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("segments/staff.yaml", "key: staff\nname: [", "line 3: this is no YAML: did not find expected node content"),
        ("segments/staff.yaml", "key: staff\n\tname: x", "line 2: this is no YAML"),
        ("segments/staff.yaml", "key: staff\nname:\t\n\t- x", "with spaces, not tabs"),
        ("segments/staff.yaml", "", "the file is empty"),
        ("segments/staff.yaml", "# nothing but a comment\n", "the file is empty"),
        ("segments/staff.yaml", "- staff", "a segment is a mapping"),
        ("segments/staff.yaml", "key: staff\n---\nkey: other", "line 2: a file holds one document"),
        ("segments/staff.yaml", "key: staff\nname: a\nname: b", "line 3: 'name' is there twice, first in line 2"),
        ("segments/staff.yaml", BOMB, "line 2: anchors and aliases (a) are not read: write the value out"),
        ("segments/staff.yaml", "key: staff\nx: *y", "line 2: anchors and aliases (y)"),
        ("segments/staff.yaml", "key: !!python/name:os.system x", "tags such as"),
        ("segments/staff.yaml", "key: staff\n? [a]\n: b", "line 2: the name of a field is text"),
        ("segments/staff.yaml", "key: staff\n1: x", "line 2: the name of a field is text: put '1' in quotes"),
        ("segments/staff.yaml", "key: staff\ntrue: x", "put 'true' in quotes"),
        ("segments/staff.yaml", 'key: staff\nname: "\\ud800"', "invalid Unicode character"),
        ("segments/staff.yaml", 'key: staff\nname: "a\\0b"', "line 2: text contains a NUL"),
        ("segments/staff.yaml", "key: staff\nname: a\x07b", "this is no YAML"),
        ("segments/staff.yaml", "key: staff\nrule: " + "[" * 100_000, "nested deeper than 100 levels"),
        ("segments/staff.yaml", "key: staff\nrule: {sample: .nan}", "line 2: numbers are finite: put '.nan' in quotes"),
        ("segments/staff.yaml", "key: staff\nrule: {sample: -.inf}", "numbers are finite"),
        ("segments/staff.yaml", "key: staff\nrule: {sample: 1e999}", "a number is too large"),
        ("segments/staff.yaml", f"key: staff\nrule: {{sample: {'9' * 5000}}}", "a number is too large"),
        ("segments/staff.yaml", "key: stuff\n", "line 1: its key is 'stuff' and its file is called 'staff'"),
        ("segments/staff.yaml", "name: x\n", "its key is None and its file is called 'staff'"),
        ("segments/staff.yaml", "key: staff\nrule: {sample: 0.1}\n", "name: This field cannot be blank."),
        ("segments/staff.yaml", "key: staff\nname: x\n", "line 1: rule: a rule begins with exactly one of"),
        (
            "segments/staff.yaml",
            "key: staff\nname: 2026\nrule: {sample: 1}",
            "line 2: name: text is expected: put 2026",
        ),
        (
            "segments/staff.yaml",
            "key: staff\nname: x\nlabel: y\nrule: {sample: 1}",
            "line 3: label: this field is unkn",
        ),
        (
            "segments/staff.yaml",
            "key: staff\nname: x\nrule:\n  all:\n    - attribute: city\n      eg: x\n",
            "line 6: rule.all.0.eg: this field is unknown here",
        ),
        (
            "segments/staff.yaml",
            "key: staff\nname: x\nrule: {segment: locls}",
            "rule.segment: there is no segment 'locls'; known: locals, quiet-60, staff",
        ),
        ("segments/locals.yaml", "key: locals\nname: x\nrule: {segment: quiet-60}", "refer to each other in a circle"),
        ("segments/Staff.yaml", "key: Staff\nname: x\nrule: {sample: 1}", "'Staff' cannot be referred to: write a key"),
        ("segments/staff.yml", "key: staff", "segments/staff.yml: this is no segment: here may be KEY.yaml, where"),
        ("segments/staff.yaml.orig", "key: staff", "this is no segment"),
        ("segments/old/staff.yaml", "key: staff", "segments/old: this is no segment"),
        ("templates/winback.mjml", "<mjml>", "this is no template: here may be KEY.yaml, KEY.html, KEY.txt"),
        ("templates/new.html", "<p>", "templates/new.html: there is no templates/new.yaml beside it"),
        (
            "segment/staff.yaml",
            "key: staff",
            "segment: this is no configuration: a folder of configuration holds policy.yaml",
        ),
        ("templates/winback.yaml", "key: winback\nname: W\nhtml: <p>x</p>\n", "move it to templates/winback.html"),
        (
            "templates/winback.yaml",
            "key: winback\nname: W\nchannel: pigeon\n",
            "channel: Value 'pigeon' is not a valid",
        ),
        (
            "templates/winback.html",
            "<p>\n{{ customer.frist }}",
            "winback.html: line 2, column 4: customer.frist is unknown",
        ),
        ("templates/winback.html", "", "templates/winback.html: a template needs some content"),
        (
            "templates/winback.html",
            "<p>" + "x" * 300_000,
            "templates/winback.html: line 1, column 1: larger than 256 KB",
        ),
        ("templates/winback.txt", "x" * 1_100_000, "templates/winback.txt: larger than 1024 KB"),
        ("brand.yaml", "name: Acme\nfrom_name: Acme\nfrom_email: acme", "line 3: from_email: Enter a valid email"),
        ("brand.yaml", "name: A\nfrom_name: A\nfrom_email: a@b.example\ncolour: red", "line 4: colour: Write a colour"),
        ("campaigns/thank-you.yaml", "key: thank-you\nname: T", "line 1: trigger: this field is required"),
        ("campaigns/thank-you.yaml", "key: thank-you\nname: 7", "line 2: name: Input should be a valid string: put it"),
    ],
)
def test_what_cannot_be_is_refused_with_file_line_and_cure(
    shop: Retailer, tmp_path: Path, name: str, text: str, words: str
) -> None:
    exported("acme", tmp_path)
    before = rows()
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(text)
    told = refused("plan", "acme", tmp_path)
    assert words in told
    assert words in refused("apply", "acme", tmp_path)
    assert rows() == before


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_another_encoding_is_refused_with_its_line(shop: Retailer, tmp_path: Path, encoding: str) -> None:
    exported("acme", tmp_path)
    (tmp_path / "segments/staff.yaml").write_bytes("key: staff\nname: Größe\n".encode(encoding))
    assert "not UTF-8: save the file in that encoding" in refused("plan", "acme", tmp_path)


def test_faults_of_all_files_are_told_at_once(shop: Retailer, tmp_path: Path) -> None:
    exported("acme", tmp_path)
    edit(tmp_path / "segments/quiet-60.yaml", "all:", "al:")
    edit(tmp_path / "segments/locals.yaml", "key: locals", "key: [")
    edit(tmp_path / "campaigns/winback-60.yaml", "holdout: 0.05", "holdout: 5")
    edit(tmp_path / "campaigns/winback-60.yaml", "channel: email", "channel: pigeon")
    edit(tmp_path / "templates/thanks.html", "Thanks", "{{ nobody.name }}")
    edit(tmp_path / "brand.yaml", "#112233", "#12")
    found = json.loads(refused("plan", "acme", tmp_path, "--json"))["errors"]
    assert [(fault["file"], fault["line"], fault["field"]) for fault in found] == [
        ("brand.yaml", 4, "colour"),
        ("campaigns/winback-60.yaml", 11, "audience.holdout"),
        ("campaigns/winback-60.yaml", 14, "steps.0.channel"),
        ("segments/locals.yaml", 3, ""),
        ("segments/quiet-60.yaml", 3, "rule"),
        ("templates/thanks.html", None, ""),
    ]


def test_links_out_of_the_folder_are_refused(shop: Retailer, tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    exported("acme", inside)
    exported("acme", outside)
    (inside / "segments/staff.yaml").unlink()
    os.symlink(outside / "segments/staff.yaml", inside / "segments/staff.yaml")
    assert "segments/staff.yaml: this link leads out of the folder" in refused("plan", "acme", inside)
    (inside / "segments/staff.yaml").unlink()
    os.symlink("staff.yaml", inside / "segments/staff.yaml")
    assert "segments/staff.yaml: this is not a file" in refused("plan", "acme", inside)
    (inside / "segments/staff.yaml").unlink()
    (outside / "segments/staff.yaml").rename(inside / "staff")
    os.symlink("../staff", inside / "segments/staff.yaml")
    assert refused("plan", "acme", inside).splitlines()[0].startswith("  staff: this is no configuration")
    (inside / "staff").rename(inside / ".staff")
    (inside / "segments/staff.yaml").unlink()
    os.symlink("../.staff", inside / "segments/staff.yaml")
    assert config("plan", "acme", inside)[0] == 0


def test_wrong_folder_deletes_nothing(shop: Retailer, tmp_path: Path) -> None:
    assert "there is no such folder" in refused("apply", "acme", tmp_path / "nowhere")
    assert "there is no configuration here" in refused("apply", "acme", tmp_path)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["plan", "nobody", "."], "There is no retailer 'nobody'"),
        (["plan", "."], "Name one retailer by its slug, or give --group G, or --all"),
        (["plan", "acme", ".", "--all"], "Name one retailer"),
        (["plan", "--group", "none", "."], "There is no group 'none'"),
        (["apply", "--all", ".", "--expect", "x"], "--expect and --to belong to one retailer"),
        (["rollback", "--all", "--to", "1"], "--expect and --to belong to one retailer"),
        (["rollback", "--all"], "Nothing was changed yet"),
        (["rollback", "acme", "--since", "2026-12-01"], "write an instant with its offset"),
        ([], "Say what to do"),
    ],
)
def test_mistaken_command_is_refused(acme: Retailer, arguments: list[str], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        call_command("config", *arguments)


@pytest.mark.parametrize("arguments", [["acme", "dir", "--unknown"], ["acme", "dir", "more"], [], ["--group"]])
def test_mistake_on_the_command_line_does_not_look_like_changes(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        Command().run_from_argv(["manage.py", "config", "plan", *arguments])
    assert stop.value.code == 1


def test_options_stand_anywhere(shop: Retailer, tmp_path: Path) -> None:
    exported("acme", tmp_path)
    assert json.loads(config("plan", "acme", "--json", tmp_path)[1])["changes"] == []
