"""E-mail: one MIME message per customer, handed to a relay over SMTP."""
