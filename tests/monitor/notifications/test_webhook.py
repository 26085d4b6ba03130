"""The webhook's body, signature and headers."""

from __future__ import annotations

import json

import pytest

from monitor.definitions import Receiver
from monitor.errors import InvalidInput, Unavailable
from monitor.findings import AlertStatus, FeatureScore
from monitor.notifications import http
from monitor.notifications.message import Message
from monitor.notifications.webhook import WebhookNotifier, signature, webhook_body
from tests.results import MINUTE, START, transition
from tests.scripted_http import Answer, scripted_http

LINK = "http://monitor/alerts/f1"


def test_the_body_is_alertmanagers_with_our_record_inside() -> None:
    """A receiver written for Alertmanager reads it; ours finds every field in the alert."""
    body = webhook_body(Message.of_transition(transition(), LINK), START)
    assert (body["version"], body["status"]) == ("4", "firing")
    (alert,) = body["alerts"]
    assert alert["labels"] == {
        "alertname": "OutriderDrift",
        "model": "income",
        "model_version": "1",
        "kind": "drift",
        "severity": "ticket",
    }
    assert alert["startsAt"] == "2026-03-01T00:05:00Z"
    assert alert["endsAt"] == "0001-01-01T00:00:00Z"
    assert alert["window"] == {"start": "2026-03-01T00:00:00Z", "end": "2026-03-01T00:05:00Z"}
    assert (alert["state"], alert["kind"], alert["model"], alert["version"]) == ("firing", "drift", "income", "1")
    assert alert["features"][0]["feature"] == "RELP"
    assert (alert["fingerprint"], alert["link"], alert["generatorURL"]) == ("f1", LINK, LINK)


@pytest.mark.parametrize("state", [AlertStatus.RESOLVED, AlertStatus.CLOSED])
def test_what_is_over_has_an_end(state: AlertStatus) -> None:
    """Resolved and closed alerts end now, and keep their start."""
    body = webhook_body(Message.of_transition(transition(state, index=3), LINK), START + 60 * MINUTE)
    assert body["status"] == body["alerts"][0]["status"] == "resolved"
    assert body["alerts"][0]["endsAt"] == "2026-03-01T01:00:00Z"
    assert body["alerts"][0]["startsAt"] == "2026-03-01T00:05:00Z"


def test_lost_data_is_not_resolved() -> None:
    """An alert that can no longer be seen still counts as firing for those who know two words only."""
    body = webhook_body(Message.of_transition(transition(AlertStatus.NO_DATA), LINK), START)
    assert body["status"] == "firing"
    assert body["alerts"][0]["state"] == "no_data"


def test_at_most_five_features_are_named() -> None:
    """The page has the rest."""
    features = tuple(FeatureScore(f"f{i}", "psi", 9.0 - i) for i in range(9))
    body = webhook_body(Message.of_transition(transition(features=features), LINK), START)
    assert [f["feature"] for f in body["alerts"][0]["features"]] == ["f0", "f1", "f2", "f3", "f4"]


def test_a_signed_body_can_be_checked() -> None:
    """HMAC-SHA-256 over the timestamp, a dot and the body; the idempotency key rides along."""
    with http.client() as client, scripted_http(lambda request: Answer()) as server:
        receiver = Receiver("webhook", server.url, secret_env="HOOK_KEY")
        notifier = WebhookNotifier(client, {"HOOK_KEY": "secret"})
        notifier.send(receiver, transition(), idempotency_key="f1/7", link=LINK, now_ns=START)
        (request,) = server.requests
    assert request.headers["idempotency-key"] == "f1/7"
    expected = signature(b"secret", request.headers["x-outrider-timestamp"], request.body)
    assert request.headers["x-outrider-signature"] == f"sha256={expected}"


def test_the_signature_is_the_documented_one() -> None:
    """Computed by hand with another tool: printf '1.body' | openssl dgst -sha256 -hmac key."""
    assert signature(b"key", "1", b"body") == "91b5374b153842ad05b2c4eab9349b8321b14703165bd3fb8b034dfb8be98ae5"


def test_a_missing_key_is_no_reason_to_give_up() -> None:
    """Unsigned would be worse than late; a restart with the key sends it."""
    with http.client() as client:
        notifier = WebhookNotifier(client, {})
        with pytest.raises(Unavailable, match="HOOK_KEY"):
            receiver = Receiver("webhook", "http://127.0.0.1:1", secret_env="HOOK_KEY")
            notifier.send(receiver, transition(), idempotency_key="k", link=LINK, now_ns=START)


def test_a_redirect_is_not_followed() -> None:
    """The body goes where the user said, nowhere else."""
    with http.client() as client, scripted_http(lambda r: Answer(302, headers={"Location": "/other"})) as server:
        with pytest.raises(InvalidInput, match="302"):
            WebhookNotifier(client, {}).send(
                Receiver("webhook", server.url), transition(), idempotency_key="k", link=LINK, now_ns=START
            )
        assert len(server.requests) == 1


def test_a_connection_that_is_cut_is_tried_again() -> None:
    """No answer is an unknown outcome; the idempotency key lets the receiver tell."""
    with http.client() as client, scripted_http(lambda r: None) as server, pytest.raises(Unavailable):
        WebhookNotifier(client, {}).send(
            Receiver("webhook", server.url), transition(), idempotency_key="k", link=LINK, now_ns=START
        )


def test_a_long_refusal_is_read_only_in_part() -> None:
    """A hostile receiver cannot fill our memory or our logs."""
    with http.client() as client, scripted_http(lambda r: Answer(400, b"x" * 10_000_000)) as server:
        with pytest.raises(InvalidInput) as caught:
            WebhookNotifier(client, {}).send(
                Receiver("webhook", server.url), transition(), idempotency_key="k", link=LINK, now_ns=START
            )
        assert len(str(caught.value)) < 3_000


def test_the_body_is_strict_json() -> None:
    """A parser that knows no NaN reads it."""
    t = transition(value=float("nan"), features=(FeatureScore("a", "psi", float("inf")),))
    json.dumps(webhook_body(Message.of_transition(t, LINK), START), allow_nan=False)
