"""Tests the site itself: database, cache, workers, scanner, email and pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import islice
from typing import Any

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import get_connection
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.urls import reverse
from django.utils import timezone

from uploads.doctor.addresses import host_of
from uploads.doctor.examination import Examination
from uploads.doctor.proxies import ask_proxies
from uploads.doctor.results import Finding, fail, note, ok, skip, warn
from uploads.inspection.antivirus import ClamAVInspector
from uploads.inspection.clamd import ClamdError
from uploads.inspection.pipeline import inspectors
from uploads.models import Orphan, ParkedNotification, SweepMark, Upload
from uploads.s3.wire import NoAnswer, send
from uploads.upkeep.quota_drift import find_drift

SCRIPT = "build/main.js"
SWEEP_AGE = timedelta(days=1)
BACKLOG_AGE = timedelta(minutes=15)


def ask_site(examination: Examination) -> Iterator[Finding]:
    """Yield the findings. If the database fails, skip the questions that need it."""
    database = _database()
    yield database
    if database.status == "OK":
        yield _migrations()
        for ask in (_cache, _tasks, _sweeper, _leftovers, _drift):
            yield _asked(ask)
    yield from _clamd()
    yield _email()
    yield _static_files()
    yield from _public(examination)


def _asked(ask: Callable[[], Finding]) -> Finding:
    try:
        return ask()
    except Error as error:
        return fail(
            f"site.{ask.__name__.strip('_')}",
            "The database has the site's tables",
            _line(error),
            "Pages answer 500.",
            "Run manage.py migrate.",
        )


def _line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _database() -> Finding:
    name, title = "site.database", "The database answers"
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (Error, OSError) as error:
        return fail(
            name,
            title,
            _line(error),
            "Pages and API answer 503.",
            "Check DATABASE_URL and whether the database server runs.",
        )
    return ok(name, title, connection.vendor)


def _migrations() -> Finding:
    name, title = "site.migrations", "All migrations are applied"
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if not plan:
        return ok(name, title)
    first, count = plan[0][0], len(plan)
    return fail(
        name,
        title,
        f"{first.app_label}.{first.name} is the first of {count} unapplied migrations.",
        "Pages that need the new tables answer 500.",
        "Run manage.py migrate.",
    )


def _cache() -> Finding:
    name, title = "site.cache", "The cache stores values"
    fact, fix = "", "Check CACHE_URL. If CACHE_URL is not set, run manage.py migrate."
    try:
        cache.set("slipway-doctor", "kept", 30)
        if cache.get("slipway-doctor") != "kept":
            fact = "The cache did not return a value that was just stored."
    except (Error, OSError) as error:
        fact = _line(error)
    if fact:
        return fail(name, title, fact, "Pages that use the cache fail.", fix)
    backend = settings.CACHES["default"]["BACKEND"].rsplit(".", 1)[1]
    if backend in {"DummyCache", "LocMemCache"}:
        fact = f"Each process has its own cache, with its own counters ({backend})."
        consequence = (
            "People can try more codes for the second factor than the limit allows."
        )
        fix = "Set CACHE_URL to a cache that all processes share."
        return warn(name, "All processes share one cache", fact, consequence, fix)
    return ok(name, title, backend)


def _tasks() -> Finding:
    name, title = "site.tasks", "Long inspections are processed"
    if "django_tasks_db" not in settings.INSTALLED_APPS:
        return ok(name, title, "The sweeper runs long inspections.")
    from django_tasks_db.models import DBTaskResult  # needs the installed app

    late = DBTaskResult.objects.filter(
        status="READY", enqueued_at__lt=timezone.now() - BACKLOG_AGE
    ).count()
    if not late:
        return ok(name, title)
    return warn(
        name,
        title,
        f"{late} tasks have waited for more than {BACKLOG_AGE}.",
        "Large files remain in inspection.",
        "Start the program that runs these tasks: manage.py db_worker",
    )


def _sweeper() -> Finding:
    name, title = "site.sweeper", "The sweeper runs"
    mark = SweepMark.objects.filter(name="objects").first()
    finished_at = mark.finished_at if mark else None
    oldest = Upload.objects.order_by("created_at").first()
    if finished_at is None:
        since = oldest.created_at if oldest else timezone.now()
        if timezone.now() - since < SWEEP_AGE:
            return skip(name, title, "The site is new. No sweep has ended yet.")
        fact = "No sweep has ever ended."
    elif timezone.now() - finished_at > SWEEP_AGE:
        fact = f"No sweep has ended since {finished_at:%Y-%m-%d %H:%M} UTC."
    else:
        return ok(name, title, f"last sweep at {finished_at:%Y-%m-%d %H:%M} UTC")
    return warn(
        name,
        title,
        fact,
        "Abandoned uploads use up quota. Deleted files remain in the bucket.",
        "Run manage.py sweep every minute with cron, or run manage.py sweep --loop.",
    )


def _leftovers() -> Finding:
    name = "site.leftovers"
    title = "All objects have a database row, and all notifications are processed"
    orphans, parked = Orphan.objects.count(), ParkedNotification.objects.count()
    if not orphans and not parked:
        return ok(name, title)
    return note(
        name,
        title,
        f"Objects without a row: {orphans}. Unprocessed notifications: {parked}.",
        "See Orphans and Parked notifications in the admin.",
    )


def _drift() -> Finding:
    name, title = "site.quota", "Each user's quota agrees with the user's uploads"
    found = list(islice(find_drift(), 1))
    if not found:
        return ok(name, title)
    return warn(
        name,
        title,
        f"The counters in the quota of user {found[0].owner_id} are wrong.",
        "Users see a wrong number of used bytes, or cannot use all of their space.",
        "Run manage.py sweep to correct the quota, and report this bug.",
    )


def _clamd() -> Iterator[Finding]:
    name, title = "site.clamd", "The virus scanner answers"
    try:
        scanners = [each for each in inspectors() if isinstance(each, ClamAVInspector)]
    except ImproperlyConfigured as error:
        yield fail(
            "site.inspectors",
            "The setting INSPECTORS is valid",
            str(error),
            "Uploads remain in inspection.",
            "Correct INSPECTORS. See docs/inspection.md.",
        )
        return
    if not scanners:
        yield skip(name, title, "CLAMD_URL is not set, so files are not scanned.")
    for scanner in scanners:
        yield _scanner(name, title, scanner)


def _scanner(name: str, title: str, scanner: ClamAVInspector) -> Finding:
    try:
        scanner.clamd.ping()
        is_alerting = scanner.alerts()
    except ClamdError as error:
        return fail(
            name,
            title,
            str(error),
            "Uploads remain in inspection until the scanner answers.",
            "Start clamd, or correct CLAMD_URL.",
        )
    if is_alerting:
        return ok(name, title)
    return warn(
        f"{name}.alerts",
        "The virus scanner says that a file is too large for a scan",
        "AlertExceedsMax is off in the scanner's settings.",
        f"Files above {scanner.unalerted_bytes} bytes remain in inspection.",
        "Write the line AlertExceedsMax yes into clamd.conf, and restart clamd.",
    )


def _email() -> Finding:
    name, title = "site.email", "Email can be sent"
    backend = settings.EMAIL_BACKEND.rsplit(".", 2)[-2]
    if backend != "smtp":
        fact = f"The email backend is {backend}, which sends no mail."
        consequence = "Users cannot reset their passwords until you set EMAIL_URL."
        return note(name, title, fact, consequence)
    server: Any = get_connection(timeout=5)
    try:
        server.open()
    except OSError as error:
        return warn(
            name,
            title,
            f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}: {_line(error)}",
            "Users cannot reset their passwords.",
            "Correct EMAIL_URL.",
        )
    finally:
        server.close()
    return ok(name, title, f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}")


def _static_files() -> Finding:
    name, title = "site.static", "Static files are collected"
    fix = "Run npm run build and manage.py collectstatic --noinput."
    broken = "The upload button does not work."
    if settings.DEBUG:
        if finders.find(SCRIPT) is None:
            return fail(name, title, f"{SCRIPT} is not built.", broken, fix)
        return ok(name, title)
    try:
        staticfiles_storage.url(SCRIPT)
    except ValueError as error:
        return fail(name, title, _line(error), "Pages answer 500.", fix)
    return ok(name, title)


def _public(examination: Examination) -> Iterator[Finding]:
    """Request the site's login page over the URLs that browsers use."""
    try:
        origins = examination.facts.origins
    except ValueError:
        return
    for origin in origins:
        yield from (_public_address(origin), ask_proxies(origin))


def _public_address(origin: str) -> Finding:
    name, title = "site.public", f"The site answers at {origin}"
    try:
        answer = send("GET", f"{origin}{reverse('account_login')}")
    except NoAnswer as error:
        return skip(name, title, f"The doctor cannot reach {origin}: {error}")
    if answer.status == 200:
        return ok(name, title)
    where = answer.header("location").split("?")[0]
    if answer.status == 400:
        fact, fix = "The site answered 400.", f"Add {host_of(origin)} to ALLOWED_HOSTS."
    elif 300 <= answer.status < 400:
        fact = f"The site answered {answer.status}, a redirect to {where}."
        fix = "If a proxy terminates TLS, set BEHIND_TLS_PROXY=true and let the proxy "
        fix += "send X-Forwarded-Proto. Otherwise, correct CSRF_TRUSTED_ORIGINS."
    else:
        fact, fix = f"The site answered {answer.status}.", "Check the site's log."
    return fail(name, title, fact, "Users cannot open the site.", fix)
