"""Deliver transitions to their receivers: at least once, with backoff, each with one idempotency key.

A delivery is written with its transition in one transaction, so neither a crash before nor one after the sending loses
it; a receiver that sees the same key twice knows it for the same news.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from monitor.alerts.routing import Bucket, muted
from monitor.definitions import Receiver
from monitor.errors import InvalidInput, OutriderError
from monitor.findings import AlertStatus
from monitor.jobs.context import Context
from monitor.jobs.find_circumstances import circumstances_of
from monitor.ports import Delivery, Notifier

log = logging.getLogger("outrider.alerts")

ATTEMPTS_MAX = 20
BACKOFF_NS_FIRST = 1 * 10**9
BACKOFF_NS_MAX = 300 * 10**9
"""With 20 attempts: a receiver that is away for more than an hour still gets its page."""
HELD_NS = 60 * 10**9
"""What is muted is looked at again after this time: silences may be lifted, and causes may end."""


@dataclass(slots=True)
class StormGuard:
    """How many notifications each receiver may still get; beyond it the rest stay owed and go out as the bucket fills."""

    buckets: dict[Receiver, Bucket] = field(default_factory=dict)

    def lets_through(self, receiver: Receiver, now_ns: int) -> bool:
        self.buckets[receiver], allowed = self.buckets.get(receiver, Bucket()).take(now_ns)
        return allowed


def raise_alerts(context: Context, guard: StormGuard) -> int:
    """One pass over the deliveries that are due; returns how many receivers took theirs."""
    now_ns = context.clock()
    away: set[Receiver] = set()
    return sum(_deliver(delivery, context, guard, away, now_ns) for delivery in context.catalog.deliveries(now_ns))


def _deliver(delivery: Delivery, context: Context, guard: StormGuard, away: set[Receiver], now_ns: int) -> bool:
    """`away` are those that failed in this pass: each is waited for once, for the windows wait meanwhile."""
    transition = delivery.transition
    silences = context.catalog.silences(now_ns)
    open_alerts = [a for a in context.catalog.alerts(transition.model) if a.state == AlertStatus.FIRING]
    notifier = (context.notifiers or {}).get(delivery.receiver.kind)
    around = circumstances_of(context.catalog, transition)
    held = muted(transition, silences, open_alerts, now_ns=now_ns, circumstances=around)
    if notifier is None:
        context.catalog.give_up(delivery.id, f"no notifier for {delivery.receiver.kind}", now_ns)
        return False
    if held is not None:
        context.catalog.hold(delivery.id, now_ns + HELD_NS, held.text)
        return False
    if _is_over(delivery):
        context.catalog.mute(delivery.id, "over before it could be told", now_ns)
        return False
    if delivery.receiver in away:
        _again(delivery, "the receiver failed just now", context, now_ns)
        return False
    if not guard.lets_through(delivery.receiver, now_ns):
        return False
    return _send(delivery, notifier, context, away, now_ns)


def _is_over(delivery: Delivery) -> bool:
    """What was muted and has gone on since is not told any more, and neither is the end of what nobody was told of."""
    ends = delivery.transition.state is AlertStatus.RESOLVED
    return (delivery.is_held and delivery.is_superseded) or (delivery.follows_muted and ends)


def _send(delivery: Delivery, notifier: Notifier, context: Context, away: set[Receiver], now_ns: int) -> bool:
    """False where the receiver did not take it: it is asked again later, or was given up."""
    transition, kind = delivery.transition, delivery.receiver.kind
    key = f"{transition.fingerprint}-{delivery.id}"
    context.observer.notified(kind)
    try:
        notifier.send(
            delivery.receiver, transition, idempotency_key=key, link=context.link_of(transition), now_ns=now_ns
        )
    except InvalidInput as error:
        context.catalog.give_up(delivery.id, str(error), now_ns)
        context.observer.notification_failed(kind, "refused")
        return False
    except OutriderError as error:
        away.add(delivery.receiver)
        _again(delivery, str(error), context, now_ns)
        return False
    except Exception as error:
        # A fault of ours with one message is no reason for the others to wait behind it.
        log.exception("notifier broke", extra={"receiver": kind})
        _again(delivery, type(error).__name__, context, now_ns)
        return False
    context.catalog.delivered(delivery.id, now_ns)
    return True


def _again(delivery: Delivery, reason: str, context: Context, now_ns: int) -> None:
    if delivery.attempts + 1 >= ATTEMPTS_MAX:
        context.catalog.give_up(delivery.id, reason, now_ns)
        context.observer.notification_failed(delivery.receiver.kind, "no_answer")
        return
    context.observer.notification_postponed(delivery.receiver.kind)
    wait_ns = min(BACKOFF_NS_FIRST * 2 ** min(delivery.attempts, 20), BACKOFF_NS_MAX)
    context.catalog.postpone(delivery.id, now_ns + wait_ns, reason)
