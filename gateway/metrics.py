"""What a gateway tells Prometheus, on loopback and only when asked to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from chain_client.errors import PermanentError
from gateway.prompts import BOUNDED, COUNTED

if TYPE_CHECKING:
    from gateway.api import GatewayApi
    from gateway.desk import Desk

LOOPBACK: Final = "127.0.0.1"


class GatewayCollector(Collector):
    """Reads plain numbers of the running gateway when it is scraped."""

    def __init__(self, desk: Desk, api: GatewayApi) -> None:
        self._desk = desk
        self._api = api

    def collect(self) -> Iterator[Metric]:
        """Gauges of now; answers by HTTP status and receipts asked for since the start."""
        market = self._desk.market
        gauges = {
            "height": ("height of the chain's block last read", market.height if market else 0),
            "requests_running": ("requests under way", self._api.running),
            "hosts_resting": ("hosts with a failure since their last answer", self._count_resting()),
            "promised_ngonka": ("ngonka signed or held in open escrows", self._count_promised()),
        }
        for name, (help_text, value) in gauges.items():
            yield GaugeMetricFamily(f"gonka_gateway_{name}", help_text, value)
        answers = CounterMetricFamily("gonka_gateway_answers", "answers by HTTP status", labels=["status"])
        for status, count in list(self._api.answered.items()):
            answers.add_metric([status], count)
        yield answers
        receipts = CounterMetricFamily("gonka_gateway_receipts", "receipts by what became of them", labels=["outcome"])
        for outcome in ("checked", "missing", "shown"):
            receipts.add_metric([outcome], self._desk.receipts[outcome])
        yield receipts
        if self._desk.counter is not None:
            prompts = CounterMetricFamily("gonka_gateway_prompts", "requests by how prompts are held", labels=["held"])
            for held in (COUNTED, BOUNDED):
                prompts.add_metric([held], self._desk.counter.tally[held])
            yield prompts
            attempts = CounterMetricFamily(
                "gonka_gateway_attempts", "attempts by how answers are held", labels=["held"]
            )
            for held in (COUNTED, BOUNDED):
                attempts.add_metric([held], self._desk.attempts[held])
            yield attempts

    def _count_resting(self) -> int:
        return sum(health.failures > 0 for health in list(self._desk.health.values()))

    def _count_promised(self) -> int:
        return sum(pair.promised_ngonka for pair in list(self._desk.pairs.values()))


def serve_metrics(port: int, desk: Desk, api: GatewayApi) -> None:
    """Serve /metrics on loopback, from a thread that ends with the process.  Raises `listen_failed`."""
    registry = CollectorRegistry()
    registry.register(GatewayCollector(desk, api))
    try:
        start_http_server(port, addr=LOOPBACK, registry=registry)
    except OSError as error:
        raise PermanentError("listen_failed", f"{LOOPBACK}:{port}: {error.strerror}") from error
