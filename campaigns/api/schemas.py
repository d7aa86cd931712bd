from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from campaigns.serializers import json_schemas


class JsonSchema(APIView):
    """One of the configuration's JSON Schemas: the same for everybody, so no key is asked for."""

    authentication_classes = []
    permission_classes = []
    http_method_names = ["get", "head"]
    name = ""  # given by the route

    @extend_schema(exclude=True)
    def get(self, request: Request, **_: Any) -> Response:
        return Response(json_schemas.document(self.name), content_type="application/schema+json")
