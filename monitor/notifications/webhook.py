"""Webhook: a JSON body like Alertmanager's (version 4) with our own record in each alert, signed where a key is set.

The signature is the HMAC-SHA-256, in hexadecimal, of the timestamp header, a dot, and the body: a receiver that
checks both refuses forged and replayed messages. The idempotency key is the same in every attempt.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any, Literal

import httpx

from monitor.definitions import Receiver
from monitor.errors import Unavailable
from monitor.findings import Transition, rfc3339
from monitor.notifications import http
from monitor.notifications.message import Message

SIGNATURE_HEADER = "X-Outrider-Signature"
TIMESTAMP_HEADER = "X-Outrider-Timestamp"
IDEMPOTENCY_HEADER = "Idempotency-Key"
NEVER = "0001-01-01T00:00:00Z"
"""Alertmanager's word for an alert that has not ended."""


class WebhookNotifier:
    """Posts each transition to a URL."""

    kind: Literal["webhook"] = "webhook"

    def __init__(self, client: httpx.Client, environ: Mapping[str, str]) -> None:
        self._client = client
        self._environ = environ

    def send(self, receiver: Receiver, transition: Transition, *, idempotency_key: str, link: str, now_ns: int) -> None:
        body = json.dumps(webhook_body(Message.of_transition(transition, link), now_ns), allow_nan=False).encode()
        timestamp = str(now_ns // 10**9)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "outrider",
            IDEMPOTENCY_HEADER: idempotency_key,
            TIMESTAMP_HEADER: timestamp,
        }
        if receiver.secret_env is not None:
            headers[SIGNATURE_HEADER] = f"sha256={signature(self._key(receiver.secret_env), timestamp, body)}"
        http.post(self._client, self.kind, receiver.url, body, headers)

    def _key(self, name: str) -> bytes:
        # A missing key is mended by a restart with it; giving up would lose the message.
        if not (key := self._environ.get(name)):
            raise Unavailable(self.kind, f"the environment variable {name} with the signing key is not set")
        return key.encode()


def signature(key: bytes, timestamp: str, body: bytes) -> str:
    """What `X-Outrider-Signature` holds after `sha256=`."""
    return hmac.new(key, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def webhook_body(message: Message, now_ns: int) -> dict[str, Any]:
    """The document posted: Alertmanager's fields, so that its receivers understand us, and ours inside the alert."""
    over = message.phase == "over"
    status = "resolved" if over else "firing"
    labels, annotations = message.labels(), message.annotations()
    alert = {
        "status": status,
        "labels": labels,
        "annotations": annotations,
        "startsAt": rfc3339(message.since_ns) or rfc3339(now_ns),
        "endsAt": rfc3339(now_ns) if over else NEVER,
        "generatorURL": message.link,
        **message.fields(),
    }
    return {
        "version": "4",
        "groupKey": f"{{}}:{{fingerprint={message.fingerprint!r}}}",
        "truncatedAlerts": 0,
        "status": status,
        "receiver": "outrider",
        "groupLabels": {"model": message.model},
        "commonLabels": labels,
        "commonAnnotations": annotations,
        "externalURL": message.link,
        "alerts": [alert],
    }
