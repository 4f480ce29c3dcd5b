"""Send errors to Sentry and traces over OpenTelemetry, if the settings name a target.

Both SDKs are optional packages of requirements-telemetry.txt. An error is sent without
presigned URLs, queries, bodies, cookies and tokens. A trace has the name of the route
and not the path.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse

from uploads.http.scrubbing import scrub_event
from uploads.metrics.counting import METHODS, NO_ROUTE, OTHER
from uploads.metrics.tracing import span, use_tracer

_MISSING = (
    "{} is set, but its SDK is missing. Run: pip install -r requirements-telemetry.txt"
)


def start() -> None:
    """Start Sentry if SENTRY_DSN is set, and traces if OTEL_EXPORTER_OTLP_ENDPOINT is.

    Raises ImproperlyConfigured if an SDK is missing.
    """
    if settings.SENTRY_DSN:
        _start_sentry(settings.SENTRY_DSN)
    if settings.OTEL_EXPORTER_OTLP_ENDPOINT:
        _start_tracing()


def _start_sentry(dsn: str) -> None:
    try:
        import sentry_sdk
        from sentry_sdk.integrations.django import DjangoIntegration
        from sentry_sdk.integrations.excepthook import ExcepthookIntegration
        from sentry_sdk.integrations.logging import LoggingIntegration, ignore_logger
        from sentry_sdk.integrations.threading import ThreadingIntegration
    except ImportError as error:
        raise ImproperlyConfigured(_MISSING.format("SENTRY_DSN")) from error
    # Django sends a signal for an exception of a request, and logs the exception too.
    # DjangoIntegration receives the signal, so ignore the log record.
    ignore_logger("django.request")
    sentry_sdk.init(
        dsn=dsn,
        # Sentry's default integrations would add the URLs of S3 calls, and database
        # queries with their values.
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[
            DjangoIntegration(transaction_style="function_name"),
            ExcepthookIntegration(),
            LoggingIntegration(level=None),
            ThreadingIntegration(),
        ],
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        before_send=scrub_event,
    )


def _start_tracing() -> None:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        name = "OTEL_EXPORTER_OTLP_ENDPOINT"
        raise ImproperlyConfigured(_MISSING.format(name)) from error
    # The SDK itself reads OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER and similar variables.
    resource = Resource({SERVICE_NAME: "slipway"}).merge(Resource.create())
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    use_tracer(provider.get_tracer("slipway"))


class TracingMiddleware:
    """Traces each request. A trace has the name of the route and never the path."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        method = request.method if request.method in METHODS else OTHER
        with span("request") as attributes:
            response = self.get_response(request)
            match: Any = request.resolver_match
            route = match.view_name if match else NO_ROUTE
            attributes |= {
                "name": f"{method} {route}",
                "http.request.method": method,
                "http.route": route,
                "http.response.status_code": response.status_code,
            }
            return response
