"""The transports of `httpx2` that take the way of `routes`, and say who failed on it.

Loaded with the first request: it loads `httpx2`.
"""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import httpx2

from playground.core.urls import host_and_port
from playground.network.failures import explain
from playground.network.routes import NetworkFailed, Proxy, Route
from playground.network.traffic import Traffic


class Transport(httpx2.HTTPTransport):
    """Sends requests on their way; raises `NetworkFailed`, also where it is built."""

    def __init__(self, route: Route, traffic: Traffic) -> None:
        super().__init__(**_options(route))
        self._proxy = route.proxy
        self._traffic = traffic

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        progress = _Progress(self._proxy, request, self._traffic)
        given = request.extensions.get("trace")

        def trace(event: str, info: Mapping[str, Any]) -> None:
            progress.note(event, info)
            if given is not None and not progress.is_of_proxy(event):
                given(event, info)

        request.extensions = {**request.extensions, "trace": trace}
        try:
            return super().handle_request(request)
        except Exception as error:
            if progress.open_socket is not None:
                progress.open_socket.close()
            if failure := progress.failure(error):
                raise failure from error
            raise


class AsyncTransport(httpx2.AsyncHTTPTransport):
    """Does the same as `Transport` for a client that is awaited."""

    def __init__(self, route: Route, traffic: Traffic) -> None:
        super().__init__(**_options(route))
        self._proxy = route.proxy
        self._traffic = traffic

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        progress = _Progress(self._proxy, request, self._traffic)
        given: Callable[[str, Mapping[str, Any]], Coroutine[Any, Any, None]] | None
        given = request.extensions.get("trace")

        async def trace(event: str, info: Mapping[str, Any]) -> None:
            progress.note(event, info)
            if given is not None and not progress.is_of_proxy(event):
                await given(event, info)

        request.extensions = {**request.extensions, "trace": trace}
        try:
            return await super().handle_async_request(request)
        except Exception as error:
            if progress.open_socket is not None:
                await progress.open_socket.aclose()
            if failure := progress.failure(error):
                raise failure from error
            raise


class _Progress:
    """How far one request has come."""

    def __init__(self, proxy: Proxy | None, request: httpx2.Request, traffic: Traffic) -> None:
        self._proxy = proxy
        self._request = request
        self._traffic = traffic
        self._is_at_proxy = proxy is not None
        self._limits = dict(request.extensions.get("timeout", {}))
        self._read_s = self._limits.get("read")
        if self._is_at_proxy:
            # a model may take minutes until it answers, a proxy not
            self._limits["read"] = self._limits.get("connect")
            request.extensions = {**request.extensions, "timeout": self._limits}
        self.open_socket: Any = None
        """Connection to a SOCKS proxy: httpcore2 does not close it where the proxy refuses."""

    def note(self, event: str, info: Mapping[str, Any]) -> None:
        """Take an event of the `trace` extension; that of the tunnel's TLS is not the proxy's."""
        is_leaving = event.endswith("send_request_headers.started")
        is_leaving = is_leaving and info["request"].method != b"CONNECT"
        if is_leaving:
            self._count()
        if is_leaving or event.endswith(("proxy.start_tls.started", "socks.start_tls.started")):
            self._is_at_proxy = False
            self._limits["read"] = self._read_s
            self.open_socket = None
        elif event == "socks.connect_tcp.complete":
            self.open_socket = info["return_value"]

    def is_of_proxy(self, event: str) -> bool:
        """Return True for the request that asks the proxy for a tunnel: nobody sent it on."""
        return self._is_at_proxy and event.startswith("http11.")

    def failure(self, error: Exception) -> NetworkFailed | None:
        """Return who failed; `None` where the error itself tells."""
        is_known = isinstance(error, httpx2.TransportError)
        # a SOCKS answer that is none is an assertion of httpcore2 or a protocol error of socksio
        if not is_known and not (self._is_at_proxy and self._proxy and self._proxy.is_socks):
            return None
        host = host_and_port(str(self._request.url))
        return explain(error, host, self._proxy, is_at_proxy=self._is_at_proxy)

    def _count(self) -> None:
        request = self._request
        self._traffic.note(
            request.method,
            str(request.url),
            request.headers.multi_items(),
            int(request.headers.get("content-length", 0)),
            None if self._proxy is None else self._proxy.name,
        )


def _options(route: Route) -> dict[str, Any]:
    options: dict[str, Any] = {"verify": route.certificates()}
    if (proxy := route.proxy) is not None:
        # the proxy's own certificate, where it has one
        own = route.certificates() if proxy.url.startswith("https") else None
        options["proxy"] = httpx2.Proxy(proxy.url, auth=proxy.auth, ssl_context=own)
    return options
