"""What an alert rests on and why it opened: the ranking, both distributions, the cause."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from monitor.findings.kinds import AlertKind
from monitor.findings.measured import Span


@dataclass(frozen=True, slots=True)
class FeatureScore:
    """One line of an alert's ranking: the statistic over its limit."""

    feature: str
    metric: str
    score: float
    effect: float | None = None
    detail: str | None = None
    """One clause with the numbers, e.g. `RELP = 17: 69.6 % against 5.2 %`."""
    slice: str | None = None
    """The part of the population of which it says this; None: the whole."""
    windows: int = 1
    """Base windows in the shortest merge that shows it."""


@dataclass(frozen=True, slots=True)
class Overlay:
    """Counts of a baseline and of a window on the same frozen bins: between `edges` (the outer ones are open), or of `categories`."""

    kind: Literal["numeric", "categorical"]
    baseline: tuple[int, ...]
    window_counts: tuple[int, ...]
    edges: tuple[float, ...] = ()
    low: float | None = None
    high: float | None = None
    """The range of both sides together."""
    categories: tuple[str, ...] = ()
    unseen_names: dict[str, int] = field(default_factory=dict)
    """The most frequent categories that the baseline has not."""


@dataclass(frozen=True, slots=True)
class ChangedBin:
    """A bin of an overlay in which the two sides differ."""

    name: str
    baseline: float
    window: float
    """Shares of the rows."""
    part: float
    """Of the whole difference (the Jensen-Shannon divergence over these bins)."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The two distributions behind a line of an alert."""

    feature: str
    """The column, or what was counted."""
    metric: str
    slice: str | None
    windows: int
    """Base windows that were merged."""
    n_baseline: int
    n_window: int
    n_missing: int
    overlay: Overlay
    top: tuple[ChangedBin, ...]
    """The bins that make most of the difference, largest first."""


@dataclass(frozen=True, slots=True)
class Exhibit:
    """What an alert rested on when it spoke. It is kept with the alert, so it outlives the rows, tiles and findings behind it."""

    window: Span
    rule: str
    """Name of the window rule."""
    baseline: str
    """Hash of the baseline."""
    baseline_rows: int
    baseline_window: Span
    """Its event times; None where it has none."""
    comparisons: tuple[Comparison, ...]


@dataclass(frozen=True, slots=True)
class FoundSlice:
    """A part of the population in which a number moved more than in the rest (or whose share moved, `rest` None)."""

    where: str
    """As a declaration would say it."""
    n_window: int
    n_baseline: int
    value: float | None
    """The number's mean among the slice's rows of the window; its share, where that is what is searched."""
    baseline: float | None
    rest: float | None
    """How much it moved among all other rows."""
    effect: float
    """How much more it moved in the slice than in the rest."""
    low: float
    high: float
    """Simultaneous 95 % interval over all candidates."""
    p: float
    """Adjusted for all candidates (Holm)."""


@dataclass(frozen=True, slots=True)
class Impact:
    """What a feature's new distribution alone is expected to change."""

    feature: str
    effect: float
    low: float
    high: float
    within: float | None = None
    """Where labels tell it: what changed inside the feature's bins, which its distribution does not explain."""


@dataclass(frozen=True, slots=True)
class Since:
    """Start of the first window that is different, and the 95 % interval of it."""

    at_ns: int
    low_ns: int
    high_ns: int
    from_the_first: bool = False
    """The first window that is kept is different already: it may have been so before."""


Verdict = Literal["data_fault", "population_shift", "relation_change", "undetermined"]


@dataclass(frozen=True, slots=True)
class UpstreamAlert:
    """An open alert of a model that feeds another, and how much earlier than what is told of it began."""

    model: str
    version: str | None
    kind: AlertKind
    fingerprint: str
    feature: str | None
    since: Since
    earlier_ns: int | None = None
    windows_earlier: int | None = None
    sure: bool = False
    """The intervals of the two change points do not meet."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why an alert opened, in one record."""

    feature: str | None
    slice: str | None
    """A declared slice that ranks first, else the first that was found."""
    verdict: Verdict
    evidence: str
    """The sentence that the verdict rests on."""
    since: Since | None
    slices: tuple[FoundSlice, ...] = ()
    slices_of: str = ""
    """The number that the slices are about."""
    candidates: int = 0
    """Parts of the population that were candidates; the level of the search is shared by all."""
    impacts: tuple[Impact, ...] = ()
    impacts_of: str = ""
    """The number that the impacts are about: `error` or `score`."""
    examples: tuple[str, ...] = ()
    """Ids of predictions from the bin that gained most."""
    summary: str = ""
    features: tuple[str, ...] = ()
    """The first of what ranked when it was found."""
    window: Span | None = None
    """The window at whose end it was found."""
    upstream: tuple[UpstreamAlert, ...] = ()
    """Alerts of the models that feed this one which began before it, or with it; the first first."""
