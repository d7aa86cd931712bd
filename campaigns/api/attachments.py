from __future__ import annotations

import base64
import binascii
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import attachments, serializers
from campaigns.api.base import ApiView, ListView, Refused, refusal
from campaigns.config.gate import Problem
from campaigns.models import Attachment
from tenants.accounts.models import Scope
from tenants.idempotency import once


class Attachments(ListView):
    """Files that templates may let go along with e-mails."""

    queryset = Attachment.objects.all()
    serializer_class = serializers.AttachmentSerializer
    scopes = {"POST": Scope.WRITE}

    @extend_schema(request=serializers.BroughtFileSerializer, responses={201: serializers.AttachmentSerializer})
    @once
    def post(self, request: Request) -> Response:
        """Bring a file. The same content again is the same file."""
        given = serializers.BroughtFileSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        made = attachments.keep(given.validated_data["name"], _content(given.validated_data["content"]))
        location = {"Location": f"{request.path}{made.digest}/"}
        return Response(self.get_serializer(made).data, status=201, headers=location)


class AttachmentDetail(ApiView):
    queryset = Attachment.objects.all()
    serializer_class = serializers.AttachmentSerializer
    lookup_field = "digest"
    scopes = {"DELETE": Scope.WRITE}
    translations: ClassVar[Any] = {
        **ApiView.translations,
        attachments.InUse: lambda error: Refused(str(error), code="in_use"),
    }

    def get(self, request: Request, digest: str) -> Response:
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, digest: str) -> Response:
        attachments.remove(self.get_object())
        return Response(status=204)


def _content(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise refusal([Problem("content", "this is not Base64: encode the file's bytes", "invalid")]) from None
