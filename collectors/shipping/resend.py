"""Sends again what a sink refused, once the cause is mended: from the files in `refused/`, under the batches' own ids."""

from dataclasses import dataclass, field
from pathlib import Path

from collectors.shipping.courier import Courier, Parcel
from collectors.spool.errors import SpoolUnusable
from collectors.spool.side_files import read_refused, refused_paths


@dataclass(slots=True)
class Resent:
    """What became of the refused batches; `left` says of each file that stays why."""

    taken: int = 0
    known: int = 0
    left: dict[str, str] = field(default_factory=dict)


def resend(directory: Path, courier: Courier, sink: str | None = None) -> Resent:
    """Send what `sink` refused (None: whoever did), in the order of the numbers; files of what is taken go. Raises SpoolUnusable."""
    sent = Resent()
    try:
        for path in refused_paths(directory):
            refused = read_refused(path)
            if sink is not None and refused.sink != sink:
                continue
            if not refused.payload:
                sent.left[path.name] = "its bytes were not kept, for want of room, or are damaged"
                continue
            sequence = int(refused.batch.rpartition("/")[2])
            (outcome,) = courier.deliver([Parcel(sequence, refused.batch, refused.payload)])
            if outcome.verdict in ("taken", "known"):
                sent.taken += outcome.verdict == "taken"
                sent.known += outcome.verdict == "known"
                path.unlink(missing_ok=True)
            else:
                sent.left[path.name] = f"{outcome.reason}: {outcome.detail}"
    except OSError as error:
        raise SpoolUnusable(directory, f"cannot be read ({error.strerror})") from error
    finally:
        courier.close()
    return sent
