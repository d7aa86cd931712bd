"""What the platform's own host serves."""

from django.urls import URLPattern, URLResolver, include, path

from tenants.accounts import views as accounts
from tenants.console import platform_console

urlpatterns: list[URLPattern | URLResolver] = [
    path("login/<str:uid>/<str:token>/", accounts.login_by_link, name="login_by_link"),
    path("admin/", platform_console.urls),
    path("inbox/", include("marketing.inbox.urls")),
]
