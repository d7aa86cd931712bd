"""Pages: the public ones that links in messages lead to, and the console's."""
