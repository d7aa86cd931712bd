from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import ingest, serializers
from campaigns.api.base import ApiView, refusal
from campaigns.config.gate import Problem
from tenants import bell, context
from tenants.accounts.models import Scope
from tenants.idempotency import once

_ONE_OR_MANY = PolymorphicProxySerializer(
    "EventOrEvents", [serializers.SentEventSerializer, serializers.EventRows], resource_type_field_name=None
)
_ROW_OR_ROWS = PolymorphicProxySerializer(
    "RowOrRows", [serializers.RowSerializer, serializers.RowsSerializer], resource_type_field_name=None
)


class Events(ApiView):
    scopes = {"POST": Scope.INGEST}

    @extend_schema(request=_ONE_OR_MANY, responses={200: _ROW_OR_ROWS, 201: serializers.RowSerializer})
    @once
    def post(self, request: Request) -> Response:
        """Record one event, or up to 1000. An `event_id` seen before is a duplicate and changes nothing."""
        is_one = isinstance(request.data, dict) and "events" not in request.data
        given: list[Any] = [request.data] if is_one else serializers.rows(request.data, "events")
        results = ingest.add_events(given, now=timezone.now(), zone=context.current().tzinfo, when_due=bell.ring)
        if not is_one:
            return Response(serializers.row_results(results))
        if results[0].problems:
            raise refusal([Problem(p.field, p.message) for p in results[0].problems])
        return Response(serializers.row_result(results[0]), status=201 if results[0].status == "created" else 200)
