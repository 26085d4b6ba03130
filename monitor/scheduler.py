"""Runs the jobs when they are due: one thread, one pass after another, each model apart so that one fault stops only itself."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from monitor.alerts.causes.upstream import feeders_first
from monitor.jobs.accept_labels import Searched, find_waiting
from monitor.jobs.awaited import Awaited
from monitor.jobs.close_windows import WINDOWS_PER_PASS, Closer
from monitor.jobs.context import Context
from monitor.jobs.due_windows import Rest
from monitor.jobs.expire import Retention, compact, expire, sweep, thin
from monitor.jobs.hold_alerts import hold_alerts
from monitor.jobs.owed_opinions import OwedOpinions
from monitor.jobs.publish import Backoff, publish
from monitor.jobs.raise_alerts import StormGuard, raise_alerts
from monitor.jobs.track import Place
from monitor.ports import Arrived, ModelEntry
from monitor.tiles.encoding import decode_baseline
from monitor.tiles.kernels import compile_ahead
from monitor.tiles.tileset import Baseline

T = TypeVar("T")

log = logging.getLogger("outrider.scheduler")

PASS_SECONDS = 1.0
"""Pause between passes: how much later than due a window is closed at most, on an idle machine."""
HOUSEKEEPING_NS = 1_800 * 10**9
"""What is past its retention by days may stay half an hour longer; and what an hour left in small files."""
ERRORS_KEPT = 50
"""Latest errors kept for the health page."""
QUIET_NS_MAX = 3_600 * 10**9
"""A model that nothing came for and of which no window is due is looked into again after this long at most: most passes
of most models have nothing to do, and what they would ask the catalog is what bounds how many models one monitor carries.
What comes ends the quiet at once; the hour is for what nobody thought of."""
WAITING_NS_MAX = 60 * 10**9
"""The same where labels wait for their predictions: these end no quiet when they come for a window that is open."""


@dataclass(slots=True)
class Health:
    """What the scheduler says of itself: shown by /health/ready and the System page."""

    passes: int = 0
    windows: int = 0
    errors: list[str] = field(default_factory=list)

    def failed(self, what: str, error: BaseException) -> None:
        self.errors = [*self.errors, f"{what}: {type(error).__name__}: {error}"][-ERRORS_KEPT:]


@dataclass(frozen=True, slots=True)
class _Quiet:
    """A pass over a model that did all there was to do: the next ones have nothing, until one of these changes."""

    entry: ModelEntry
    baseline: str | None
    since_ns: int
    rest: Rest
    places: tuple[Place, ...]

    def holds(self, entry: ModelEntry, baseline: str | None, now_ns: int) -> bool:
        return self.since_ns <= now_ns < self.rest.until_ns and (entry, baseline) == (self.entry, self.baseline)

    def ends_with(self, came: Arrived) -> bool:
        """Rows of windows that are open wait for their end; labels, late rows and new versions do not.

        A version that is not known before it has rows, or is declared, has no windows for what it refused.
        """
        if came.kind not in ("predictions", "failures"):
            return True
        known = any(place.version == came.version for place in self.places)
        return came.start_ns < self.rest.open_ns if known else came.kind == "predictions"


class Scheduler:
    """Owns the closers; `run_pass` is one pass, `start` runs passes on a thread until `stop`."""

    def __init__(
        self,
        context: Context,
        *,
        retention: Retention,
        upkeep: Callable[[], None] = lambda: None,
        pause_s: float = PASS_SECONDS,
        patient: bool = True,
        awaited: Awaited | None = None,
    ) -> None:
        self._context = context
        self._awaited = awaited or Awaited()
        self._retention = retention
        self._upkeep = upkeep
        self._pause_s = pause_s
        self._patient = patient
        self._closers: dict[Place, Closer] = {}
        self._baselines: dict[str, Baseline] = {}
        self._searched: dict[str, Searched] = {}
        self._quiet: dict[str, _Quiet] = {}
        self._newest_segment = 0
        self._backoff = Backoff()
        self._guard = StormGuard()
        self._owed = OwedOpinions(context, context.opinions) if context.opinions is not None else None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._housekept_ns = context.clock()
        self._uncompacted: deque[str] = deque()
        self.health = Health()

    @property
    def unjoined(self) -> int:
        """Models whose small files wait to be joined, one a pass."""
        return len(self._uncompacted)

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        # The first window does not wait for the compiler: where the cache is cold it runs now.
        compile_ahead()
        self.run_pass()
        # Whoever dies again and again leaves a file each time, and never gets as far as the housekeeping.
        self._guarded("sweep", lambda: sweep(self._context), 0)
        while not self._stopping.wait(self._pause_s):
            self.run_pass()

    def run_pass(self) -> int:
        """Everything that is due, once; returns how many windows were closed or revised."""
        changed = 0
        models: list[ModelEntry] = self._guarded("models", lambda: _in_order(self._context.catalog.models()), [])
        self._guarded("arrivals", self._awaken, None)
        baselines: dict[str, str] = self._guarded("baselines", self._context.catalog.baselines, {})
        places: set[Place] = set()
        for entry in models:
            job = partial(self._model, entry, baselines.get(entry.name), places)
            changed += self._guarded(f"model {entry.name}", job, 0)
        if models and not self._stopping.is_set():
            # Versions come and go with every deployment, and what is kept of each is large.
            self._closers = {place: closer for place, closer in self._closers.items() if place in places}
            names = {entry.name for entry in models}
            self._quiet = {name: quiet for name, quiet in self._quiet.items() if name in names}
        if self._owed is not None:
            changed += self._guarded("opinions", self._owed.step, 0)
        if changed:
            # What is published and delivered now says already that nobody is told of it.
            self._guarded("holds", lambda: hold_alerts(self._context), 0)
        self._guarded("publish", lambda: publish(self._context, self._backoff), 0)
        self._guarded("alerts", lambda: raise_alerts(self._context, self._guard), 0)
        self._guarded("upkeep", self._upkeep, None)
        # A clock that was set back must not put it off.
        if abs(self._context.clock() - self._housekept_ns) > HOUSEKEEPING_NS:
            self._housekept_ns = self._context.clock()
            self._guarded("housekeeping", self._housekeeping, None)
        elif self._uncompacted:
            # One model a pass: joining an hour of all of them at once would hold up their windows.
            self._guarded("compaction", partial(self._compact, self._uncompacted.popleft()), None)
        self.health.passes += 1
        self.health.windows += changed
        return changed

    def _guarded(self, what: str, work: Callable[[], T], otherwise: T) -> T:
        """A job's failure is logged, counted and shown; the next job and the next pass go on. None starts after `stop`."""
        if self._stopping.is_set():
            return otherwise
        try:
            return work()
        except Exception as error:
            log.exception("job failed", extra={"job": what})
            self.health.failed(what, error)
            return otherwise

    def _awaken(self) -> None:
        """Models for which something came since the last pass that cannot wait are looked into."""
        self._newest_segment, came = self._context.catalog.arrived(self._newest_segment)
        for arrived in came:
            quiet = self._quiet.get(arrived.model)
            if quiet is not None and quiet.ends_with(arrived):
                del self._quiet[arrived.model]

    def _model(self, entry: ModelEntry, baseline_id: str | None, places: set[Place]) -> int:
        """Every window of the model that is due, each version and rule apart; its places are added to `places`."""
        name, now_ns = entry.name, self._context.clock()
        quiet = self._quiet.pop(name, None)
        if quiet is not None and quiet.holds(entry, baseline_id, now_ns):
            self._quiet[name] = quiet
            places.update(quiet.places)
            return 0
        model = entry.in_force()
        # A version that others are compared with goes first.
        first = {model.baseline.version, model.versions.champion if model.versions is not None else None}
        # One that refuses everything is known to the declaration alone.
        known = {*self._context.catalog.versions(name), *(model.versions.names if model.versions is not None else ())}
        versions = sorted(known, key=lambda version: (version not in first, version))
        own = [Place(name, version, rule) for version in versions for rule in model.windows]
        places.update(own)
        baseline = self._baseline(name, baseline_id)
        quiet_ns = QUIET_NS_MAX
        if model.label is not None:
            searched = self._searched.setdefault(name, Searched())
            found = find_waiting(name, self._context.catalog, self._context.store, self._context.clock(), searched)
            quiet_ns = WAITING_NS_MAX if found.unknown else QUIET_NS_MAX
        changed = 0
        waiting = {version for version in versions if self._awaited.holds(name, version, now_ns)}
        for place in own:
            if place.version in waiting:
                continue
            what = f"model {name}, version {place.version!r}, window {place.rule.name}"
            changed += self._guarded(what, partial(self._closer(place, entry).run, model, baseline), 0)
        rests = [None if place.version in waiting else self._closers[place].rest(now_ns) for place in own]
        if changed < WINDOWS_PER_PASS and None not in rests:
            until_ns = min([now_ns + quiet_ns, *(rest.until_ns for rest in rests if rest)])
            open_ns = max((rest.open_ns for rest in rests if rest), default=0)
            self._quiet[name] = _Quiet(entry, baseline_id, now_ns, Rest(until_ns, open_ns), tuple(own))
        return changed

    def _closer(self, place: Place, entry: ModelEntry) -> Closer:
        closer = self._closers.setdefault(place, Closer(self._context, place, self._patient))
        closer.declared = entry.declared
        return closer

    def _baseline(self, name: str, baseline_id: str | None) -> Baseline | None:
        """The newest, whose id is known: its profile is large, and read once."""
        if baseline_id is None:
            return None
        known = self._baselines.get(name)
        if known is not None and known.id == baseline_id:
            return known
        entry = self._context.catalog.baseline(name)
        if entry is None:
            return None
        self._baselines[name] = decode_baseline(entry.profile)
        return self._baselines[name]

    def _housekeeping(self) -> None:
        expire(self._context, self._retention)
        self._uncompacted = deque(entry.name for entry in self._context.catalog.models())

    def _compact(self, model: str) -> None:
        compact(self._context, "predictions", model)
        compact(self._context, "failures", model)
        compact(self._context, "measurements", model)
        thin(self._context, model, self._retention.measurements_whole_days)


def _in_order(models: Sequence[ModelEntry]) -> list[ModelEntry]:
    """A model after those that feed it, so that their alerts are known when its own speaks."""
    if not any(entry.declaration.upstream for entry in models):
        return list(models)
    place = {name: i for i, name in enumerate(feeders_first({e.name: e.declaration.upstream for e in models}))}
    return sorted(models, key=lambda entry: place[entry.name])


def _title(place: Place) -> str:
    return f"model {place.model}, version {place.version or '(none)'}, window {place.rule.name}"
