"""Django settings from environment variables. docs/settings.md lists every variable.

A fresh checkout runs without any variable. With DEBUG off, the site needs some
variables. If one of them is missing, the start fails with a message that names it.
"""

from __future__ import annotations

import os
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse_lazy
from environs import Env

from config.variables import complaints, options_of
from uploads.conf import is_endpoint, masked
from uploads.http.headers import REPORTS_GROUP, static_headers
from uploads.http.logs import logging_config
from uploads.s3.connection import AddressingStyle, browser_origin, storage_options

BASE_DIR = Path(__file__).resolve().parent.parent

env = Env()


def words(name: str, default: str = "") -> list[str]:
    """Return a comma-separated variable as a list, without spaces around its words."""
    return [word.strip() for word in env.str(name, default).split(",") if word.strip()]


def networks(name: str) -> list[str]:
    """Return a comma-separated variable as a list of networks, such as 10.0.0.0/8."""
    for word in words(name):
        try:
            ip_network(word)
        except ValueError as error:
            raise ImproperlyConfigured(
                f"{name} has {word!r}. Write networks such as 10.0.0.0/8 ({error})."
            ) from error
    return words(name)


DEBUG = env.bool("DEBUG", True)

if not DEBUG:
    missing = [
        name
        for name in ("SECRET_KEY", "ALLOWED_HOSTS", "S3_BUCKET")
        if not env.str(name, "").strip()
    ]
    if missing:
        raise ImproperlyConfigured(
            f"DEBUG is off, so {', '.join(missing)} must be set in the environment. "
            "docs/settings.md describes each variable."
        )

SECRET_KEY = env.str("SECRET_KEY", "development-only-" + "not-a-secret-" * 4)
SECRET_KEY_FALLBACKS = words("SECRET_KEY_FALLBACKS")
ALLOWED_HOSTS = words("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]")
SITE_URL = env.str("SITE_URL", "").strip().rstrip("/")
CSRF_TRUSTED_ORIGINS = words("CSRF_TRUSTED_ORIGINS")
DATA_DIR = Path(env.str("DATA_DIR", str(BASE_DIR / "var")))
SIGNUP_OPEN = env.bool("SIGNUP_OPEN", False)
SENTRY_DSN = env.str("SENTRY_DSN", "").strip()
OTEL_EXPORTER_OTLP_ENDPOINT = env.str("OTEL_EXPORTER_OTLP_ENDPOINT", "").strip()
METRICS_SECRET = env.str("METRICS_SECRET", "").strip()
METRICS_NETWORKS = networks("METRICS_NETWORKS")

INSTALLED_APPS = [
    "uploads",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "csp",
    "django_tasks",
    "storages",
]

MIDDLEWARE = [
    "uploads.http.telemetry.TracingMiddleware",
    "uploads.http.middleware.RequestContextMiddleware",
    "uploads.http.headers.HeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "uploads.http.fair_share.FairShareMiddleware",
    "uploads.http.headers.PolicyMiddleware",
    "uploads.api.problems.ProblemMiddleware",
    "uploads.http.database_outages.OutageMiddleware",
    "uploads.http.middleware.BodyLimitMiddleware",
    "uploads.http.middleware.CharsetMiddleware",
    "uploads.http.middleware.NulMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "uploads.trail.receivers.requests.CurrentRequestMiddleware",
    "uploads.accounts.middleware.LastSeenMiddleware",
    "uploads.accounts.middleware.PrivateMiddleware",
    # CsrfViewMiddleware parses the body of every form. It runs after PrivateMiddleware,
    # so forms that anonymous users send to private pages are not parsed.
    "django.middleware.csrf.CsrfViewMiddleware",
    "uploads.accounts.middleware.SecondFactorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

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

DATABASES = {
    "default": env.dj_db_url(
        "DATABASE_URL",
        f"sqlite:///{DATA_DIR / 'db.sqlite3'}",
        conn_max_age=env.int("DATABASE_CONN_MAX_AGE", 60),
        conn_health_checks=True,
    )
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATA_DIR.mkdir(parents=True, exist_ok=True)
    DATABASES["default"]["OPTIONS"] = {
        # Take the write lock when a transaction begins. Otherwise, two transactions
        # that first read and then write could deadlock. In this case, SQLite raises an
        # error at once and ignores the timeout.
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        "timeout": 20,
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# All processes must share the cache, because allauth counts wrong codes in the cache.
# `migrate` creates the table of the cache.
CACHES = {"default": env.dj_cache_url("CACHE_URL", "db://slipway_cache")}
if CACHES["default"]["BACKEND"] == "django.core.cache.backends.db.DatabaseCache":
    # With Django's default of 300 entries, a client could evict the counters of other
    # clients.
    CACHES["default"]["OPTIONS"] = {"MAX_ENTRIES": 100_000}

AUTHENTICATION_BACKENDS = [
    # LoginGuard must be first, so that it counts a guess before the password check.
    "uploads.access.login_guard.LoginGuard",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "account_login"

# django-allauth provides logins, second factors and sessions. uploads/accounts
# contains our extensions.
ACCOUNT_ADAPTER = "uploads.accounts.adapters.AccountAdapter"
ACCOUNT_FORMS = {
    "login": "uploads.accounts.forms.LoginForm",
    "signup": "uploads.accounts.forms.SignupForm",
    "change_password": "uploads.accounts.forms.ChangePasswordForm",
    "set_password": "uploads.accounts.forms.SetPasswordForm",
    "reset_password": "uploads.accounts.forms.ResetPasswordForm",
    "reset_password_from_key": "uploads.accounts.forms.ResetPasswordKeyForm",
    "reauthenticate": "uploads.accounts.forms.ReauthenticateForm",
}
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*", "password2*"]
# The site sends only retention notices and links to new passwords by mail. People log
# in with their username, and only these mails need the address. So the site does not
# verify email addresses.
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_UNIQUE_EMAIL = False
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_SESSION_REMEMBER = True
# login_failed limits the wrong codes of a second factor for each account. It does not
# count wrong passwords (AccountAdapter.pre_authenticate), because LoginGuard counts
# them. uploads/accounts/forms.py limits mails with a link to a new password. allauth's
# own limit would count all requests for one email address, and refuse further
# requests. Strangers could then prevent the owner of the address from getting a link.
ACCOUNT_RATE_LIMITS = {
    "login": None,
    "login_failed": "5/5m/key",
    "reset_password": None,
}
MFA_ADAPTER = "uploads.accounts.adapters.SecondFactorAdapter"
MFA_FORMS = {
    "authenticate": "uploads.accounts.forms.CodeForm",
    "reauthenticate": "uploads.accounts.forms.ReauthenticateCodeForm",
    "activate_totp": "uploads.accounts.forms.ActivateAppForm",
    "add_webauthn": "uploads.accounts.forms.AddPasskeyForm",
    "edit_webauthn": "uploads.accounts.forms.RenamePasskeyForm",
    "login_webauthn": "uploads.accounts.passkeys.LoginPasskeyForm",
    "authenticate_webauthn": "uploads.accounts.passkeys.AuthenticatePasskeyForm",
    "reauthenticate_webauthn": "uploads.accounts.passkeys.ReauthenticatePasskeyForm",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = True
match env.str("TWO_FACTOR_REQUIRED", "none"):
    case "none" | "staff" | "all" as TWO_FACTOR_REQUIRED:
        pass
    case other:
        raise ImproperlyConfigured(
            f"TWO_FACTOR_REQUIRED is {other!r}. Set it to none, staff or all."
        )

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

S3_BUCKET = env.str("S3_BUCKET", "slipway")
S3_REGION = env.str("S3_REGION", "us-east-1")
S3_ENDPOINT_URL = env.str("S3_ENDPOINT_URL", "http://127.0.0.1:8333" if DEBUG else "")
S3_PUBLIC_ENDPOINT_URL = env.str("S3_PUBLIC_ENDPOINT_URL", "")
S3_ADDRESSING_STYLE: AddressingStyle
match env.str("S3_ADDRESSING_STYLE", "path" if S3_ENDPOINT_URL else "virtual"):
    case "path" | "virtual" as S3_ADDRESSING_STYLE:
        pass
    case other:
        raise ImproperlyConfigured(
            f"S3_ADDRESSING_STYLE is {other!r}. Set it to path or virtual."
        )
S3_NOTIFICATIONS_QUEUE_URL = env.str("S3_NOTIFICATIONS_QUEUE_URL", "")
S3_NOTIFICATIONS_SECRET = env.str("S3_NOTIFICATIONS_SECRET", "")
S3_EXPECTED_BUCKET_OWNER = env.str("S3_EXPECTED_BUCKET_OWNER", "")


def _identity(
    access_key: str, secret_key: str, session_token: str
) -> dict[str, object]:
    return {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": storage_options(
            bucket=S3_BUCKET,
            region=S3_REGION,
            endpoint_url=S3_ENDPOINT_URL,
            addressing_style=S3_ADDRESSING_STYLE,
            access_key=access_key,
            secret_key=secret_key,
            session_token=session_token,
        ),
    }


# The site has two identities at S3. The worker reads, completes and deletes objects.
# The signer signs upload URLs and may only write, so no upload URL can read an object.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if not DEBUG
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
    "uploads": _identity(
        env.str("S3_ACCESS_KEY_ID", "slipway-worker" if DEBUG else ""),
        env.str("S3_SECRET_ACCESS_KEY", "slipway-worker-secret" if DEBUG else ""),
        env.str("S3_SESSION_TOKEN", ""),
    ),
}
_signer_key = env.str("S3_SIGNER_ACCESS_KEY_ID", "slipway-signer" if DEBUG else "")
if _signer_key:
    STORAGES["uploads_signer"] = _identity(
        _signer_key,
        env.str(
            "S3_SIGNER_SECRET_ACCESS_KEY", "slipway-signer-secret" if DEBUG else ""
        ),
        env.str("S3_SIGNER_SESSION_TOKEN", ""),
    )

UPLOADS = options_of(env)
# Messages about unknown and ineffective variables. uploads/checks.py reports them.
VARIABLES_TO_CHECK = complaints(os.environ)

# Inspectors check the content of every object. The list has the format of
# AUTH_PASSWORD_VALIDATORS. docs/inspection.md describes the inspectors, their OPTIONS,
# and how to write one.
INSPECTORS: list[dict[str, Any]] = [
    {"NAME": "uploads.inspection.disguises.DisguiseInspector"},
    {
        "NAME": "uploads.inspection.images.ImageInspector",
        "OPTIONS": {"max_megapixels": env.int("IMAGE_MAX_MEGAPIXELS", 1000)},
    },
    {
        "NAME": "uploads.inspection.archives.ArchiveInspector",
        "OPTIONS": {
            "max_ratio": env.int("ARCHIVE_MAX_RATIO", 100),
            "allow_symlinks": env.bool("ARCHIVE_ALLOW_SYMLINKS", False),
        },
    },
]
if CLAMD_URL := env.str("CLAMD_URL", ""):
    INSPECTORS.append(
        {
            "NAME": "uploads.inspection.antivirus.ClamAVInspector",
            "OPTIONS": {
                "url": CLAMD_URL,
                "max_bytes": env.int("CLAMD_MAX_BYTES", 2_000_000_000),
                "too_large": env.str("CLAMD_TOO_LARGE", "refuse"),
                "unalerted_bytes": env.int("CLAMD_UNALERTED_BYTES", 25_000_000),
            },
        }
    )

# Django 6 reads the setting TASKS itself. With older versions, django-tasks reads it.
match env.str("TASKS_BACKEND", "immediate"):
    case "immediate":
        TASKS = {
            "default": {"BACKEND": "django_tasks.backends.immediate.ImmediateBackend"}
        }
    case "database":
        TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
        INSTALLED_APPS.append("django_tasks_db")
    case other:
        raise ImproperlyConfigured(
            f"TASKS_BACKEND is {other!r}. Set it to immediate or database."
        )

STATIC_URL = "static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", str(BASE_DIR / "var" / "static")))
# static/js is not in this list, because browsers get the built files.
STATICFILES_DIRS = [
    (name, BASE_DIR / "static" / name) for name in ("build", "css", "img")
]
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_ADD_HEADERS_FUNCTION = static_headers
WHITENOISE_ALLOW_ALL_ORIGINS = False
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = ("map", "png", "woff2", "br", "gz")

email = env.dj_email_url("EMAIL_URL", "console:" if DEBUG else "smtp:")
EMAIL_BACKEND = email["EMAIL_BACKEND"]
EMAIL_HOST = email.get("EMAIL_HOST") or "localhost"
EMAIL_PORT = email.get("EMAIL_PORT") or 25
EMAIL_HOST_USER = email.get("EMAIL_HOST_USER") or ""
EMAIL_HOST_PASSWORD = email.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_USE_TLS = email.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = email.get("EMAIL_USE_SSL", False)
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", "slipway@localhost")

LOGGING = logging_config(
    level=env.str("LOG_LEVEL", "INFO"),
    log_format=env.str("LOG_FORMAT", "console" if DEBUG else "json"),
)

for endpoint_url in (
    *filter(None, [S3_PUBLIC_ENDPOINT_URL, S3_ENDPOINT_URL]),
    *UPLOADS.get("S3_PUBLIC_ENDPOINTS", []),
):
    if not is_endpoint(endpoint_url):
        raise ImproperlyConfigured(
            f"{masked(endpoint_url)!r} is not an endpoint of S3. Write a scheme "
            "and a host, such as https://s3.example.com."
        )
BUCKET_ORIGIN = browser_origin(
    bucket=S3_BUCKET,
    region=S3_REGION,
    endpoint_url=S3_PUBLIC_ENDPOINT_URL or S3_ENDPOINT_URL,
    addressing_style=S3_ADDRESSING_STYLE,
)
FURTHER_BUCKET_ORIGINS = [
    browser_origin(
        bucket=S3_BUCKET,
        region=S3_REGION,
        endpoint_url=endpoint_url,
        addressing_style=S3_ADDRESSING_STYLE,
    )
    for endpoint_url in UPLOADS.get("S3_PUBLIC_ENDPOINTS", [])
]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        # QR codes for authenticator apps are data: URLs. Thumbnails are blob: URLs.
        "img-src": [SELF, "data:", "blob:", BUCKET_ORIGIN],
        "font-src": [SELF],
        "connect-src": [SELF, BUCKET_ORIGIN, *FURTHER_BUCKET_ORIGINS],
        "worker-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "object-src": [NONE],
        "frame-ancestors": [NONE],
        # With Trusted Types, scripts cannot use a string as markup or as a script URL.
        # The only policy of Trusted Types is in static/js/engine/worker-url.js. The
        # admin is exempt, see uploads/http/headers.py.
        "require-trusted-types-for": ["'script'"],
        "trusted-types": ["slipway-worker"],
        "report-to": [REPORTS_GROUP],
        # Some browsers do not know the header Reporting-Endpoints. They use report-uri.
        "report-uri": [reverse_lazy("csp-reports")],
    }
}

# Maximum size of a request body in bytes. Pages and the API receive no file contents.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
if not DEBUG:
    SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", True)
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
    SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", 365 * 24 * 3600)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("SECURE_HSTS_INCLUDE_SUBDOMAINS", True)
    SECURE_HSTS_PRELOAD = env.bool("SECURE_HSTS_PRELOAD", True)
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env.bool("SECURE_COOKIES", True)
    if SESSION_COOKIE_SECURE:
        SESSION_COOKIE_NAME = "__Host-sessionid"
        CSRF_COOKIE_NAME = "__Host-csrftoken"
TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", 0)
BEHIND_TLS_PROXY = env.bool("BEHIND_TLS_PROXY", False)
if BEHIND_TLS_PROXY:
    # Clients can send this header too, so the proxy must set or remove it.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
