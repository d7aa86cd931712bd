"""What the naive installation answers, and how."""

from __future__ import annotations

from django.urls import path

from tests.benchmarks.naive_hits import hit
from tests.benchmarks.naive_webhooks import posted

urlpatterns = [path("t/o/<str:token>", hit), path("api/v1/signals/<slug:key>/", posted)]
