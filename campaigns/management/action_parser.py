"""Command lines of the form `command ACTION arguments`, where exit code 2 says that a plan would change something."""

from __future__ import annotations

import sys
from typing import Any, NoReturn

from django.core.management.base import CommandParser


class ActionParser(CommandParser):
    """Of one action. Options may stand anywhere among its arguments."""

    _is_mixing = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        if self._is_mixing:
            return super().parse_known_args(args, namespace)
        self._is_mixing = True
        found, left = self.parse_known_intermixed_args(args, namespace)
        if left:
            self.error(f"unrecognized arguments: {' '.join(left)}")
        return found, left

    def error(self, message: str) -> NoReturn:
        """A mistake on the command line must not look like a plan with changes."""
        if not self.called_from_command_line:
            super().error(message)
        self.print_usage(sys.stderr)
        self.exit(1, f"{self.prog}: error: {message}\n")
