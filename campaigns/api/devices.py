from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import devices, serializers
from campaigns.api.base import ApiView
from campaigns.models import Customer
from tenants.accounts.models import Scope
from tenants.idempotency import once


class CustomerDevices(ApiView):
    """Where a customer's notifications go. Of several devices, the one seen last gets a message."""

    queryset = Customer.objects.all()
    lookup_field = "external_id"
    serializer_class = serializers.DeviceSerializer
    scopes = {"GET": Scope.READ, "POST": Scope.INGEST, "DELETE": Scope.INGEST}

    @extend_schema(responses={200: serializers.DevicesSerializer})
    def get(self, request: Request, external_id: str) -> Response:
        """Its devices, the one seen last first."""
        return Response({"results": self.get_serializer(devices.of(self.get_object()), many=True).data})

    @extend_schema(responses={201: serializers.DeviceSerializer})
    @once
    def post(self, request: Request, external_id: str) -> Response:
        """Register a device, or say that it was seen now. Whose it was before gets nothing there any more."""
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        device = devices.register(self.get_object(), given.validated_data["address"], now=timezone.now())
        return Response(self.get_serializer(device).data, status=201)

    @extend_schema(request=serializers.DeviceSerializer, responses={204: None})
    def delete(self, request: Request, external_id: str) -> Response:
        """Its owner turned notifications off, or signed out: nothing more goes there."""
        given = self.get_serializer(data=request.query_params or request.data)
        given.is_valid(raise_exception=True)
        if not devices.forget(given.validated_data["address"], owner=self.get_object()):
            raise NotFound("The customer has no such device.")
        return Response(status=204)
