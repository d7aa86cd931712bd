"""The installation as a web server runs it, but that nobody is sent away on a machine that is slow: for tests."""

from __future__ import annotations

from marketing.wsgi import application

# Models are there only now.
# isort: split
from delivery import recording

__all__ = ["application"]
recording.PATIENCE = 60.0  # seconds
