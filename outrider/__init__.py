"""The `outrider` command: subcommands imported when called, the demo, the Python call; the one place that knows both halves.

`outrider.record` and `outrider.Recorder` are imported when first asked for: the command needs neither.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from outrider.recorder import Recorder, record

__all__ = ["Recorder", "record"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from outrider import recorder  # noqa: PLC0415  (only for programs that call it)

        return getattr(recorder, name)
    raise AttributeError(f"module 'outrider' has no attribute {name!r}")
