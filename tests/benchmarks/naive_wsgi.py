"""The naive installation as a web server runs it: nothing is answered ahead of Django."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.benchmarks.naive_settings")
application = get_wsgi_application()
