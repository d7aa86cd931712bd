"""The Celery app: wake-ups in, nothing else. What is due stands in the agenda (tenants.agenda)."""

from __future__ import annotations

import gc
import os
import resource
from pathlib import Path
from typing import Any

from celery import Celery
from celery.signals import worker_process_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketing.settings")

app = Celery("marketing", task_cls="tenants.tasks:PlatformTask")
app.config_from_object("django.conf:settings", namespace="CELERY")
# The Django fixup reads this key; without it, it closes the database connection after every task.
app.conf["CELERY_DB_REUSE_MAX"] = 100
app.autodiscover_tasks()

MOST_MEMORY = 1024 * 1024 * 1024  # bytes that a worker's child may take beyond what it starts with


@worker_process_init.connect
def _limit_memory(**_: Any) -> None:
    """Whatever a message comes to, its child process dies of it before the machine does; dispatch knows what to do."""
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + MOST_MEMORY, resource.RLIM_INFINITY))


@worker_process_init.connect
def _collect_seldom(**_: Any) -> None:
    """A batch makes thousands of objects and keeps them for a moment, none in a circle: the collector would look
    through all of the application for them every few seconds.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
