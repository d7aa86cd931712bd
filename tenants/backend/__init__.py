"""Django's database backend: django-tenants', which does not say twice what the server knows."""
