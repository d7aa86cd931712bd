from __future__ import annotations

import io
import tempfile
from typing import IO

from django.http import FileResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.api import customers
from campaigns.api.base import ApiView
from campaigns.models import Customer
from delivery import person
from tenants import context
from tenants.accounts.models import Scope

IN_MEMORY = 1 << 20  # bytes of a document; a larger one waits on the disk, whole, before the first byte is sent


class CustomerDetail(customers.CustomerDetail):
    scopes = {**customers.CustomerDetail.scopes, "DELETE": Scope.FULL}

    @extend_schema(responses={204: None})
    def delete(self, request: Request, external_id: str) -> Response:
        """Erase the person, wherever named; a suppression stays in force by its hash."""
        person.erase(self.get_object())
        return Response(status=204)


class CustomerExport(ApiView):
    queryset = Customer.objects.all()
    lookup_field = "external_id"
    scopes = {"GET": Scope.FULL}

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, external_id: str) -> FileResponse:
        """Everything known of the person as one document: who, consents with proof, events, memberships, messages."""
        return FileResponse(_document(self.get_object()), content_type="application/json")


def _document(customer: Customer) -> IO[bytes]:
    file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 -- closed by the response
    text = io.TextIOWrapper(file, encoding="utf-8")
    person.export(customer, context.current(), text.write, now=timezone.now())
    text.flush()
    text.detach()
    file.seek(0)
    return file
