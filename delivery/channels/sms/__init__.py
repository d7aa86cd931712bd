"""Text messages, through providers' HTTP APIs."""
