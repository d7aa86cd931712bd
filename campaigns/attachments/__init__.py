"""Files that go along with e-mails: kept once per content in the retailer's own storage, and read by their hash.

Reads    Attachment, its file, the policy in force
Writes   Attachment, its file
Promise  what is kept is of a type and size that the policy lets go, by what is in it; a version that was published
         always finds the same bytes
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from pydantic import TypeAdapter

from campaigns import policies
from campaigns.attachments import sniffing
from campaigns.config import attached
from campaigns.config.attached import Described
from campaigns.config.gate import Invalid, Problem, parse
from campaigns.models import Attachment, Template, TemplateVersion
from tenants import audit, context

KEPT_FOR = timedelta(days=30)  # a file that nothing names
_TIDIED_AT_ONCE = 20
_NAMED: TypeAdapter[attached.Attachment] = TypeAdapter(attached.Attachment)


class InUse(ValueError):
    """A template, or something published, still names this file: change that first."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class Gone(LookupError):
    """What a template names is not in the storage any more; the message says which."""


@dataclass(frozen=True)
class File:
    """A file as it goes along. `mime` is its media type."""

    name: str
    mime: str
    content: bytes


def keep(name: str, content: bytes) -> Attachment:
    """The file, kept. The same content again is the same file. Raises Invalid, naming what to change."""
    digest, found = hashlib.sha256(content).hexdigest(), Described(name, sniffing.type_of(content), len(content))
    parse(_NAMED, {"name": name, "digest": digest})
    allowed = policies.effective(context.current()).attachments
    told = [Problem(field.partition(".")[0], why, "policy") for field, why in attached.breaches([found], allowed)]
    if not told and (wrong := attached.misnamed(found)):
        told = [Problem("attachments", wrong, "name")]
    if told:
        raise Invalid(told)
    if not default_storage.exists(_path(digest)):
        default_storage.save(_path(digest), ContentFile(content))
    fields = {"name": name, "type": found.type, "bytes": found.bytes}
    row, is_new = Attachment.objects.get_or_create(digest=digest, defaults=fields)
    if is_new:
        _tidy(besides=row)
        audit.note("create", "attachment", name, after={**fields, "digest": digest})
    return row


def described(said: Sequence[Any]) -> list[dict[str, Any]]:
    """What a template names, with the type and bytes of each; what there is not is left out."""
    if not said:
        return []
    known = {row.digest: row for row in Attachment.objects.filter(digest__in=[each["digest"] for each in said])}
    rows = ((each, known.get(each["digest"])) for each in said)
    return [
        {"name": each["name"], "digest": row.digest, "type": row.type, "bytes": row.bytes} for each, row in rows if row
    ]


def problems(said: Sequence[Any]) -> list[Problem]:
    """What keeps a template from naming these, whatever the policy says."""
    if len(said) > attached.MOST_FILES:
        return [Problem("attachments", f"at most {attached.MOST_FILES} files go along: leave some out", "too_many")]
    known = {each["digest"]: each for each in described(said)}
    found, names = list[Problem](), set[str]()
    for place, each in enumerate(said):
        row = known.get(each["digest"])
        if row is None:
            cure = "bring it first, on the template's page or by POST /api/v1/attachments/"
            found.append(Problem(f"attachments.{place}", f"there is no file of this digest here: {cure}", "unknown"))
        elif wrong := attached.misnamed(Described(each["name"], row["type"], row["bytes"])):
            found.append(Problem(f"attachments.{place}.name", wrong, "name"))
        elif each["name"].lower() in names:
            found.append(Problem(f"attachments.{place}.name", f"{each['name']} stands twice: rename one", "twice"))
        names.add(each["name"].lower())
    return found


def read(compiled: Iterable[Any]) -> tuple[File, ...]:
    """The files of a published version (its `compiled["attachments"]`). Raises Gone."""
    return tuple(File(each["name"], attached.MIME[each["type"]], _content(each)) for each in compiled)


def unused() -> QuerySet[Attachment]:
    """Those that no template names, and nothing that was published."""
    named = Q()
    for rows in (Template.objects, TemplateVersion.objects):
        path = "attachments" if rows is Template.objects else "compiled__attachments"
        lists = rows.exclude(**{path: []}).filter(**{f"{path}__isnull": False}).values_list(path, flat=True)
        named |= Q(digest__in={each["digest"] for said in lists for each in said})
    return Attachment.objects.exclude(named)


def remove(row: Attachment) -> None:
    """Forget it and its file. Raises InUse."""
    if not unused().filter(pk=row.pk).exists():
        raise InUse
    audit.note("delete", "attachment", row.name, before={"digest": row.digest})
    row.delete()
    default_storage.delete(_path(row.digest))


def _tidy(*, besides: Attachment) -> None:
    """Those that were brought and never used go when the next one comes."""
    last = Now() - KEPT_FOR
    for row in unused().filter(created_at__lt=last).exclude(pk=besides.pk)[:_TIDIED_AT_ONCE]:
        remove(row)


def _content(each: Any) -> bytes:
    try:
        with default_storage.open(_path(each["digest"])) as file:
            content = bytes(file.read())
    except OSError:
        raise Gone(f"{each['name']} is not in the storage any more: bring it again, and publish the template") from None
    if hashlib.sha256(content).hexdigest() != each["digest"]:
        raise Gone(f"{each['name']} is not what it was when it was brought: bring it again, and publish the template")
    return content


def _path(digest: str) -> str:
    return f"attachments/{digest}"
