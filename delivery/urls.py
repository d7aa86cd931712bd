"""Public addresses, reached from messages: no login. What is below `/t/` is answered by delivery.views.hits."""

from django.urls import path

from delivery.views import digest, preferences, reading

urlpatterns = [
    path("u/<str:token>", preferences.unsubscribe, name="unsubscribe"),
    path("p/<str:token>", preferences.choose, name="preferences"),
    path("v/<str:token>", reading.read, name="view"),
    path("d/<str:token>", digest.leave, name="leave_digest"),
]
