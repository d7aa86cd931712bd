"""What providers post."""

from __future__ import annotations

from django.core.exceptions import RequestDataTooBig
from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import APIException, ErrorDetail, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from delivery import receiving
from delivery.api.base import Unavailable
from delivery.channels.base import ChannelUnavailable
from delivery.channels.signals import Forged, WebhookRequest
from tenants import context


class TooLarge(APIException):
    status_code = 413
    default_detail = f"More than {receiving.MOST_BYTES // 1024 // 1024} MB: send fewer events at a time."
    default_code = "too_large"


class ProviderSignals(APIView):
    """A provider's signature is its credential: no key of ours is asked for."""

    authentication_classes = []
    permission_classes = []
    throttle_classes = []

    @extend_schema(operation_id="signals_receive", request=OpenApiTypes.OBJECT, responses={200: None})
    def post(self, request: Request, key: str) -> Response:
        """Take what the provider with this key posts, in its own format and signed its own way.

        Kept before it is answered, once for each event however often it is sent, and worked through within seconds.
        """
        try:
            receiving.receive(context.current(), key, _as_it_came(request))
        except receiving.UnknownProvider as unknown:
            raise Http404(str(unknown)) from None
        except Forged as forged:
            raise PermissionDenied(str(forged)) from None
        except ChannelUnavailable as problem:
            raise Unavailable(str(problem)) from None
        return Response(status=200)


def _as_it_came(request: Request) -> WebhookRequest:
    """Raises TooLarge and ValidationError."""
    try:
        return receiving.as_it_came(request._request)
    except RequestDataTooBig:
        raise TooLarge from None
    except receiving.Unmeasured as problem:
        raise ValidationError({"Content-Length": [ErrorDetail(str(problem), code="invalid")]}) from None
