from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import serializers, suppressions
from campaigns.api.base import ListView
from campaigns.models import Suppression
from tenants.accounts.models import Scope
from tenants.idempotency import once


class Suppressions(ListView):
    """Addresses that get nothing more on a channel."""

    serializer_class = serializers.SuppressionSerializer
    filters = {"channel": "email, sms, push or webhook.", "address": "The whole address.", "reason": "Why it stands."}
    scopes = {"POST": Scope.WRITE, "DELETE": Scope.WRITE}
    newest_first = True

    def get_queryset(self) -> QuerySet[Suppression]:
        wanted = {name: value for name in self.filters if (value := self.given(name))}
        address = wanted.pop("address", None)
        found = Suppression.objects.filter(**wanted)
        if address is None:
            return found
        normal = suppressions.normal(wanted.get("channel", "email"), address)
        return found.filter(address_hash=suppressions.hashed(normal))

    @extend_schema(responses={200: serializers.SuppressionSerializer, 201: serializers.SuppressionSerializer})
    @once
    def post(self, request: Request) -> Response:
        """Put an address on the list; one that is on it already is answered as it stands."""
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        wanted = {"channel": "email", "reason": Suppression.Reason.MANUAL, **given.validated_data}
        suppression, is_new = suppressions.add(**wanted, source=self.caller)
        return Response(self.get_serializer(suppression).data, status=201 if is_new else 200)

    @extend_schema(
        request=serializers.SuppressedAddress,
        parameters=[OpenApiParameter("channel"), OpenApiParameter("address")],
        responses={204: None},
    )
    def delete(self, request: Request) -> Response:
        """Take an address off the list: named in the query, or in a body."""
        given = serializers.SuppressedAddress(data=request.query_params or request.data)
        given.is_valid(raise_exception=True)
        if not suppressions.remove(**given.validated_data):
            raise NotFound("This address is not on the list.")
        return Response(status=204)
