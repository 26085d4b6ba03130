"""Apprise: chat, e-mail, pagers and a hundred more, by the URL that Apprise documents for each."""

from __future__ import annotations

from typing import Literal

from monitor.definitions import Receiver
from monitor.errors import Fault, InvalidInput, Unavailable
from monitor.findings import Transition
from monitor.notifications.message import TEXT_CHARACTERS_MAX, Message, feature_line


class AppriseNotifier:
    """Sends a title and a text. The URL holds credentials and is never shown, not in an error either."""

    kind: Literal["apprise"] = "apprise"

    def send(self, receiver: Receiver, transition: Transition, *, idempotency_key: str, link: str, now_ns: int) -> None:
        # Imported where it is used: it reads its hundred plugins, which installations without it should not pay for.
        from apprise import Apprise, NotifyType  # noqa: PLC0415  (see above)

        target = Apprise()
        if not target.add(receiver.url):
            raise InvalidInput(
                Fault("receiver apprise", "a URL that Apprise does not know", "a URL as Apprise documents")
            )
        message = Message.of_transition(transition, link)
        kinds = {"open": NotifyType.FAILURE, "over": NotifyType.SUCCESS, "lost": NotifyType.WARNING}
        told = target.notify(
            title=message.title, body=apprise_text(message), notify_type=kinds.get(message.phase, NotifyType.INFO)
        )
        if not told:
            raise Unavailable(self.kind, f"{receiver.url.partition(':')[0]} did not take the message")


def apprise_text(message: Message) -> str:
    """The text below the title: what, which features, where to look."""
    lines = [message.summary, message.cause, *map(feature_line, message.features)]
    if message.reason:
        lines.append(f"Reason: {message.reason}")
    return "\n".join(filter(None, lines))[:TEXT_CHARACTERS_MAX] + f"\n{message.link}"
