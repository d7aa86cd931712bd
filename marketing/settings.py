"""Environment in, values out. The same file serves development, tests and production.

Development is an installation whose BASE_DOMAIN is `localhost` or below it (or that sets DEBUG=1);
everything else is production, which refuses to start on a setting it could not run safely with.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import dj_database_url
from celery.schedules import crontab
from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.core.exceptions import ImproperlyConfigured

from marketing import console_settings, environment
from marketing.embedded import home

BASE_DIR = Path(__file__).resolve().parent.parent
BANNERLINE_HOME = Path(environment.text("BANNERLINE_HOME", str(BASE_DIR / ".bannerline"))).resolve()

BASE_DOMAIN = environment.text("BASE_DOMAIN", "localhost").lower()
DEBUG = environment.boolean("DEBUG", default=BASE_DOMAIN == "localhost" or BASE_DOMAIN.endswith(".localhost"))
PUBLIC_SCHEME = "http" if DEBUG else "https"
PUBLIC_PORT = environment.integer("PORT", default=8000 if DEBUG else 443)

DATABASE_URL = environment.text("DATABASE_URL")
CELERY_BROKER_URL = environment.text("CELERY_BROKER_URL")
EMAIL_URL = environment.text("EMAIL_URL")
SYSTEM_FROM = environment.text("SYSTEM_FROM", f"no-reply@{BASE_DOMAIN}")  # of mail to the people who sign in
DNS_SERVER = environment.text(
    "DNS_SERVER"
)  # whom senders' domains are asked of: address or address:port; blank, the system's
CACHE_URL = environment.text("CACHE_URL")
SECRET_KEY = environment.text("SECRET_KEY")
if not DEBUG:
    _needed = {"DATABASE_URL": DATABASE_URL, "CELERY_BROKER_URL": CELERY_BROKER_URL, "EMAIL_URL": EMAIL_URL}
    _unsafe = [f"{name} is unset, and embedded services are for development" for name in _needed if not _needed[name]]
    if len(SECRET_KEY) < 40:
        _unsafe.append("SECRET_KEY is unset or shorter than 40 characters: it signs every session and link")
    if _unsafe:
        raise ImproperlyConfigured(f"Production ({BASE_DOMAIN}) cannot start: {'; '.join(_unsafe)}.")
SECRET_KEY = SECRET_KEY or home.secret_key(BANNERLINE_HOME)
SECRET_KEY_FALLBACKS = environment.text("SECRET_KEY_FALLBACKS").split()  # former ones: what they sealed is still read

# -- who is asking --------------------------------------------------------------------------------------------------
# Retailers bring domains of their own, kept in the database: tenants.middleware answers 404 to any other host.
ALLOWED_HOSTS = ["*"]
TENANT_MODEL = "tenants.Retailer"
TENANT_DOMAIN_MODEL = "tenants.Domain"
ROOT_URLCONF = "marketing.urls"
PUBLIC_SCHEMA_URLCONF = "marketing.urls_public"
AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

# -- applications: unfold stands before django_tenants (both ship admin/app_list.html) --------------------------------
_UNFOLD = ["unfold", "unfold.contrib.filters", "unfold.contrib.forms"]
# Users and what hangs on them exist on the platform and in every retailer; nothing else may be in both lists.
_PEOPLE = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.admin",
    "tenants.accounts",
]
SHARED_APPS = [
    *_UNFOLD,
    "django_tenants",
    "tenants",
    "marketing",
    "django_celery_beat",
    *_PEOPLE,
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
]
TENANT_APPS = [*_PEOPLE, "rest_framework_api_key", "campaigns", "delivery"]
INSTALLED_APPS = list(dict.fromkeys([*SHARED_APPS, *TENANT_APPS]))

MIDDLEWARE = [
    "marketing.health.HealthMiddleware",
    "delivery.views.hits.HitMiddleware",
    "delivery.views.posts.PostMiddleware",
    "tenants.middleware.RetailerMiddleware",
    "tenants.zone.ZoneMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "tenants.doors.ActingMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
WSGI_APPLICATION = "marketing.wsgi.application"

# -- data -----------------------------------------------------------------------------------------------------------
# A thread of the web keeps its connection for a minute; a Celery process keeps one (CELERY_DB_REUSE_MAX in
# marketing.celery). Every cursor sees to its schema, so a kept connection leads nobody astray.
DATABASES: dict[str, Any] = {
    "default": dict(
        dj_database_url.parse(
            DATABASE_URL or "postgresql:///bannerline",
            engine="tenants.backend" if DATABASE_URL else "marketing.embedded.backend",
            conn_max_age=60,
            conn_health_checks=True,
        )
    )
}
# What a rule may cost that a marketer counts: how long, and by Postgres' own estimate, for each million customers. That
# estimate takes people to be looked up one by one even where it then hashes, some 13 each: dozens of conditions are let
# through, and what multiplies is not.
RULE_SECONDS = environment.integer("RULE_SECONDS", default=10)
RULE_COST = environment.integer("RULE_COST", default=1_000_000_000)
DATABASE_ROUTERS = ["django_tenants.routers.TenantSyncRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache"
        if CACHE_URL
        else "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": CACHE_URL or "bannerline",
        "KEY_FUNCTION": "django_tenants.cache.make_key",
        "REVERSE_KEY_FUNCTION": "django_tenants.cache.reverse_key",
    }
}
STORAGES = {
    "default": {"BACKEND": "django_tenants.files.storage.TenantFileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
MEDIA_ROOT = BANNERLINE_HOME / "media"
STATIC_URL = "/static/"
STATIC_ROOT = None if DEBUG else BASE_DIR / "staticfiles"
WHITENOISE_USE_FINDERS = DEBUG

# -- the broker carries wake-ups only: losing, doubling or delaying any of them changes nothing but latency -----------
CELERY_BROKER_URL = CELERY_BROKER_URL or f"redis+socket://{home.socket_folder(BANNERLINE_HOME) / 'broker.sock'}"
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_SCHEDULE = {
    "tick": {"task": "delivery.tasks.tick", "schedule": 1.0, "options": {"expires": 5}},
    "tidy": {"task": "delivery.tasks.tidy", "schedule": 3600.0, "options": {"expires": 600}},
    "count popularity": {"task": "delivery.tasks.count_popularity", "schedule": crontab(hour=0, minute=5)},  # UTC
    "prove facts": {"task": "delivery.tasks.prove_facts", "schedule": crontab(hour=1, minute=0)},  # UTC
}
CELERY_BEAT_MAX_LOOP_INTERVAL = 1
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 120
CELERY_TASK_SOFT_TIME_LIMIT = 90
CELERY_TASK_PUBLISH_RETRY = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 1000
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 300_000  # KiB
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "max_retries": 0,  # of a wake-up: else whoever saves something waits six seconds for a broker that is away
    "visibility_timeout": 180,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_timeout": 5,
    "socket_connect_timeout": 1,
    "health_check_interval": 10,
}

# -- delivery ---------------------------------------------------------------------------------------------------------
# How long a worker may be silent before its batch is given to another. It must exceed connecting, writing and waiting
# for a provider's answer, which dispatch bounds by a share of it; recovery from a dead worker takes about as long.
LEASE_SECONDS = environment.integer("LEASE_SECONDS", default=45)
# Whether retailers' providers and webhooks may be inside this network, and be kinds that only keep what they get.
ALLOW_PRIVATE_ADDRESSES = environment.boolean("ALLOW_PRIVATE_ADDRESSES", default=DEBUG)
DEVELOPMENT_PROVIDERS = DEBUG

# -- signals -----------------------------------------------------------------------------------------------------------
# Networks of security gateways beside those that are published, as 192.0.2.0/24: what comes from them is no person's.
MACHINE_NETWORKS = environment.text("MACHINE_NETWORKS").replace(",", " ").split()

# -- files of customers, events and products that retailers bring, unpacked -------------------------------------------
IMPORT_MOST_BYTES = environment.integer("IMPORT_MOST_MB", default=1024) * 1024 * 1024

# -- blueprints of this platform's own, beside those that ship: folders of <key>/<number>.yaml -------------------------
BLUEPRINTS = [folder for folder in environment.text("BLUEPRINTS").split(":") if folder]

# -- time and language ------------------------------------------------------------------------------------------------
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-gb"
USE_I18N = True
FORMAT_MODULE_PATH = ["marketing.formats"]

# -- safety -----------------------------------------------------------------------------------------------------------
SESSION_COOKIE_DOMAIN = None  # host-only: a retailer's session says nothing to another host
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG
SESSION_COOKIE_HTTPONLY = True
SECURE_PROXY_SSL_HEADER = None if DEBUG else ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = False  # the proxy's task
SECURE_HSTS_SECONDS = 0 if DEBUG else 31_536_000
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, UNSAFE_EVAL],  # the console's Alpine.js compiles expressions
        "style-src": [SELF, UNSAFE_INLINE],
        "img-src": [SELF, "data:", "https:"],
        "worker-src": [SELF, "blob:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024
FILE_UPLOAD_HANDLERS = ["campaigns.admin.reception.Reception"]
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000  # an audience rule of 300 conditions, each a row of inputs

# -- the API for integrators ------------------------------------------------------------------------------------------
API_RATE = environment.integer("API_RATE", default=6000)  # calls a minute and key
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["tenants.accounts.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["tenants.accounts.authentication.HasScope"],
    "DEFAULT_THROTTLE_CLASSES": ["tenants.throttling.PerKeyThrottle"],
    "DEFAULT_PAGINATION_CLASS": "tenants.pagination.KeysetPagination",
    "DEFAULT_PARSER_CLASSES": ["tenants.parsing.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "tenants.problems.handle",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Bannerline",
    "DESCRIPTION": "Customers and events in, campaigns driven, results out. One host per retailer.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "ENUM_NAME_OVERRIDES": {
        "Channel": "campaigns.models.customers.Channel",
        "ChannelName": ["email", "sms", "push", "webhook"],
        "CampaignState": "campaigns.models.campaigns.Campaign.State",
        "RunState": "campaigns.models.campaigns.Run.State",
        "ImportState": "campaigns.models.imports.Import.State",
        "ImportKind": "campaigns.models.imports.Import.Kind",
    },
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "marketing.schema.complete"],
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "stream": sys.stderr}},
    # Django's own handler would say everything twice, and a stranger's 404 is no warning of ours.
    "loggers": {"django": {"handlers": []}, "django.request": {"level": "ERROR"}},
    "root": {"handlers": ["stderr"], "level": environment.text("LOG_LEVEL", "WARNING").upper()},
}

# -- the consoles' looks and menus -------------------------------------------------------------------------------------
UNFOLD, UNFOLD_PLATFORM = console_settings.UNFOLD, console_settings.UNFOLD_PLATFORM
