"""The sidecar's settings: one frozen value, read from flags or a YAML file, every fault at once."""

from collectors.settings.reading import Endpoint
from collectors.settings.sections import JsonRouteSetting, Listener, RedactionRule
from collectors.settings.sidecar import SidecarSettings, default_spool, read_file, read_settings, sinks_of
from collectors.settings.sinks import SinkSetting

__all__ = [
    "Endpoint",
    "JsonRouteSetting",
    "Listener",
    "RedactionRule",
    "SidecarSettings",
    "SinkSetting",
    "default_spool",
    "read_file",
    "read_settings",
    "sinks_of",
]
