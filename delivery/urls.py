"""Public addresses, reached from messages: no login."""

from django.urls import path

from delivery.views import preferences

urlpatterns = [
    path("u/<str:token>", preferences.unsubscribe, name="unsubscribe"),
    path("p/<str:token>", preferences.unsubscribe, name="preferences"),
]
