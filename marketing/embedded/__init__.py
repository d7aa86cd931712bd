"""The services a stranger's machine lacks: Postgres and a broker from wheels, and a built-in inbox.

Used only while `DATABASE_URL`, `CELERY_BROKER_URL` or `EMAIL_URL` is unset; production sets all three.
Everything they write lives under `BANNERLINE_HOME`.
"""
