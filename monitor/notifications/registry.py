"""Every notifier, by the kind of receiver it speaks to."""

from __future__ import annotations

from collections.abc import Mapping

import httpx

from monitor.notifications.alertmanager import AlertmanagerNotifier
from monitor.notifications.apprise import AppriseNotifier
from monitor.notifications.webhook import WebhookNotifier
from monitor.ports import Notifier


def notifiers(client: httpx.Client, environ: Mapping[str, str]) -> dict[str, Notifier]:
    """One of each kind. `client` is from `monitor.notifications.http.client`; `environ` holds the signing keys."""
    every: tuple[Notifier, ...] = (WebhookNotifier(client, environ), AlertmanagerNotifier(client), AppriseNotifier())
    return {notifier.kind: notifier for notifier in every}
