"""Listeners with a certificate: whether it can be loaded, is shown to clients, and whether the server behind shows one that holds."""

from __future__ import annotations

import socket
import ssl

from collectors.errors import InvalidSettings
from collectors.settings import Listener, SidecarSettings
from collectors.settings.tls import UpstreamTls
from collectors.tap.tls.certificates import check_certificates
from outrider.doctor.asking import TIMEOUT_SECONDS, Check, check, connects, split


def certificates(settings: SidecarSettings) -> list[Check]:
    """The files of every listener, loaded as the sidecar would."""
    if all(listener.tls is None for listener in settings.listeners):
        return []
    try:
        check_certificates(settings)
    except InvalidSettings as invalid:
        return [check("certificates", fault.where, False, str(fault)) for fault in invalid.faults]
    return [check("certificates", "listeners", True, "can be loaded")]


def handshakes(listener: Listener, address: str) -> list[Check]:
    """TLS with the sidecar at `address`, as a client that trusts anybody, and with the server as the sidecar would."""
    found = []
    anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anybody.check_hostname = False
    anybody.verify_mode = ssl.CERT_NONE
    refused = connects(address)
    told = refused or _shaken(address, anybody, None)
    advice = f"{told}: is the sidecar running, and does its TLS end here?"
    found.append(check("sidecar ends TLS", address, told is None, "shows its certificate" if told is None else advice))
    behind = listener.tls.upstream if listener.tls is not None else UpstreamTls()
    if behind.enabled:
        upstream = str(listener.upstream)
        try:
            context = ssl.create_default_context(cafile=behind.ca)
        except OSError as error:
            return [*found, check("upstream speaks TLS", upstream, False, f"{behind.ca}: {error.strerror or error}")]
        if not behind.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        told = connects(upstream) or _shaken(upstream, context, behind.server_name or listener.upstream.host)
        found.append(check("upstream speaks TLS", upstream, told is None, told or "its certificate holds"))
    return found


def _shaken(address: str, context: ssl.SSLContext, server_name: str | None) -> str | None:
    """None where the handshake is done, else why it is not."""
    try:
        with (
            socket.create_connection(split(address), timeout=TIMEOUT_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=server_name),
        ):
            return None
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    except OSError as error:
        return getattr(error, "reason", None) or error.strerror or str(error) or type(error).__name__
