"""One connection to a provider: exactly the headers we mean, and a record of what was sent where.

The openai package fills its requests from the environment (`OPENAI_ORG_ID`, `OPENAI_PROJECT_ID`,
`OPENAI_CUSTOM_HEADERS` …) and tells every host about this machine (`X-Stainless-*`). So the headers
are written anew just before a request leaves.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from playground import __version__
from playground.core.errors import AuthenticationFailed
from playground.core.runs import HostContact
from playground.core.urls import host_and_port
from playground.network.routes import route_for

if TYPE_CHECKING:
    import httpx2


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long each stage may take, in seconds."""

    connect_s: float = 10.0
    read_s: float = 120.0
    """Longest silence between two pieces of an answer."""


DEFAULT_TIMEOUTS = Timeouts()


class ProviderConnection:
    """An `AsyncOpenAI` client for one provider, and the hosts it has sent something to.

    Raises `AuthenticationFailed` for a key that cannot be sent, and `NetworkFailed` where proxy or
    certificates of this computer cannot be used.
    """

    def __init__(
        self, base_url: str, key: str | None, timeouts: Timeouts = DEFAULT_TIMEOUTS
    ) -> None:
        import httpx2  # noqa: PLC0415 - start-up time
        from openai import AsyncOpenAI  # noqa: PLC0415 - start-up time

        from playground.network.transports import AsyncTransport  # noqa: PLC0415 - start-up time

        self._key = _checked_key(key)
        route = route_for(base_url)
        self._proxy = None if route.proxy is None else route.proxy.name
        self._host = host_and_port(base_url)
        self._sent: dict[str, int] = {}
        # its debug lines hold response headers, in which a hostile server may echo the key
        logging.getLogger("httpcore2").setLevel(logging.INFO)
        self.client = AsyncOpenAI(
            # with `None` the package takes another key from the environment
            api_key=self._key or "none",
            base_url=base_url,
            organization="",
            project="",
            webhook_secret="",
            max_retries=0,
            http_client=httpx2.AsyncClient(
                transport=AsyncTransport(route),
                trust_env=False,
                timeout=httpx2.Timeout(timeouts.read_s, connect=timeouts.connect_s),
                # a redirect could carry the key to another host
                follow_redirects=False,
                event_hooks={"request": [self._before_sending]},
            ),
        )

    @property
    def hosts(self) -> tuple[HostContact, ...]:
        """Hosts a request has gone to, with the bytes of the bodies and the proxy in between."""
        return tuple(HostContact(host, sent, self._proxy) for host, sent in self._sent.items())

    @property
    def destination(self) -> HostContact:
        """The host a request is about to go to."""
        return HostContact(self._host, None, self._proxy)

    async def _before_sending(self, request: "httpx2.Request") -> None:
        import httpx2  # noqa: PLC0415 - start-up time

        host = host_and_port(str(request.url))
        body_bytes = len(request.content)
        headers = {
            "Host": request.url.netloc.decode("ascii"),
            "Accept": "application/json",
            # a compressed stream may be held back until a block is full
            "Accept-Encoding": "identity",
            "User-Agent": f"inference-playground/{__version__}",
        }
        if body_bytes:
            headers["Content-Type"] = "application/json"
            headers["Content-Length"] = str(body_bytes)
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        request.headers = httpx2.Headers(headers)

        async def trace(event: str, info: Mapping[str, Any]) -> None:
            del info
            if event.endswith("send_request_headers.started"):
                self._sent.setdefault(host, 0)
            elif event.endswith("send_request_body.complete"):
                self._sent[host] = self._sent.get(host, 0) + body_bytes

        request.extensions = {**request.extensions, "trace": trace}


def _checked_key(key: str | None) -> str | None:
    """Return the key without the white space of a paste; `None` for an empty one.

    Raises `AuthenticationFailed` for text that cannot be sent in a header.
    """
    key = (key or "").strip()
    if not key:
        return None
    if not (key.isascii() and key.isprintable()):
        raise AuthenticationFailed(
            "The key contains characters that no key has.", "Copy the key again and enter it anew."
        )
    return key
