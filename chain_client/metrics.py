"""What the client tells Prometheus, on loopback and only when asked to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from chain_client.errors import PermanentError

if TYPE_CHECKING:
    from chain_client.duties import JournalView
    from chain_client.view import View

LOOPBACK: Final = "127.0.0.1"
Look = Callable[[], "tuple[View, JournalView] | None"]


class ClientCollector(Collector):
    """Reads the latest view and journal view, which are frozen, when it is scraped."""

    def __init__(self, look: Look) -> None:
        self._look = look

    def collect(self) -> Iterator[Metric]:
        """Gauges of the latest plan; none before the first."""
        seen = self._look()
        if seen is None:
            return
        view, journal = seen
        mine = view.my_claim
        gauges = {
            "height": ("height of the last block seen", view.clock.height),
            "epoch": ("epoch of the next block", view.clock.epoch),
            "phase": ("phase of the next block, as gonka.sprint.v1.Phase", int(view.clock.phase)),
            "phase_blocks_left": ("blocks of the phase still to come", view.clock.blocks_left),
            "proofs": ("proofs kept of this epoch", journal.proofs),
            "claimed": ("proofs claimed in this epoch", mine.claim.count if mine else 0),
            "unsettled_transactions": ("1 while a transaction waits for its block", int(journal.unsettled)),
            "effective_units": ("the host's effective units in the table", view.table.get(view.me, 0)),
        }
        for name, (help_text, value) in gauges.items():
            yield GaugeMetricFamily(f"gonka_client_{name}", help_text, value)


def serve_metrics(port: int, look: Look) -> None:
    """Serve /metrics on loopback, from a thread that ends with the process.  Raises `listen_failed`."""
    registry = CollectorRegistry()
    registry.register(ClientCollector(look))
    try:
        start_http_server(port, addr=LOOPBACK, registry=registry)
    except OSError as error:
        raise PermanentError("listen_failed", f"{LOOPBACK}:{port}: {error.strerror}") from error
