from __future__ import annotations

import io
import tempfile
from typing import IO

from django.http import FileResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from campaigns.api import customers
from campaigns.api.base import ApiView, refusal
from campaigns.config.gate import Problem
from campaigns.models import Customer
from delivery import person, timeline
from delivery.serializers import TimelineSerializer
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


class CustomerTimeline(ApiView):
    queryset = Customer.objects.all()
    lookup_field = "external_id"

    @extend_schema(
        responses={200: TimelineSerializer},
        parameters=[
            OpenApiParameter("show", str, enum=[name for name in timeline.FILTERS if name], description="Only these."),
            OpenApiParameter("cursor", str, description="Where the next page begins; from `next`."),
        ],
    )
    def get(self, request: Request, external_id: str) -> Response:
        """What the customer did, was sent, agreed to, and what bars them: newest first, a page at a time."""
        show = request.query_params.get("show", "")
        if show not in timeline.FILTERS:
            known = ", ".join(name for name in timeline.FILTERS if name)
            raise refusal([Problem("show", f"there is no {show[:50]!r}: use {known}, or leave it out", "unknown")])
        page = timeline.page(self.get_object(), show=show, before=request.query_params.get("cursor", ""))
        address = request.build_absolute_uri()
        following = replace_query_param(address, "cursor", page.older) if page.older else None
        return Response(TimelineSerializer({"results": page.entries, "next": following}).data)


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
