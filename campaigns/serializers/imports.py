"""Imports: a file with what is said of it, and how it goes."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from campaigns.importing import jobs
from campaigns.importing.bringing import SPELT, Choice
from campaigns.models import Import
from tenants.parsing import json_of


class ImportSerializer(serializers.ModelSerializer[Import]):
    """`counts` are the rows by what became of them; the field of a column is blank where it is left out."""

    progress = serializers.SerializerMethodField(help_text="How much of the file is read: 0 to 1.")
    columns = serializers.SerializerMethodField()
    rejects = serializers.SerializerMethodField(help_text="Where the rejected rows are, if any are kept.")

    class Meta:
        model = Import
        fields = [
            "id", "kind", "state", "name", "by", "progress", "rows", "counts", "rejects", "columns", "constants",
            "notice", "error", "created_at", "started_at", "finished_at",
        ]  # fmt: skip

    def get_progress(self, job: Import) -> float:
        return round(jobs.share(job), 4)

    def get_columns(self, job: Import) -> list[dict[str, str]]:
        return [{"column": name, "field": field} for name, field in zip(job.columns, job.mapping, strict=True)]

    def get_rejects(self, job: Import) -> str | None:
        return f"/api/v1/imports/{job.pk}/rejects/" if job.rejects else None


class ImportDetail(ImportSerializer):
    held_up = serializers.SerializerMethodField(help_text="Why nothing moves, when a worker broke on it.")

    class Meta(ImportSerializer.Meta):
        fields = [*ImportSerializer.Meta.fields, "held_up"]

    def get_held_up(self, job: Import) -> str:
        return jobs.held_up(job) if job.state in jobs.OPEN else ""


class ObjectInAForm(serializers.DictField):
    """Names with their text, written as JSON."""

    child = serializers.CharField(allow_blank=True)

    def to_internal_value(self, data: Any) -> dict[str, str]:
        if isinstance(data, str):
            try:
                data = json_of(data)
            except ValueError as error:
                raise serializers.ValidationError(f'is not JSON such as {{"Mail": "email"}}: {error}') from None
        found: dict[str, str] = super().to_internal_value(data)
        return found


class ImportedFile(serializers.Serializer[Any]):
    """A form with a file."""

    file = serializers.FileField(allow_empty_file=True, help_text="CSV with a header, gzipped or not.")
    kind = serializers.ChoiceField(Import.Kind.choices)
    mapping = ObjectInAForm(
        required=False,
        help_text='The field of each column that shall be read, as JSON: {"Mail": "email", "Size": "attributes.size"}. '
        "Left out, the columns go where they went in the last file with these columns, or where they seem to belong.",
    )
    constants = ObjectInAForm(
        required=False, help_text='Fields that are the same for every row, as JSON: {"country": "GB"}.'
    )
    dates = serializers.ChoiceField(list(SPELT["dates"].items()), required=False)
    decimal = serializers.ChoiceField(list(SPELT["decimal"].items()), required=False)
    start = serializers.BooleanField(
        default=False,
        help_text="Begin at once. Left out, a person looks at it in the console, or a POST to start/ begins it.",
    )


def imported_file(data: dict[str, Any]) -> dict[str, Any]:
    """What `campaigns.importing.bringing.bring` takes. Raises ValidationError."""
    form = ImportedFile(data=data)
    unknown = [name for name in data if name not in form.fields]
    if unknown:
        message = f"is not a known field: a form has {', '.join(form.fields)}"
        raise serializers.ValidationError({unknown[0][:100]: [serializers.ErrorDetail(message, code="unknown")]})
    form.is_valid(raise_exception=True)
    given = form.validated_data
    spelt = {name: given[name] for name in SPELT if name in given}
    choice = Choice(given.get("mapping"), given.get("constants"), spelt or None)
    return {"upload": given["file"], "kind": given["kind"], "choice": choice, "start": given["start"]}
