"""What a sidecar tells Prometheus, on loopback and only when asked to."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from sidecar.errors import SidecarError
from sidecar.lane import Floor

LOOPBACK: Final = "127.0.0.1"


class FloorCollector(Collector):
    """Reads the counters when they are scraped."""

    def __init__(self, floor: Floor, lanes: int) -> None:
        self._floor = floor
        self._lanes = lanes

    def collect(self) -> Iterator[Metric]:
        """Counters since start and gauges of now."""
        meter, sprints, roster = self._floor.meter, self._floor.sprints, self._floor.roster
        device_s = (time.monotonic() - meter.started) * self._lanes
        counters = {
            "gonka_sidecar_proof_device_seconds": ("device time spent on proofs", meter.proof_s),
            "gonka_sidecar_verify_device_seconds": ("device time spent on verification", meter.verify_s),
            "gonka_sidecar_device_seconds": ("device time there was", device_s),
            "gonka_sidecar_prompt_tokens": ("prompt tokens computed for answers", roster.tally.prompt_tokens),
            "gonka_sidecar_answer_tokens": ("answer tokens drawn", roster.tally.answer_tokens),
            "gonka_sidecar_searched_nonces": ("nonces evaluated for Sprint jobs", meter.searched),
            "gonka_sidecar_verified_nonces": ("nonces recomputed for verifications", meter.verified),
            "gonka_sidecar_hits": ("hits found", meter.hits),
            "gonka_sidecar_workers_lost": ("worker processes that died or hung", meter.workers_lost),
        }
        for name, (help_text, value) in counters.items():
            yield CounterMetricFamily(name, help_text, value)
        useful_share = 1 - (meter.proof_s + meter.verify_s) / device_s if device_s else 1.0
        yield GaugeMetricFamily("gonka_sidecar_useful_share", "part of device time not spent on proofs", useful_share)
        requests = sum(engine.running for engine in roster.engines)
        yield GaugeMetricFamily("gonka_sidecar_requests_running", "requests of users under way", requests)
        jobs = tuple(sprints.get_all())
        running = sum(sprints.is_running(job.job_id) for job in jobs)
        yield GaugeMetricFamily("gonka_sidecar_jobs_running", "Sprint jobs under way", running)
        kept = sum(job.last_number - job.acked_number for job in jobs)
        yield GaugeMetricFamily("gonka_sidecar_unacked_proofs", "proofs that no client has acknowledged", kept)
        yield GaugeMetricFamily("gonka_sidecar_journal_ok", "1 while the journal can be written", sprints.fault is None)


def serve_metrics(port: int, floor: Floor, lanes: int) -> None:
    """Serve /metrics on loopback, from a thread that ends with the process.  Raises listen_failed."""
    registry = CollectorRegistry()
    registry.register(FloorCollector(floor, lanes))
    try:
        start_http_server(port, addr=LOOPBACK, registry=registry)
    except OSError as error:
        raise SidecarError("listen_failed", f"{LOOPBACK}:{port}: {error.strerror}") from error
