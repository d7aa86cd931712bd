"""Included by the platform's host."""

from __future__ import annotations

from django.urls import path

from marketing.inbox import views

urlpatterns = [
    path("", views.mails, name="inbox"),
    path("<int:id>/", views.mail, name="inbox_mail"),
    path("<int:id>/source/", views.source, name="inbox_source"),
]
