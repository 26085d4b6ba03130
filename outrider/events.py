"""Where the halves meet for CloudEvents: the sidecar's reading of them, behind the monitor's port."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from collectors.decoders.identity import DEFAULT_IDS
from collectors.intake.cloudevents import NotCloudEvents
from collectors.intake.event_capture import EventCapture
from collectors.pipeline import Pipeline
from collectors.records.types import Batch
from collectors.redaction import RedactionPolicy
from collectors.sampling import SamplingPolicy
from monitor.errors import Fault, InvalidInput
from monitor.ports import EventCounts


class CloudEventsReader:
    """A `monitor.ports.EventReader` with the sidecar's default policies: personal data is removed before anything is stored."""

    def __init__(self) -> None:
        self._capture = EventCapture(Pipeline("cloudevents", RedactionPolicy(), SamplingPolicy(), DEFAULT_IDS))

    def read(self, headers: Mapping[str, str], body: bytes, now_ns: int) -> Sequence[Batch]:
        try:
            return self._capture.read(headers, body, now_ns)
        except NotCloudEvents as error:
            raise InvalidInput(Fault(error.where, error.found, error.expected)) from error

    @property
    def counts(self) -> EventCounts:
        return EventCounts(**asdict(self._capture.counts))

    def expire(self, now_ns: int) -> Sequence[Batch]:
        return self._capture.expire(now_ns)
