"""The built-in inbox: a real SMTP server that keeps every mail where a person can open it.

For development and demonstrations. The server (`python -m marketing.inbox`) is a process of its own that knows
no Django; `store` is the file it shares with the console's pages and with tests.
"""
