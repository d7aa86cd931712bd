"""The browser that tests drive: Chromium, where there is one."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, expect

_KNOWN = [os.environ.get("CHROMIUM", ""), *(shutil.which(name) or "" for name in ("chromium", "google-chrome"))]
_PATH = next((path for path in _KNOWN if path and Path(path).exists()), None)
_QUIET = ["--no-sandbox", "--disable-background-networking", "--no-first-run", "--disable-component-update"]
_CURE = "no browser: install chromium (apt-get install chromium), or set CHROMIUM to one's path"

PATIENCE = 30_000  # milliseconds that a page may take to show something, on a machine that is busy with other tests

needed = pytest.mark.skipif(_PATH is None, reason=_CURE)


def launched(playwright: Playwright) -> Browser:
    expect.set_options(timeout=PATIENCE)
    return playwright.chromium.launch(executable_path=_PATH, args=_QUIET)
