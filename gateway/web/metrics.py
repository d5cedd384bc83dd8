"""`/metrics`: how things stand, in the Prometheus text format."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from fastapi import APIRouter
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway import __version__
from gateway.messaging.model import LineStatus
from gateway.web.ports import Service
from gateway.web.webhooks import Webhooks

_LINE_GAUGES: tuple[tuple[str, str, Callable[[LineStatus], float | None]], ...] = (
    ("smsgw_modem_able", "1 when the modem can send.", lambda line: int(line.able)),
    ("smsgw_modem_registered", "1 when the modem is in a network.", lambda line: int(line.registered)),
    ("smsgw_modem_roaming", "1 when that network is a foreign one.", lambda line: int(line.roaming)),
    ("smsgw_modem_queue", "Messages that wait for this modem or for any.", lambda line: line.queue),
    ("smsgw_modem_sent_today", "Segments that the modem has sent since midnight.", lambda line: line.sent_today),
    ("smsgw_modem_signal_dbm", "Signal strength in dBm.", lambda line: line.rssi_dbm),
    ("smsgw_modem_temperature_celsius", "The modem's temperature.", lambda line: line.temperature_c),
)


class _Ready(Collector):
    """Metrics that were made before they were asked for: the database is read on the event loop, not in a scrape."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def metric_routes(service: Service, webhooks: Webhooks | None) -> APIRouter:
    """`/metrics`."""
    router = APIRouter()

    @router.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Ready(await _all(service, webhooks)))
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router


async def _all(service: Service, webhooks: Webhooks | None) -> list[Metric]:
    info = GaugeMetricFamily("smsgw_info", "The gateway's version.", labels=["version"])
    info.add_metric([__version__], 1)
    events = CounterMetricFamily("smsgw_events", "Events so far: the highest seq.", value=await service.last_event())
    waiting = GaugeMetricFamily(
        "smsgw_messages_waiting", "Messages that wait to be sent.", value=await service.waiting()
    )
    found: list[Metric] = [info, events, waiting, *_lines(service.lines())]
    return found if webhooks is None else [*found, await _deliveries(webhooks)]


def _lines(lines: Iterable[LineStatus]) -> list[Metric]:
    families: list[Metric] = []
    for name, meaning, value_of in _LINE_GAUGES:
        family = GaugeMetricFamily(name, meaning, labels=["modem"])
        for line in lines:
            if (value := value_of(line)) is not None:
                family.add_metric([line.name], value)
        families.append(family)
    return families


async def _deliveries(webhooks: Webhooks) -> Metric:
    family = GaugeMetricFamily("smsgw_webhook_deliveries", "Deliveries that are kept.", labels=["webhook", "state"])
    for hook, counts in await webhooks.overview():
        for state, count in sorted(counts.items()):
            family.add_metric([hook.name, state], count)
    return family
