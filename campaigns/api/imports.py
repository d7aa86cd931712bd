"""Files of customers, events and products: brought, begun, followed and cancelled."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import serializers
from campaigns.api.base import ApiView, ListView, Translation, document, refusal
from campaigns.config.gate import Problem
from campaigns.importing import FileUnreadable, bringing, jobs, mapping
from campaigns.models import Import
from tenants import acting, bell
from tenants.accounts.models import Scope
from tenants.idempotency import once
from tenants.parsing import FileParser, StrictJSONParser, TooLarge

_TRANSLATIONS: dict[type[Exception], Translation] = {
    FileUnreadable: lambda error: refusal([Problem("file", str(error), "unreadable")]),
    mapping.Incomplete: lambda error: refusal([Problem("mapping", each, "incomplete") for each in error.problems]),
}


class AsCsv(JSONRenderer):
    """For those who ask for CSV: a refusal is a problem all the same."""

    media_type, format = "text/csv", "csv"


class Imports(ListView):
    """Files that were brought, and how they went."""

    serializer_class = serializers.ImportSerializer
    parser_classes = (FileParser, StrictJSONParser)
    filters = {"kind": "customers, events or products.", "state": "uploaded, queued, running, done, failed, cancelled."}
    scopes = {"POST": Scope.WRITE}
    translations: ClassVar[Any] = {**ListView.translations, **_TRANSLATIONS}
    newest_first = True

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Whoever may not write is refused before the file is read."""
        super().initial(request, *args, **kwargs)
        request._request.may_bring_a_file = True  # type: ignore[attr-defined]

    def get_queryset(self) -> QuerySet[Import]:
        return Import.objects.filter(**{name: value for name in self.filters if (value := self.given(name))})

    @extend_schema(request={"multipart/form-data": serializers.ImportedFile}, responses={201: serializers.ImportDetail})
    @once
    def post(self, request: Request) -> Response:
        """Bring a file; with `start`, begin at once. Rows that cannot be kept are put aside, each with the reason."""
        given = document(request)
        if refused := getattr(request._request, "upload_refusal", ""):
            raise TooLarge(refused)
        job = bringing.bring(**serializers.imported_file(given), by=acting.current().name[:200])
        bell.ring()
        where = {"Location": f"/api/v1/imports/{job.pk}/"}
        return Response(serializers.ImportDetail(job).data, status=201, headers=where)


class _OneImport(ApiView):
    queryset = Import.objects.all()
    lookup_field = "pk"
    serializer_class = serializers.ImportDetail
    translations: ClassVar[Any] = {**ApiView.translations, **_TRANSLATIONS}

    def told(self, job: Import) -> Response:
        job.refresh_from_db()
        return Response(self.get_serializer(job).data)


class ImportDetail(_OneImport):
    """How a file goes."""

    def get(self, request: Request, pk: int) -> Response:
        return self.told(self.get_object())


class ImportStart(_OneImport):
    scopes = {"POST": Scope.WRITE}

    @extend_schema(request=None)
    @once
    def post(self, request: Request, pk: int) -> Response:
        """Begin with the columns as they are mapped."""
        job = self.get_object()
        jobs.start(job)
        bell.ring()
        return self.told(job)


class ImportCancel(_OneImport):
    scopes = {"POST": Scope.WRITE}

    @extend_schema(request=None)
    @once
    def post(self, request: Request, pk: int) -> Response:
        """End it. What is written stays."""
        job = self.get_object()
        jobs.cancel(job)
        return self.told(job)


class ImportRejects(_OneImport):
    renderer_classes = (JSONRenderer, AsCsv)

    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.BINARY})
    def get(self, request: Request, pk: int) -> FileResponse:
        """The rejected rows as CSV, each with its number and the reason: corrected, they may be brought again."""
        job = self.get_object()
        file = jobs.rejected(job)
        if file is None:
            raise NotFound("No rejected rows are kept of this import.")
        return FileResponse(file, as_attachment=True, filename=jobs.rejects_name(job), content_type="text/csv")
