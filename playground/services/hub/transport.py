"""HTTP transport under `huggingface_hub`: time limits, and sentences for what fails.

`huggingface_hub` 2.4 passes `timeout=None` with its calls, tries again for 23 s what a person
should be told at once, and leaves `HF_HUB_OFFLINE` to the client that is replaced here. Whatever
fails leaves this transport as one of our own errors, which nothing catches to try again.

Imported with the first call only, which `app.services.use_hub_transport` prepares: this module
loads `huggingface_hub` and `httpx2`.
"""

import json
import threading
from urllib.parse import urlsplit

import httpx2
from huggingface_hub import constants, errors, hf_raise_for_status

from playground.core.characters import whole_values
from playground.core.errors import HubFailed, Offline, PlaygroundError, RepositoryNotFound
from playground.network.routes import NetworkFailed, Route, route_for
from playground.network.traffic import Traffic
from playground.network.transports import Transport
from playground.services.hub.exchange import (
    PRIVATE_HINT,
    Exchange,
    answer_unreadable,
    current_exchange,
    no_answer,
    refusal_by_status,
    terms_wanted,
)

_MOST_REDIRECTS = 5
_TELEMETRY_PATH = "/api/agent-harnesses"
_SEARCH_PATH = "/api/models"
_HEADERS_LEFT_OUT = frozenset(
    {"content-encoding", "content-length", "transfer-encoding", "link", "x-hf-warning"}
)
"""The body has been unpacked; the next page is asked for by whoever wants it, at our own address,
so that neither a page nor the token goes wherever a `Link` leads; warnings would be printed.
"""
_CHUNK = 64 << 10


def new_client() -> httpx2.Client:
    """Return the client of `huggingface_hub` in this process."""
    # the library's own client follows redirects too; the token stays behind at another host
    return httpx2.Client(
        transport=HubTransport(), follow_redirects=True, max_redirects=_MOST_REDIRECTS
    )


class HubTransport(httpx2.BaseTransport):
    """Sends the requests of `huggingface_hub`, and reads each answer whole; safe in threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._transports: dict[tuple[Route, Traffic], Transport] = {}

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Return the answer; raises `Offline`, `HubFailed` and what is derived from it."""
        exchange = current_exchange.get() or Exchange()
        if exchange.is_offline or constants.is_offline_mode():
            raise Offline("Offline mode is on: the Hub is not asked.")
        if request.url.path.endswith(_TELEMETRY_PATH):
            raise HubFailed("Nothing is told about this program.", "")
        host = request.url.host
        is_search = request.url.path.endswith(_SEARCH_PATH)
        if is_search and exchange.next_query is not None:
            request.url = request.url.copy_with(query=exchange.next_query.encode())
        exchange.next_query = None
        limits = exchange.limits
        request.extensions = {
            **request.extensions,
            "timeout": httpx2.Timeout(limits.read_s, connect=limits.connect_s).as_dict(),
        }
        try:
            response = self._transport(request.url, exchange).handle_request(request)
            response.request = request
            try:
                exchange.is_answered = True
                return _whole(response, exchange, is_search=is_search)
            finally:
                response.close()
        except NetworkFailed as error:
            raise HubFailed(error.message, error.hint) from error
        except httpx2.TimeoutException as error:
            raise no_answer(host) from error
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
            raise HubFailed(f"The connection to the Hub ({host}) broke.") from error

    def close(self) -> None:
        """Close every connection; a thread that waits for one is told that it broke."""
        with self._lock:
            for transport in self._transports.values():
                transport.close()
            self._transports.clear()

    def _transport(self, url: httpx2.URL, exchange: Exchange) -> Transport:
        route = route_for(str(url), exchange.proxy)
        key = (route, exchange.traffic)
        with self._lock:
            if key not in self._transports:
                self._transports[key] = Transport(route, exchange.traffic)
            return self._transports[key]


def _whole(response: httpx2.Response, exchange: Exchange, *, is_search: bool) -> httpx2.Response:
    """Return an answer with its body, without what the library would act upon; raises refusals."""
    if response.status_code >= 400:
        raise _refusal(response)
    body = b"" if response.has_redirect_location else _body(response, exchange)
    if exchange.wants_json:
        body = exchange.redactor.clean(body.decode("utf-8", "replace")).encode()
        if b"\\ud" in body.lower():
            body = _without_half_characters(body)
    is_json = "json" in response.headers.get("content-type", "")
    if exchange.wants_json and not response.has_redirect_location and not is_json:
        raise HubFailed(
            "Something else than the Hub answered: perhaps this network wants you to log in first.",
            "Open a web page in the browser, then try again.",
        )
    if is_search:
        following = response.links.get("next", {}).get("url")
        # only the query counts: the address in it may be that of another mirror
        exchange.next_query = urlsplit(following).query if following else None
    headers = [
        (name, value)
        for name, value in response.headers.multi_items()
        if name.lower() not in _HEADERS_LEFT_OUT
    ]
    return httpx2.Response(response.status_code, headers=headers, content=body)


def _body(response: httpx2.Response, exchange: Exchange) -> bytes:
    data = bytearray()
    for chunk in response.iter_bytes(_CHUNK):
        data += chunk
        if len(data) >= exchange.most_bytes:
            break
        if exchange.is_cancelled:
            raise HubFailed("Nobody waits for this answer any more.")
    return bytes(data[: exchange.most_bytes])


def _without_half_characters(body: bytes) -> bytes:
    """Return an answer in JSON without what no text can hold: only an escape brings it in."""
    try:
        return json.dumps(whole_values(json.loads(body))).encode()
    except (ValueError, RecursionError) as error:
        raise answer_unreadable() from error


def _refusal(response: httpx2.Response) -> PlaygroundError:
    """Return what to say of an answer of 400 and above, by the Hub's own names for it."""
    names = ("X-Error-Code", "X-Error-Message")
    headers = {name: response.headers[name] for name in names if name in response.headers}
    # without its body: the library would look for words in it that are not needed here
    named = httpx2.Response(response.status_code, headers=headers, request=response.request)
    try:
        hf_raise_for_status(named)
    except errors.GatedRepoError:
        return terms_wanted(has_token="Authorization" in response.request.headers)
    except errors.RepositoryNotFoundError:
        return RepositoryNotFound(
            "The Hub has no such repository, or does not show it to you.", PRIVATE_HINT
        )
    except errors.RevisionNotFoundError:
        return RepositoryNotFound("The repository has no such revision.", "Leave it out.")
    except errors.EntryNotFoundError:
        return RepositoryNotFound("The repository has no such file.", "Look at its files again.")
    except errors.HfHubHTTPError:
        pass
    return refusal_by_status(response.status_code, response.headers.get("retry-after"))
