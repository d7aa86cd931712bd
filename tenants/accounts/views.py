"""Signing in by a one-time link."""

from __future__ import annotations

from django.contrib.auth import login
from django.contrib.auth.tokens import default_token_generator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import urlsafe_base64_decode

from tenants.accounts.models import User


def login_by_link(request: HttpRequest, uid: str, token: str) -> HttpResponse:
    user = _user(uid)
    if user is None or not user.is_active or not default_token_generator.check_token(user, token):
        return render(request, "public/link_used.html", status=410)
    login(request, user)  # stamps last_login, which is part of the token: the link is used up
    return redirect("admin:password_change" if not user.has_usable_password() else "admin:index")


def _user(uid: str) -> User | None:
    try:
        return User.objects.filter(pk=int(urlsafe_base64_decode(uid))).first()
    except (ValueError, OverflowError):
        return None
