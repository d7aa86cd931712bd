"""The project: settings, Celery, URLs, the console's shell, embedded services, and the demo."""

from marketing.celery import app as celery_app

__all__ = ["celery_app"]
