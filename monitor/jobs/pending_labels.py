"""Which closed windows have labels that are to be looked at: each is named by the label segments that meet it."""

from __future__ import annotations

from dataclasses import dataclass, field

from monitor.findings import Span
from monitor.jobs.due_windows import meets
from monitor.jobs.stored_windows import StoredWindows, start_of
from monitor.jobs.track import Progress

PENDING_WINDOWS_MAX = 10_000
"""Windows with labels to be looked at; beyond it the oldest are looked at with what they have."""


@dataclass(slots=True)
class PendingLabels:
    """Of one place; every window that is pending has a time, at which the newest of its labels came."""

    stored: StoredWindows
    came_ns: dict[Span, int] = field(default_factory=dict)
    noted: int = 0
    """Newest label segment whose windows are pending or were looked at."""

    @classmethod
    def left(cls, stored: StoredWindows, progress: Progress) -> PendingLabels:
        """As a start finds them: windows after the last whose labels were looked at that have labels all the same were waited for."""
        after_ns = progress.labels_until_ns + 1
        labels = [s for s in stored.segments("labels", after_ns) if s.end_ns > 0]
        spans = [w.span for w in stored.windows(start_ns=after_ns) if w.n_window] if labels else []
        came = {span: [s.created_ns for s in labels if meets(s, span)] for span in spans}
        return cls(stored, {span: max(times) for span, times in came.items() if times}, progress.label_segment)

    @property
    def oldest_first(self) -> list[Span]:
        return sorted(self.came_ns, key=start_of)

    def note(self) -> bool:
        """Closed windows that new labels belong to become pending; whether there were new labels."""
        new = [s for s in self.stored.segments("labels", after_id=self.noted) if s.end_ns > 0]
        if not new:
            return False
        start_ns, end_ns = min(s.start_ns for s in new), max(s.end_ns for s in new)
        for window in self.stored.windows(start_ns=self.stored.earliest(start_ns), end_ns=end_ns + 1):
            span = window.span
            if window.n_window and (span.end_ns or 0) > start_ns and any(meets(s, span) for s in new):
                self.came_ns[span] = max(s.created_ns for s in new)
        self.noted = max(s.id for s in new)
        return True

    def wait_for(self, span: Span, now_ns: int) -> None:
        """A window that was closed with labels so few that more are expected."""
        self.came_ns[span] = now_ns
        while len(self.came_ns) > PENDING_WINDOWS_MAX:
            self.came_ns.pop(self.oldest_first[0])

    def drop(self, span: Span) -> bool:
        """A window that is looked at, or is no more; whether it was pending."""
        return self.came_ns.pop(span, None) is not None
