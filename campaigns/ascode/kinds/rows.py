"""Documents that are rows of plain columns: their fields are the model's, and its own checks are the gate."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from pydantic import TypeAdapter
from pydantic import ValidationError as KeyRefused

from campaigns.ascode.documents import Document, Kind
from campaigns.config.gate import Invalid, Problem
from campaigns.config.values import Key

_KEY: TypeAdapter[str] = TypeAdapter(Key)


class RowKind(Kind):
    model: Any  # with these columns
    fields: tuple[str, ...]
    structured: tuple[str, ...] = ()  # the fields that hold more than text

    def rows(self, *, lock: bool) -> dict[str, Document]:
        return {row.key: self.document(row) for row in locked(self.model.objects.order_by("key"), lock)}

    def document(self, row: models.Model) -> Document:
        return {name: value for name in self.fields if (value := getattr(row, name)) != ""}

    def shaped(self, data: Document) -> Document:
        found = [Problem(name, self._unknown(name), "unknown") for name in data if name not in self.fields]
        for name in self.fields:
            value = data.get(name)
            if name not in self.structured and not isinstance(value, str | None):
                found.append(Problem(name, f"text is expected: put {value!r} in quotes", "text"))
        if found:
            raise Invalid(found)
        return {name: data[name] for name in self.fields if data.get(name) not in ("", None)}

    def filled(self, row: Any, document: Document) -> Any:
        """`row` as the document says; a field it leaves out has its default."""
        for name in self.fields:
            setattr(row, name, document[name] if name in document else self.model._meta.get_field(name).get_default())
        return row

    def column_problems(self, document: Document) -> list[Problem]:
        """What the model's own checks find."""
        found = key_problems(document["key"]) if "key" in document else []
        others = [f.name for f in self.model._meta.fields if f.name not in self.fields or f.name in self.structured]
        try:
            self.filled(self.model(), document).clean_fields(exclude=others)
        except ValidationError as error:
            found += [Problem(name, " ".join(told), "invalid") for name, told in error.message_dict.items()]
        return found

    def _unknown(self, name: str) -> str:
        return f"this field is unknown here: use {', '.join(n for n in self.fields if n not in self.texts)}"


def locked(rows: models.QuerySet[Any], lock: bool) -> Iterable[Any]:
    return rows.select_for_update(of=("self",), no_key=True) if lock else rows


def key_problems(key: str) -> list[Problem]:
    try:
        _KEY.validate_python(key)
    except KeyRefused:
        cure = "write a key in lower-case letters, digits, - and _, beginning with a letter or digit"
        return [Problem("key", f"{key!r} cannot be referred to: {cure}", "key")]
    return []
