"""The durable queue between capture and delivery: framing, journals, recovery.

A *journal* is one append-only file, a *frame* one checked entry of it, which holds one batch; the *mark* is what must
outlive the journals: the sidecar's id, the reserved and the acknowledged sequence numbers. A *queue* is one sink's
place in the spool. Damage goes to
*quarantine*, batches that the monitor will never take to *refused*. Drawn in docs/formats/journal.md.
"""

from collectors.spool.errors import SpoolBusy, SpoolError, SpoolFull, SpoolUnusable
from collectors.spool.queues import Queue, QueueCounts
from collectors.spool.recovery import Faults
from collectors.spool.spool import Spool

__all__ = ["Faults", "Queue", "QueueCounts", "Spool", "SpoolBusy", "SpoolError", "SpoolFull", "SpoolUnusable"]
