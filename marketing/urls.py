"""What a retailer's host serves."""

from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from tenants.accounts import views as accounts
from tenants.console import retailer_console

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("login/<str:uid>/<str:token>/", accounts.login_by_link, name="login_by_link"),
    path("admin/", retailer_console.urls),
    path("api/v1/", include("marketing.api")),
    path("", include("delivery.urls")),
]
