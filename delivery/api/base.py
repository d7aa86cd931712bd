from __future__ import annotations

from rest_framework.exceptions import APIException

from campaigns.api.base import ApiView
from delivery.channels.base import ChannelUnavailable


class Unavailable(APIException):
    status_code = 503
    default_code = "channel_unavailable"


class DeliveryView(ApiView):
    """A view that may find no mail server."""

    translations = {
        **ApiView.translations,
        ChannelUnavailable: lambda error: Unavailable(f"{error} Nothing was started."),
    }
