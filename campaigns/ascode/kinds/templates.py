from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from campaigns import content, editing
from campaigns.ascode.documents import Configuration, Document
from campaigns.ascode.kinds import bounds, references
from campaigns.ascode.kinds.kept import in_order, tidy
from campaigns.ascode.kinds.rows import RowKind
from campaigns.config.gate import Problem, dump, parse
from campaigns.config.template import STRUCTURED, TEMPLATE, TemplateDocument
from campaigns.models import Template

CONTENT = frozenset(TemplateDocument.model_fields)  # what is published


class TemplateKind(RowKind):
    name = "templates"
    noun = "template"
    model = Template
    fields = ("key", "name", *TemplateDocument.model_fields)
    structured = STRUCTURED
    texts = {"html": ".html", "text": ".txt"}

    def shaped(self, data: Document) -> Document:
        shaped = super().shaped(data)
        said = dump(parse(TEMPLATE, {name: shaped[name] for name in STRUCTURED if name in shaped}))
        kept = {name: in_order(tidy(value)) for name, value in said.items()}
        return {name: kept.get(name, value) for name, value in shaped.items() if _says(name, value, kept)}

    def problems(self, document: Document, target: Configuration, now: datetime) -> list[Problem]:
        found = self.column_problems(document)
        checked, template = {problem.field for problem in found}, self.filled(Template(), document)
        found += [problem for problem in content.check(template) if problem.field not in checked]
        return found or content.check_policy(template, bounds.policy_of(target))

    def kept_by(self, keys: Collection[str], target: Configuration) -> dict[str, str]:
        return references.kept_by(keys, references.users_of_templates(target))

    def save(self, document: Document, *, now: datetime) -> None:
        row = Template.objects.filter(key=document["key"]).first() or Template()
        editing.save_template(self.filled(row, document))

    def remove(self, key: str) -> None:
        editing.remove_template(Template.objects.get(key=key))


def _says(name: str, value: Any, kept: Document) -> bool:
    """A template in HTML on its own is what goes without saying."""
    return name in kept or (name not in STRUCTURED and (name, value) != ("source_format", "html"))


def live() -> dict[str, str]:
    """The content hash of what is published, for every template that is."""
    return dict(Template.objects.filter(live__isnull=False).values_list("key", "live__content_hash"))


def publish(keys: Collection[str]) -> list[str]:
    """Publish each. Returns what was done, in words."""
    return [_published(Template.objects.get(key=key)) for key in sorted(keys)]


def make_live_again(keys: Collection[str], before: dict[str, str]) -> list[str]:
    """Each goes out again as in `before` (key -> content hash); one that was never published stays as it is."""
    return [_as_before(Template.objects.get(key=key), before[key]) for key in sorted(keys) if key in before]


def _as_before(template: Template, content_hash: str) -> str:
    version = template.versions.filter(content_hash=content_hash).first()
    if version is None:  # it was removed with its versions, and made anew
        return _published(template)
    editing.roll_back_template(template, version.number)
    return f"templates/{template.key}: version {version.number} is live again"


def _published(template: Template) -> str:
    return f"templates/{template.key}: version {content.publish(template).number} is live"
