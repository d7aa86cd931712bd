from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import attributes, serializers
from campaigns.api.base import ApiView, ListView, document, refusal
from campaigns.config.gate import Problem
from campaigns.models import AttributeDefinition
from tenants import bell
from tenants.accounts.models import Scope
from tenants.idempotency import once


class Attributes(ListView):
    """Custom attributes with a declared type."""

    queryset = AttributeDefinition.objects.all()
    serializer_class = serializers.AttributeSerializer
    scopes = {"POST": Scope.WRITE}

    @extend_schema(responses={201: serializers.AttributeSerializer})
    @once
    def post(self, request: Request) -> Response:
        """Declare one: from then on values of another type are refused. It is ready once `ready_at` says so."""
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        made = attributes.declare(**given.validated_data)
        bell.ring()
        location = {"Location": f"{request.path}{made.name}/"}
        return Response(self.get_serializer(made).data, status=201, headers=location)


class AttributeDetail(ApiView):
    serializer_class = serializers.AttributeSerializer
    lookup_field = "name"
    scopes = dict.fromkeys(["PATCH", "DELETE"], Scope.WRITE)

    def get_queryset(self) -> QuerySet[AttributeDefinition]:
        return AttributeDefinition.objects.all()

    def get(self, request: Request, name: str) -> Response:
        return Response(self.get_serializer(self.get_object()).data)

    def patch(self, request: Request, name: str) -> Response:
        """Change its description. Its name and type stay: remove it and declare another."""
        found = self.get_object()
        given = document(request)
        for field in ("name", "type"):
            if given.get(field, getattr(found, field)) != getattr(found, field):
                cure = f"stays {getattr(found, field)!r}: remove the attribute and declare another"
                raise refusal([Problem(field, cure, "immutable")])
        checked = self.get_serializer(found, data=given, partial=True)
        checked.is_valid(raise_exception=True)
        attributes.describe(found, checked.validated_data.get("description", found.description))
        return Response(self.get_serializer(found).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, name: str) -> Response:
        """Take the declaration back. Customers keep their values."""
        attributes.remove(self.get_object())
        return Response(status=204)
