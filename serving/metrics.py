"""What the serving process tells Prometheus, on loopback and only when asked to."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from chain_client.errors import PermanentError

LOOPBACK: Final = "127.0.0.1"
SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Metrics:
    """Counters of one process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = self._counter("requests", "requests answered", ("path", "status"))
        self._failures = self._counter("stream_failures", "streams that ended with an error", ("code",))
        self._tokens = self._counter("tokens", "tokens of answers", ("model",))
        self._vouchers = self._counter("vouchers", "vouchers, taken or refused", ("outcome",))
        self._showings = self._counter("showings", "receipts shown on chain, placed or not", ("outcome",))
        self._seconds = Histogram(
            "gonka_serving_request_seconds",
            "time from a request's head to its answer's end",
            ("path",),
            buckets=SECONDS,
            registry=self.registry,
        )
        self.running = self._gauge("running", "answers under way")
        self.waiting = self._gauge("waiting", "answers that wait for their turn")
        self.unsigned = self._gauge("unsigned_tokens", "tokens of work that no voucher covers yet")

    def _counter(self, name: str, about: str, labels: tuple[str, ...]) -> Counter:
        return Counter(f"gonka_serving_{name}", about, labels, registry=self.registry)

    def _gauge(self, name: str, about: str) -> Gauge:
        return Gauge(f"gonka_serving_{name}", about, registry=self.registry)

    def count_request(self, path: str, status: int, seconds: float) -> None:
        """A request was answered; `path` is the route's."""
        self._requests.labels(path, str(status)).inc()
        self._seconds.labels(path).observe(seconds)

    def count_failure(self, code: str) -> None:
        """A stream ended with an error."""
        self._failures.labels(code).inc()

    def count_tokens(self, model: str, tokens: int) -> None:
        """Tokens of an answer."""
        self._tokens.labels(model).inc(tokens)

    def count_voucher(self, outcome: str) -> None:
        """A voucher was taken, or refused with a code."""
        self._vouchers.labels(outcome).inc()

    def count_showing(self, outcome: str) -> None:
        """A receipt that was shown is placed, or cannot be, with a code."""
        self._showings.labels(outcome).inc()

    def serve(self, port: int) -> None:
        """Serve /metrics on loopback, from a thread that ends with the process.  Raises `listen_failed`."""
        try:
            start_http_server(port, addr=LOOPBACK, registry=self.registry)
        except OSError as error:
            raise PermanentError("listen_failed", f"{LOOPBACK}:{port}: {error.strerror}") from error
