"""Looks at devices and metrics pages every few seconds, in a thread of its own, and keeps the samples until they are taken."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from collectors.gpu.exposition import MalformedPage
from collectors.gpu.fetching import NoPage, fetch_page
from collectors.gpu.intervals import samples_between
from collectors.gpu.pages import read_page
from collectors.gpu.readings import DeviceReader, DeviceReading, Look, ServerReading, once
from collectors.records.types import TelemetrySample

KEPT_MAX = 10_000
"""Samples that nobody took yet: the oldest go first. An hour of ten devices and ten models at the default interval."""

STOP_SECONDS = 0.5
"""For the thread to end; a page that is being fetched is left behind."""

NVML = "nvml"
"""What the driver is called among the sources; pages are called by their address."""

_LOG = logging.getLogger(__name__)


class Sampler:
    """Samples of the devices that `reader` reads and of the pages at `urls`. `devices` are those that a server uses which does not say."""

    def __init__(
        self,
        reader: DeviceReader | None,
        urls: Sequence[str],
        *,
        every_seconds: float,
        devices: tuple[str, ...] = (),
        fetch: Callable[[str], str] = fetch_page,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._reader = reader
        self._urls = tuple(urls)
        self._every_seconds = every_seconds
        self._devices = devices
        self._fetch = fetch
        self._clock = clock
        self._last: Look | None = None
        self._told: dict[str, str] = {}
        self._sources: dict[str, bool] = {}
        self._kept: deque[TelemetrySample] = deque(maxlen=KEPT_MAX)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="outrider-gpu", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(STOP_SECONDS)

    def take(self) -> list[TelemetrySample]:
        """The samples since the last call."""
        taken: list[TelemetrySample] = []
        while self._kept:
            taken.append(self._kept.popleft())
        return taken

    def give_back(self, samples: Sequence[TelemetrySample]) -> None:
        """What could not be stored waits for the next call."""
        self._kept.extendleft(reversed(samples[-KEPT_MAX:]))

    @property
    def sources(self) -> dict[str, bool]:
        """Which sources answered at the last look; those that were never asked are not there."""
        return self._sources

    def look(self) -> Look:
        """Look once, and keep what happened since the last look."""
        devices: list[DeviceReading] = []
        servers: list[ServerReading] = []
        heard: set[str] = set()
        faults: dict[str, str] = {}
        time_ns = self._clock()
        if self._reader is not None:
            found = self._reader.read()
            devices += found.readings
            if found.reason is not None:
                faults[NVML] = found.reason
        for url in self._urls:
            address = _address(url)
            try:
                of_page = read_page(self._fetch(url), address)
            except (NoPage, MalformedPage) as error:
                faults[address] = str(error)
                continue
            heard.add(address)
            devices += of_page[0]
            servers += of_page[1]
        look = Look(
            time_ns=time_ns,
            devices=once(devices),
            servers=tuple(self._placed(servers)),
            heard=frozenset(heard),
            faults=faults,
        )
        if self._last is not None:
            self._kept.extend(samples_between(self._last, look))
        self._last = look
        asked = [*([NVML] if self._reader is not None else []), *map(_address, self._urls)]
        self._sources = {source: source not in faults for source in asked}
        return look

    def _placed(self, servers: list[ServerReading]) -> list[ServerReading]:
        return [each if each.devices else replace(each, devices=self._devices) for each in servers]

    def _run(self) -> None:
        while True:
            self._tell(self.look().faults)
            if self._stop.wait(self._every_seconds):
                return

    def _tell(self, faults: Mapping[str, str]) -> None:
        """Each fault once, until it changes."""
        for source, reason in faults.items():
            if self._told.get(source) != reason:
                _LOG.warning("telemetry_unknown", extra={"source": source, "reason": reason})
        self._told = dict(faults)


def _address(url: str) -> str:
    """HOST:PORT of a page, without what it may say of users."""
    return urlsplit(url).netloc.rpartition("@")[2]
