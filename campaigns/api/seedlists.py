from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import seedlists, serializers
from campaigns.api.base import ApiView, ListView, keyed
from campaigns.models import SeedList
from tenants.accounts.models import Scope
from tenants.idempotency import once


class SeedLists(ListView):
    """Named addresses that tests go to."""

    queryset = SeedList.objects.all()
    serializer_class = serializers.SeedListSerializer
    scopes = {"POST": Scope.WRITE}

    @extend_schema(responses={201: serializers.SeedListSerializer})
    @once
    def post(self, request: Request) -> Response:
        """Make a seed list."""
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        made = SeedList(**given.validated_data)
        seedlists.save(made)
        location = {"Location": f"{request.path}{made.key}/"}
        return Response(self.get_serializer(made).data, status=201, headers=location)


class SeedListDetail(ApiView):
    queryset = SeedList.objects.all()
    serializer_class = serializers.SeedListSerializer
    lookup_field = "key"
    scopes = dict.fromkeys(["PUT", "PATCH", "DELETE"], Scope.WRITE)

    def get(self, request: Request, key: str) -> Response:
        return Response(self.get_serializer(self.get_object()).data)

    def put(self, request: Request, key: str) -> Response:
        return self._save(request, partial=False)

    def patch(self, request: Request, key: str) -> Response:
        return self._save(request, partial=True)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, key: str) -> Response:
        seedlists.remove(self.get_object())
        return Response(status=204)

    def _save(self, request: Request, *, partial: bool) -> Response:
        found = self.get_object()
        given = self.get_serializer(found, data=keyed(request, found.key), partial=partial)
        given.is_valid(raise_exception=True)
        for name, value in given.validated_data.items():
            setattr(found, name, value)
        seedlists.save(found)
        return Response(self.get_serializer(found).data)
