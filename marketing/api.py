"""The REST API's table of contents, below /api/v1/ of a retailer's host."""

from __future__ import annotations

from typing import Any

from django.urls import include, path, re_path
from django.views.decorators.cache import cache_page
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.views import APIView


class NothingHere(APIView):
    """Answers for every other path in the API's own words, whatever the method."""

    authentication_classes = []
    permission_classes = []
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        raise NotFound("There is nothing at this address. Paths end in a slash; schema/ lists them all.")


# The page's script comes as a file of its own: the content security policy stays as strict as everywhere else.
_schema = SpectacularJSONAPIView.as_view(authentication_classes=[])
_docs = SpectacularSwaggerSplitView.as_view(authentication_classes=[])

urlpatterns = [
    path("", include("campaigns.api.urls")),
    path("", include("delivery.api.urls")),
    path("schema/", cache_page(60)(_schema), name="schema"),
    path("docs/", _docs, name="docs"),
    re_path("", NothingHere.as_view()),
]
