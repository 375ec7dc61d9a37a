"""One connection to a provider: exactly the headers we mean, and a record of what was sent where.

The openai package fills its requests from the environment (`OPENAI_ORG_ID`, `OPENAI_PROJECT_ID`,
`OPENAI_CUSTOM_HEADERS` …) and tells every host about this machine (`X-Stainless-*`). So the headers
are written anew just before a request leaves.
"""

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from playground import __version__
from playground.core.errors import AuthenticationFailed
from playground.core.runs import HostContact
from playground.core.urls import host_and_port
from playground.network.routes import route_for
from playground.network.traffic import Traffic

if TYPE_CHECKING:
    import httpx2


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long each stage may take, in seconds."""

    connect_s: float = 10.0
    read_s: float = 120.0
    """Longest silence between two pieces of an answer."""
    word_s: float = 600.0
    """Longest time without a word of the answer, whatever else comes."""
    after_finish_s: float = 2.0
    """How long the counts are waited for once the answer is complete."""
    refusal_s: float = 10.0
    """How long the text of an error may take."""


DEFAULT_TIMEOUTS = Timeouts()


@dataclass(frozen=True, slots=True)
class RequestTimes:
    """When a request left, in seconds of `time.perf_counter`."""

    sent: float
    """The last byte of the body was handed to the socket."""
    connect_s: float | None
    """What went before: finding the address, connecting, agreeing on keys."""


_AZURE = (".openai.azure.com", ".cognitiveservices.azure.com")
MOST_REFUSAL_BYTES = 1024 * 1024
"""Longest error body that is read."""
MOST_LIST_BYTES = 16 * 1024 * 1024
"""Longest list of models that is read; the longest known has half a megabyte."""


class ProviderConnection:
    """An `AsyncOpenAI` client for one provider, and the hosts it has sent something to.

    Raises `AuthenticationFailed` for a key that cannot be sent, and `NetworkFailed` where proxy or
    certificates of this computer cannot be used.
    """

    def __init__(
        self,
        base_url: str,
        key: str | None,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        traffic: Traffic | None = None,
        proxy: str | None = None,
    ) -> None:
        """`proxy` is the one from Settings."""
        import httpx2  # noqa: PLC0415 - start-up time
        from openai import AsyncOpenAI  # noqa: PLC0415 - start-up time

        from playground.network.transports import AsyncTransport  # noqa: PLC0415 - start-up time

        self._key = _checked_key(key)
        self._timeouts = timeouts
        route = route_for(base_url, proxy)
        self._proxy = None if route.proxy is None else route.proxy.name
        self._host = host_and_port(base_url)
        # Azure's version of its interface, which belongs behind the endpoint
        address, _, query = base_url.partition("?")
        self._sent: dict[str, int] = {}
        self._leaving: asyncio.Future[RequestTimes] | None = None
        # its debug lines hold response headers, in which a hostile server may echo the key
        logging.getLogger("httpcore2").setLevel(logging.INFO)
        self.client = AsyncOpenAI(
            # with `None` the package takes another key from the environment
            api_key=self._key or "none",
            base_url=address,
            default_query=dict(parse_qsl(query)),
            organization="",
            project="",
            webhook_secret="",
            max_retries=0,
            http_client=httpx2.AsyncClient(
                transport=AsyncTransport(route, traffic or Traffic()),
                trust_env=False,
                timeout=httpx2.Timeout(timeouts.read_s, connect=timeouts.connect_s),
                # a redirect could carry the key to another host
                follow_redirects=False,
                event_hooks={
                    "request": [self._before_sending, self._add_azure_key],
                    "response": [self._unpack, self._bound],
                },
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

    def leaving(self) -> "asyncio.Future[RequestTimes]":
        """Return what is resolved as soon as the next request has been sent."""
        self._leaving = asyncio.get_running_loop().create_future()
        return self._leaving

    async def _add_azure_key(self, request: "httpx2.Request") -> None:
        """Send the key to Azure in its own header: in the other it is taken for a login there."""
        if self._key and request.url.host.endswith(_AZURE):
            request.headers["api-key"] = self._key

    async def _unpack(self, response: "httpx2.Response") -> None:
        from playground.engines.openai.unpacking import unpack  # noqa: PLC0415 - start-up time

        unpack(response)

    async def _bound(self, response: "httpx2.Response") -> None:
        """Read what is read whole as far as it is of use: the package would read all of it."""
        import httpx2  # noqa: PLC0415 - start-up time

        is_refusal = response.status_code >= 400
        is_whole = is_refusal or response.request.method == "GET"
        if not is_whole or not isinstance(response.stream, httpx2.AsyncByteStream):
            return
        most = MOST_REFUSAL_BYTES if is_refusal else MOST_LIST_BYTES
        limit_s = self._timeouts.refusal_s if is_refusal else self._timeouts.read_s
        content = bytearray()
        try:
            async with asyncio.timeout(limit_s):
                async for piece in response.stream:
                    content += piece
                    if len(content) >= most:
                        break
        except TimeoutError as error:
            # the status of a refusal says enough, here and below
            if not is_refusal:
                raise httpx2.ReadTimeout("the list does not come to an end") from error
        except httpx2.DecodingError:
            if not is_refusal:
                raise
        await response.stream.aclose()
        response.stream = httpx2.ByteStream(bytes(content[:most]))

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

        connect_began: float | None = None
        connected = time.perf_counter()

        async def trace(event: str, info: Mapping[str, Any]) -> None:
            nonlocal connect_began, connected
            del info
            now = time.perf_counter()
            if event.endswith("send_request_headers.started"):
                connected = now
                self._sent.setdefault(host, 0)
            elif event.endswith("send_request_body.complete"):
                self._sent[host] = self._sent.get(host, 0) + body_bytes
                if self._leaving is not None and not self._leaving.done():
                    took = None if connect_began is None else connected - connect_began
                    self._leaving.set_result(RequestTimes(now, took))
            elif connect_began is None:
                connect_began = now

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
