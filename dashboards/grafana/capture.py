"""Health of the capture: what passed, what was recorded, what was lost, and what waits."""

from dashboards.grafana.building import JOB, RATE, Dashboard, Panel, Query

_JOB = 'job=~"$job"'
_LOST = f"""
sum by (reason) (rate(outrider_capture_exchanges_total{{{_JOB}, outcome=~"dropped|undecodable"}}[{RATE}]))
""".strip()

CAPTURE = Dashboard(
    "outrider-capture",
    "Outrider / Capture",
    "The sidecars forward first and watch second: loss here never is a failed request, but it is a blind spot.",
    (
        Panel(
            "Exchanges by outcome",
            "Captured, sampled out, dropped, undecodable, not inference: they add up to what was seen.",
            (
                Query(
                    f"sum by (outcome) (rate(outrider_capture_exchanges_total{{{_JOB}}}[{RATE}]))",
                    "{{outcome}}",
                ),
            ),
            unit="reqps",
            stacked=True,
        ),
        Panel(
            "Lost exchanges by reason",
            "Dropped or undecodable. The runbook of OutriderCaptureLoss says what each reason means.",
            (Query(_LOST, "{{reason}}"),),
            unit="reqps",
        ),
        Panel(
            "Bytes forwarded and not copied",
            "What the tap passed on, and what of it the capture worker never got.",
            (
                Query(
                    f"sum by (direction) (rate(outrider_tap_bytes_total{{{_JOB}}}[{RATE}]))", "forwarded {{direction}}"
                ),
                Query(
                    f"sum by (reason) (rate(outrider_tap_uncopied_bytes_total{{{_JOB}}}[{RATE}]))",
                    "not copied: {{reason}}",
                ),
            ),
            unit="Bps",
        ),
        Panel(
            "Fill of the queues",
            "The spool's share of its quota: it empties while the monitor takes batches.",
            (
                Query(
                    f"outrider_capture_queue_bytes{{{_JOB}}} / outrider_capture_queue_capacity_bytes{{{_JOB}}}",
                    "{{instance}}",
                ),
            ),
            unit="percentunit",
            limit=0.8,
        ),
        Panel(
            "Delivered to the sinks",
            "Records taken by the monitor and documents taken by its outputs, and tries that had to be repeated.",
            (
                Query(f"sum by (sink) (rate(outrider_sink_records_total[{RATE}]))", "{{sink}}"),
                Query(f"sum by (sink) (rate(outrider_sink_retries_total[{RATE}]))", "{{sink}} repeated"),
            ),
            unit="reqps",
        ),
    ),
    (JOB,),
)
