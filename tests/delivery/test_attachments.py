"""Files that go along with e-mails: what the policy lets, by what is in them, at every door and on every way out."""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Callable
from email import message_from_bytes, policy
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from campaigns import attachments, configuration, editions, policies
from campaigns.config.gate import Invalid
from campaigns.config.policy import Policy, words
from campaigns.models import Attachment, Run, Template
from delivery import compose, pipeline, previews
from delivery.channels.memory import MemoryChannel
from delivery.models import Message
from tenants import context
from tenants.models import Retailer
from tests import factories
from tests.api.caller import Api, problem
from tests.benchmarks.sink import SinkProcess
from tests.console.forms import submit

PDF = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20 + b"IEND\xaeB`\x82"
ICS = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n"
ALLOWED = {"attachments": {"types": ["pdf", "ics"], "most_bytes": 2000}}
EDIT = "/admin/campaigns/template/{}/change/"

pytestmark = pytest.mark.usefixtures("own_storage")


def named(content: bytes, name: str) -> dict[str, str]:
    return {"name": name, "digest": hashlib.sha256(content).hexdigest()}


@pytest.fixture
def allowed(at_acme: Retailer) -> None:
    policies.save(None, policy=ALLOWED)


@pytest.fixture
def api(at_acme: Retailer, api_key: Callable[..., str]) -> Api:
    return Api(at_acme, api_key(at_acme))


def with_guide(**fields: Any) -> Template:
    attachments.keep("guide.pdf", PDF)
    return factories.template(attachments=[named(PDF, "guide.pdf")], **fields)


def sent() -> Run:
    run = configuration.launch(factories.campaign(), by="test", now=timezone.now())
    pipeline.work(seconds=30)
    run.refresh_from_db()
    return run


@pytest.mark.usefixtures("allowed")
def test_a_file_arrives_with_every_message_over_smtp(at_acme: Retailer, settings: Settings, tmp_path: Path) -> None:
    with_guide()
    factories.customers(3)
    with SinkProcess(spool=tmp_path / "spool") as sink:
        settings.EMAIL_URL = sink.url
        assert sent().state == Run.State.COMPLETED
        assert sink.wait_for(3, seconds=5) == 3
        arrived = [message_from_bytes(raw, policy=policy.default) for _, raw in sink.messages()]

    for mail in arrived:
        assert mail.get_content_type() == "multipart/mixed"
        body, file = mail.iter_parts()
        assert [part.get_content_type() for part in body.iter_parts()] == ["text/plain", "text/html"]
        assert (file.get_content_type(), file.get_filename()) == ("application/pdf", "guide.pdf")
        assert file.get_content_disposition() == "attachment"
        assert file.get_content() == PDF
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


@pytest.mark.usefixtures("allowed")
def test_a_template_on_a_base_carries_files_and_what_was_sent_is_had_again(
    at_acme: Retailer, outbox: MemoryChannel
) -> None:
    factories.base()
    template = with_guide(base="standard", subject="", html="")
    factories.customers(1)
    sent()
    template.attachments = []
    template.save()

    shown = previews.of_message(Message.objects.get())

    assert shown.attached == (("guide.pdf", len(PDF)),)
    published = editions.recall("hello", Message.objects.get().template_hash)
    assert published
    assert [file.content for file in compose.envelope(published, compose.content.brand()).attached] == [PDF]


# -- the policy -------------------------------------------------------------------------------------------------------
def test_nothing_goes_along_unless_the_platform_says_so(at_acme: Retailer) -> None:
    with pytest.raises(Invalid, match="the policy lets no files go along"):
        attachments.keep("guide.pdf", PDF)
    with pytest.raises(Invalid, match="the platform lets no files go along"):
        policies.save(at_acme, policy=ALLOWED)
    row = policies.layer_of(at_acme)
    row.policy = ALLOWED  # past the door
    row.save()
    assert policies.effective(at_acme).attachments is None
    assert not default_storage.exists("attachments")


@pytest.mark.usefixtures("allowed")
def test_a_retailer_lets_fewer_go_and_never_more(at_acme: Retailer) -> None:
    with pytest.raises(Invalid, match="looser than what stands above"):
        policies.save(at_acme, policy={"attachments": {"types": ["pdf", "png"]}})
    policies.save(at_acme, policy={"attachments": {"types": ["ics"], "most_bytes": 100}})
    with pytest.raises(Invalid, match=r"guide\.pdf is pdf; allowed here: ics"):
        attachments.keep("guide.pdf", PDF)
    assert attachments.keep("day.ics", ICS).type == "ics"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("guide.pdf", PNG, "guide.pdf is png; allowed here: ics, pdf"),
        ("guide.pdf", b"<html><script>alert(1)</script></html>", "of no type that may be sent"),
        ("guide.pdf", b"", "of no type that may be sent"),
        ("guide.pdf", PDF + b"\n" * 1100, "of no type that may be sent"),  # something hung on behind its end
        ("guide.pdf", b"MZ" + PDF, "of no type that may be sent"),
        ("day.ics", ICS + b"X-MORE:1\r\n", "of no type that may be sent"),
        ("guide.exe", PDF, "end its name with .pdf"),
        ("guide.pdf", PDF[:9] + b"x" * 2000 + PDF, "at most 2 KB may"),
        ('a".pdf', PDF, "call the file by letters"),
        ("a\r\nBcc: x@y.example.pdf", PDF, "call the file by letters"),
        ("../a.pdf", PDF, "call the file by letters"),
        ("größe.pdf", PDF, "call the file by letters"),
        (".pdf", PDF, "call the file by letters"),
    ],
)
@pytest.mark.usefixtures("allowed")
def test_what_a_file_is_called_is_not_believed_and_is_safe(
    at_acme: Retailer, name: str, content: bytes, words: str
) -> None:
    with pytest.raises(Invalid) as refused:
        attachments.keep(name, content)
    assert words in str(refused.value)
    assert not Attachment.objects.exists()


@pytest.mark.usefixtures("allowed")
def test_a_run_pauses_when_the_policy_forbids_what_goes_along(at_acme: Retailer, outbox: MemoryChannel) -> None:
    with_guide()
    factories.customers(1)
    run = configuration.launch(factories.campaign(), by="test", now=timezone.now())
    policies.save(None, policy={})

    pipeline.work(seconds=30)

    run.refresh_from_db()
    assert run.state == Run.State.PAUSED
    assert "lets no files go along" in run.pause_reason if hasattr(run, "pause_reason") else str(run.__dict__)
    assert not outbox.sent


@pytest.mark.usefixtures("allowed")
def test_a_file_that_is_gone_pauses_the_run_and_says_which(at_acme: Retailer, outbox: MemoryChannel) -> None:
    with_guide()
    factories.customers(1)
    default_storage.delete(f"attachments/{named(PDF, '')['digest']}")

    run = sent()

    assert (run.state, "guide.pdf is not in the storage any more" in run.reason) == (Run.State.PAUSED, True)
    assert not outbox.sent


# -- the doors --------------------------------------------------------------------------------------------------------
@pytest.mark.usefixtures("allowed")
def test_a_file_is_brought_named_and_removed_by_the_api(api: Api) -> None:
    brought = api.post("attachments/", {"name": "guide.pdf", "content": base64.b64encode(PDF).decode()})
    assert brought.status_code == 201, brought.json()
    digest = brought.json()["digest"]
    assert (brought.json()["type"], brought.json()["bytes"]) == ("pdf", len(PDF))
    factories.template()

    kept = api.patch("templates/hello/", {"attachments": [{"name": "Your guide.pdf", "digest": digest}]})

    assert kept.json()["attachments"] == [{"name": "Your guide.pdf", "digest": digest}]
    assert api.delete(f"attachments/{digest}/").status_code == 409
    assert api.post("templates/hello/publish/").status_code == 200
    api.patch("templates/hello/", {"attachments": []})
    assert api.delete(f"attachments/{digest}/").status_code == 409  # the published version needs it
    other = api.post("attachments/", {"name": "day.ics", "content": base64.b64encode(ICS).decode()}).json()
    assert api.delete(f"attachments/{other['digest']}/").status_code == 204
    assert not default_storage.exists(f"attachments/{other['digest']}")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ([named(ICS, "day.ics")], ("attachments.0", "unknown")),
        ([named(PDF, "guide.png")], ("attachments.0.name", "name")),
        ([named(PDF, "guide.pdf"), named(PDF, "GUIDE.pdf")], ("attachments.1.name", "twice")),
        ([named(PDF, f"{n}.pdf") for n in range(6)], ("attachments", "too_many")),
        ([{"name": "a\nb.pdf", "digest": "0" * 64}], ("attachments.0.name", "value_error")),
        ([{"name": "a.pdf", "digest": "../../etc"}], ("attachments.0.digest", "string_pattern_mismatch")),
    ],
)
@pytest.mark.usefixtures("allowed")
def test_a_template_names_only_files_that_are_there(api: Api, said: list[Any], told: tuple[str, str]) -> None:
    attachments.keep("guide.pdf", PDF)
    factories.template()
    assert problem(api.patch("templates/hello/", {"attachments": said})) == (400, [told])


@pytest.mark.usefixtures("allowed")
def test_another_retailers_file_is_not_there(api: Api, globex: Retailer) -> None:
    with context.in_retailer(globex):
        attachments.keep("guide.pdf", PDF)
    factories.template()
    assert problem(api.patch("templates/hello/", {"attachments": [named(PDF, "guide.pdf")]}))[0] == 400
    assert api.get(f"attachments/{named(PDF, '')['digest']}/").status_code == 404


@pytest.mark.usefixtures("allowed")
def test_other_channels_carry_none(api: Api) -> None:
    attachments.keep("guide.pdf", PDF)
    text = {"key": "text", "name": "Text", "channel": "sms", "text": "Hi", "attachments": [named(PDF, "guide.pdf")]}
    assert problem(api.post("templates/", text)) == (400, [("attachments", "not_here")])


def test_the_console_offers_files_where_the_policy_lets_them(
    at_acme: Retailer, marketer: Callable[[Retailer], Client]
) -> None:
    template, ana = factories.template(), marketer(at_acme)
    path = EDIT.format(template.pk)
    assert 'type="file"' not in ana.get(path).content.decode()
    policies.save(None, policy=ALLOWED)
    assert 'type="file"' in ana.get(path).content.decode()

    refused = submit(ana, path, "template_form", attach=SimpleUploadedFile("a.pdf", PNG))
    assert "A.pdf is png; allowed here: ics, pdf" in html.unescape(refused.content.decode())
    saved = submit(ana, path, "template_form", attach=SimpleUploadedFile("guide.pdf", PDF))
    assert saved.status_code == 302

    template.refresh_from_db()
    assert template.attachments == [named(PDF, "guide.pdf")]
    assert template.live
    assert [each["name"] for each in template.live.compiled["attachments"]] == ["guide.pdf"]
    assert f"guide.pdf ({len(PDF)} bytes)" in ana.get(path).content.decode()
    posted = {"html": template.html, "subject": "Hi", "attached": f"{named(PDF, '')['digest']} guide.pdf"}
    assert ana.post("/admin/campaigns/template/preview/", posted).json()["attached"] == [
        f"guide.pdf ({len(PDF)} bytes)"
    ]

    submit(ana, path, "template_form", attached=[])
    template.refresh_from_db()
    assert template.attachments == []


def test_a_file_that_is_too_large_is_not_read_and_what_was_written_is_kept(
    at_acme: Retailer, marketer: Callable[[Retailer], Client]
) -> None:
    policies.save(None, policy=ALLOWED)
    template = factories.template()
    large = SimpleUploadedFile("a.pdf", b"x" * 4_000_000)
    answer = submit(marketer(at_acme), EDIT.format(template.pk), "template_form", subject="Kept", attach=large)
    told = html.unescape(answer.content.decode())
    assert "The file is larger than 2,048 KB." in told
    assert 'value="Kept"' in told


@pytest.mark.usefixtures("allowed")
def test_files_go_through_configuration_as_code_by_their_digest(at_acme: Retailer, tmp_path: Path) -> None:
    with_guide()
    folder = tmp_path / "code"
    call_command("config", "export", "acme", "--out", str(folder), stdout=StringIO())
    written = folder / "templates" / "hello.yaml"
    assert yaml.safe_load(written.read_text())["attachments"] == [named(PDF, "guide.pdf")]
    call_command("config", "plan", "acme", str(folder), stdout=StringIO())  # exits 0: nothing to change

    told = StringIO()
    with pytest.raises(CommandError):
        call_command("config", "apply", "globex", str(folder), stdout=told, stderr=told)
    assert "there is no file of this digest here: bring it first" in told.getvalue()


@pytest.mark.usefixtures("allowed")
def test_what_nobody_names_goes_when_the_next_file_comes(at_acme: Retailer) -> None:
    with_guide()
    old = attachments.keep("day.ics", ICS)
    Attachment.objects.update(created_at=timezone.now() - attachments.KEPT_FOR * 2)

    attachments.keep("other.ics", ICS.replace(b"2.0", b"2.1"))

    assert sorted(Attachment.objects.values_list("name", flat=True)) == ["guide.pdf", "other.ics"]
    assert not default_storage.exists(f"attachments/{old.digest}")


def test_words_of_a_policy_that_lets_files_go() -> None:
    told = words(Policy.model_validate(ALLOWED))
    assert told["attachments"] == "ics, pdf of 2 KB together at most"
