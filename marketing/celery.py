"""The Celery app: wake-ups in, nothing else. What is due stands in the agenda (tenants.agenda)."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketing.settings")

app = Celery("marketing", task_cls="tenants.tasks:PlatformTask")
app.config_from_object("django.conf:settings", namespace="CELERY")
# The Django fixup reads this key; without it, it closes the database connection after every task.
app.conf["CELERY_DB_REUSE_MAX"] = 100
app.autodiscover_tasks()
