"""Counts and times for Prometheus. No label ever holds a patient, a user, a server or a free text."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)


class Metrics:
    """The counters of one application, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "cart_cds_requests", "Hook requests answered", ["service", "status"], registry=self.registry
        )
        self.stages = Histogram(
            "cart_cds_stage_seconds",
            "Time of a stage of a hook request",
            ["stage"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.refused = Counter(
            "cart_cds_resources_refused", "Resources that could not be read", registry=self.registry
        )
        self.read = Counter("cart_cds_resources_read", "Resources received", registry=self.registry)
        self.unmapped = Counter(
            "cart_cds_codes_unmapped", "Codes or texts that no map knows", ["kind"], registry=self.registry
        )
        self.cards = Counter(
            "cart_cds_cards", "Cards answered", ["topic", "indicator"], registry=self.registry
        )
        self.feedback = Counter(
            "cart_cds_feedback", "Feedback items kept", ["outcome"], registry=self.registry
        )

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage."""
        begun = perf_counter()
        try:
            yield
        finally:
            self.stages.labels(name).observe(perf_counter() - begun)

    def as_text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)
