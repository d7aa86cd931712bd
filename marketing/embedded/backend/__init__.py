"""Django's database backend for an installation without DATABASE_URL."""
