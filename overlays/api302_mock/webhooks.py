"""Calls the webhook that a request named, when its task ends."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import urllib.error
import urllib.request
from collections import deque
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from api302_mock.control import Settings
from api302_mock.wire import Response

ATTEMPTS = 3
"""As the provider's documentation says."""
MOST_KEPT = 10_000
"""Webhooks that a mock remembers."""
_TIMEOUT = 10.0
_LOG = logging.getLogger("api302_mock")


@dataclass(slots=True, frozen=True)
class Delivery:
    """One webhook, and what became of it."""

    url: str
    body: bytes
    status: int | None = None
    """Of the last response; None where none came."""
    error: str | None = None
    """Why it was not delivered; None if it was."""


class Webhooks:
    """Calls webhooks, on this machine alone unless the settings say otherwise.

    Args:
        settings: Which webhooks may be called, and how long to wait before another attempt.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._deliveries: deque[Delivery] = deque(maxlen=MOST_KEPT)

    @property
    def deliveries(self) -> list[Delivery]:
        """Those since the last reset, or the last of many, oldest first."""
        return list(self._deliveries)

    def reset(self) -> None:
        """Forget them."""
        self._deliveries = deque(maxlen=MOST_KEPT)

    async def deliver(self, url: str, message: Response) -> None:
        """Call a webhook with a response that reports the end of a task."""
        body = b"".join(message.pieces)
        deliveries = self._deliveries  # those of now, whatever is reset meanwhile
        refusal = self._refusal(url)
        if refusal is not None:
            _LOG.warning("webhook %.200r: %s", url, refusal)
            deliveries.append(Delivery(url, body, error=refusal))
            return
        kind = message.headers.get("content-type", "application/octet-stream")
        delivery = Delivery(url, body)
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(self._settings.pace)
            delivery = await asyncio.to_thread(_post, url, body, kind)
            if delivery.error is None:
                break
        deliveries.append(delivery)

    def _refusal(self, url: str) -> str | None:
        """Why a webhook is not called, or None."""
        if self._settings.webhooks == "none":
            return "webhooks are turned off"
        host = _host(url)
        if host is None:
            return "it is not an http or https URL"
        if self._settings.webhooks == "loopback" and not is_loopback(host):
            return 'it is not on this machine: start the mock with webhooks="any" to call it'
        return None


def _host(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises for one that is not a number
    except ValueError:
        return None
    return parts.hostname if parts.scheme in ("http", "https") else None


def is_loopback(host: str) -> bool:
    """Whether a host's name or IP address is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Follow none: it could lead off this machine."""


# Without proxies, which the environment may name: they would not reach this machine.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects())


def _post(url: str, body: bytes, content_type: str) -> Delivery:
    try:
        request = urllib.request.Request(
            url, body, {"Content-Type": content_type, "User-Agent": "api302-mock"}, method="POST"
        )
        with _OPENER.open(request, timeout=_TIMEOUT) as response:
            return Delivery(url, body, response.status)
    except urllib.error.HTTPError as error:
        with error:
            return Delivery(url, body, error.code, f"the response has status {error.code}")
    except (OSError, ValueError) as error:  # refused, timed out, or not a URL after all
        return Delivery(url, body, error=str(error) or type(error).__name__)
    except Exception as error:  # http.client's own, for a response that is not HTTP
        return Delivery(url, body, error=f"{type(error).__name__}: {error}")
