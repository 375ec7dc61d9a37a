"""Whatever a provider or the network does, as an error a person can act on."""

import json
import re
from html import unescape
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from playground.core.characters import visible_line
from playground.core.errors import (
    AuthenticationFailed,
    ConnectionFailed,
    ContextOverflow,
    EngineError,
    KeyMissing,
    ModelNotFound,
    PermissionRefused,
    ProviderFailed,
    QuotaExceeded,
    RateLimited,
    RequestRejected,
    StreamInvalid,
    StreamMalformed,
    TimedOut,
)
from playground.core.redaction import Redactor
from playground.core.urls import host_and_port
from playground.core.waiting import wait_s, wait_words
from playground.engines.openai.client import Timeouts
from playground.network.failures import causes
from playground.network.routes import NetworkFailed

if TYPE_CHECKING:
    from openai import APIStatusError

WEB_PAGE = "a web page"
"""Begins what is said of HTML in place of an error."""
_MESSAGE_LIMIT = 500
"""Characters of a provider's own message that are shown."""
_OVERFLOW = re.compile(
    r"context[_ ](length|window|size)|maximum (context|prompt)|too many (input )?tokens"
    r"|(prompt|input|request) is too (long|large)|exceeds? .{0,30}context"
    # Gemini, z.ai
    r"|(prompt|input)\b.{0,40} exceeds? .{0,40}(tokens|length)"
    # DashScope, Volcengine, Groq
    r"|input length should be|exceeds? max message tokens"
    r"|reduce the length of the (messages|prompt)"
    # Text Generation Inference, Together
    r"|must have less than \d+ tokens|tokens \+ .?max_new_tokens.? must be",
    re.IGNORECASE,
)
_TOO_LARGE = "Shorten the prompt: it is more than this service takes at once."
_OVER_ALLOWANCE = re.compile(r"\bLimit (\d+), (?:Used \d+, )?Requested (\d+)")
"""Groq, OpenAI: tokens a minute, and those of the request."""
_NO_MODEL = re.compile(
    r"model_not_(found|exist|supported)|model_decommissioned|invalid_model|not a valid model"
    r"|(unknown|no such|invalid) model\b|no endpoints found for"
    r"|\bmodel\b.{0,80}(not exist|not found|decommissioned|deprecated|retired"
    r"|not (available|installed|deployed|in list|supported by any provider))"
    r"|unable to access .{0,20}\bmodel\b",
    re.IGNORECASE,
)
_BAD_KEY = re.compile(
    r"(api[ _]?key).{0,20}(not valid|invalid|incorrect|expired|missing|revoked|disabled|required)"
    r"|(invalid|incorrect|missing|expired)[ _]api[ _]?key|missing bearer|unregistered callers",
    re.IGNORECASE,
)
_NO_CREDIT = re.compile(
    r"insufficient[_ ](quota|balance|funds|credit)|exceeded your current quota|out of credit"
    r"|credit balance is too low|(balance|credits?|funds)\b.{0,20}insufficient"
    r"|requires more credits|billing[_ ](hard[_ ])?limit",
    re.IGNORECASE,
)
_CODES = {
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "insufficient_quota": 402,
    "invalid_api_key": 401,
    "authentication_error": 401,
    "permission_error": 403,
    "model_not_found": 404,
    "not_found_error": 404,
    "context_length_exceeded": 400,
    "invalid_request_error": 400,
    "overloaded_error": 529,
    "server_error": 500,
    "api_error": 500,
}


class ErrorTranslator:
    """Turns exceptions of the openai package into the tree of `core.errors`, for one provider."""

    def __init__(
        self,
        name: str,
        base_url: str,
        key: str | None,
        timeouts: Timeouts,
        redactor: Redactor | None = None,
    ) -> None:
        self._name = name
        self._host = host_and_port(base_url)
        self._key = key
        self._timeouts = timeouts
        self.redactor = redactor or Redactor()
        self.redactor.know(key)

    def translate(self, error: Exception) -> EngineError | None:
        """Return the error as a person should see it; `None` for what only a bug can cause."""
        if isinstance(error, EngineError):
            return error
        import httpx2  # noqa: PLC0415 - start-up time
        import openai  # noqa: PLC0415 - start-up time

        chain = tuple(causes(error))
        for cause in chain:
            if isinstance(cause, NetworkFailed):
                return ConnectionFailed(cause.message, cause.hint)
            if isinstance(cause, httpx2.DecodingError):
                return StreamMalformed(
                    f"{self._name} says that its answer is compressed, but it cannot be unpacked.",
                    "A proxy in between may have damaged it. Try again.",
                )
        if isinstance(error, openai.APIStatusError):
            return self._from_response(error)
        # the package wraps what happens in a stream, but not in the body of an error
        if isinstance(error, openai.APITimeoutError | httpx2.TimeoutException):
            return self._timed_out(chain)
        if isinstance(error, openai.APIConnectionError | httpx2.HTTPError | httpx2.InvalidURL):
            return self._broken()
        if isinstance(error, openai.APIError):
            return self.from_payload(error.body or {"message": error.message})
        if isinstance(error, ValueError | RecursionError):
            # JSON, UTF-8 and SSE decoding all raise kinds of ValueError
            return StreamMalformed(f"{self._name} sent a piece that cannot be read.")
        return None

    def from_payload(self, payload: Any) -> EngineError:
        """Return the error that a decoded error object of a stream or a body describes."""
        message = provider_message(payload) or _any_sentence(payload) or "no reason given"
        message = self.redact(message)
        return self._by_status(_status_in(payload) or 500, message, payload)

    def redact(self, text: str) -> str:
        """Return `text` without any key, and not longer than shown."""
        text = self.redactor.clean(text)
        return text if len(text) <= _MESSAGE_LIMIT else text[: _MESSAGE_LIMIT - 1] + "…"

    def _from_response(self, error: "APIStatusError") -> EngineError:
        response = error.response
        if response.status_code in {301, 302, 303, 307, 308}:
            return self._redirected(str(response.url), response.headers.get("location", ""))
        status, payload = response.status_code, error.body
        if payload is None or isinstance(payload, str):
            payload = decoded(response.content)
        message = self.redact(provider_message(payload))
        message = message or f"HTTP {status} without an explanation"
        return self._by_status(status, message, payload, response.headers.get("retry-after"))

    def _redirected(self, url: str, location: str) -> EngineError:
        try:
            target = urlsplit(urljoin(url, location))
            where = f"to {target.scheme}://{target.netloc}" if target.netloc else "elsewhere"
        except ValueError:
            where = "to something that is not an address"
        return StreamInvalid(
            self.redact(f"{self._name} redirects {where}; the request was not sent there."),
            "Enter the address the service uses now, on the Providers page.",
        )

    def _by_status(
        self, status: int, message: str, payload: Any, retry_after: str | None = None
    ) -> EngineError:
        said = f"{self._name}: {message}"
        everything = f"{message} {_codes_of(payload)}"
        if status == 402 or (status in {400, 403, 429} and _NO_CREDIT.search(everything)):
            return QuotaExceeded(said)
        if status == 401 or (status in {400, 403} and _BAD_KEY.search(everything)):
            return AuthenticationFailed(said) if self._key else KeyMissing(said)
        if status == 403:
            return PermissionRefused(said)
        if status == 404:
            return ModelNotFound(said, _not_found_hint(everything))
        if status == 408:
            return TimedOut(said)
        if status in {413, 429} and _is_over_allowance(message):
            return ContextOverflow(
                said, "Shorten the prompt: it is more than your account may send in a minute."
            )
        if status == 429:
            seconds = wait_s(retry_after, message)
            limited = RateLimited(said, _wait_hint(seconds))
            limited.retry_after_s = seconds
            return limited
        if status in {400, 413, 422, 500} and _OVERFLOW.search(everything):
            return ContextOverflow(said)
        if status in {400, 422} and _NO_MODEL.search(everything):
            return ModelNotFound(said)
        if 400 <= status < 500:
            return RequestRejected(said, _TOO_LARGE if status == 413 else None)
        if status < 400:
            return StreamInvalid(said)
        return ProviderFailed(said, _wait_hint(wait_s(retry_after)))

    def _timed_out(self, chain: tuple[BaseException, ...]) -> EngineError:
        if any("Connect" in type(cause).__name__ for cause in chain[1:]):
            return TimedOut(
                f"{self._host} did not take the connection within {self._timeouts.connect_s:g} s."
            )
        return TimedOut(
            f"{self._name} sent nothing for {self._timeouts.read_s:g} s.",
            "Run it again. A model that is still being loaded there can take minutes.",
        )

    def _broken(self) -> EngineError:
        return ConnectionFailed(
            f"The connection to {self._host} broke.",
            "What arrived before is kept. Check the internet connection and run it again.",
        )


_SENTENCE_FIELDS = (
    "error",
    "errors",  # Cloudflare; ASP.NET: field → sentences
    "message",
    "detail",  # FastAPI, problem details (RFC 9457)
    "msg",
    "error_description",
    "error_message",
    "error_msg",
    "errmsg",
    "reason",
    "title",
)
"""Where the sentence of an error stands, the fullest first."""


def provider_message(payload: Any) -> str:
    """Return the sentence in an error body, whichever of the usual shapes it has."""
    if isinstance(payload, str):
        packed = decoded(payload.encode("utf-8", "replace")) if payload[:1] in {"{", "["} else ""
        return (provider_message(packed) if isinstance(packed, dict | list) else "") or _plain(
            payload
        )
    if isinstance(payload, list):
        return "; ".join(filter(None, (provider_message(item) for item in payload[:3])))
    if not isinstance(payload, dict):
        return ""
    payload = {name[:1].lower() + name[1:]: value for name, value in payload.items()}
    said = next(filter(None, (provider_message(payload.get(n)) for n in _SENTENCE_FIELDS)), "")
    if not said and payload and all(isinstance(value, list) for value in payload.values()):
        said = provider_message([value for values in payload.values() for value in values])
    place = payload.get("loc")
    if said and isinstance(place, list):  # pydantic, whose sentence names no field
        said = f"{said} ({'.'.join(map(str, place))})"
    return f"{said}: {upstream}" if (upstream := _upstream_message(payload)) else said


def _any_sentence(payload: Any) -> str:
    """Return the first text of several words in an error that has none in the usual places."""
    if isinstance(payload, str):
        return _plain(payload) if " " in payload.strip() else ""
    if isinstance(payload, dict):
        payload = list(payload.values())
    found = map(_any_sentence, payload) if isinstance(payload, list) else ()
    return next(filter(None, found), "")


def _upstream_message(payload: dict[str, Any]) -> str:
    """Return what the service behind OpenRouter said: its own sentence says only that it did.

    https://openrouter.ai/docs/api-reference/errors
    """
    metadata = payload.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    return provider_message(decoded(raw.encode()) if isinstance(raw, str) else raw)


def decoded(body: bytes) -> Any:
    """Return a body as JSON where it is JSON, else as text."""
    text = body[:65536].decode("utf-8-sig", "replace")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


_PAGE = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--(?:(?!-->).)*-->\s*)*<(?:!doctype html|html|head|body)\b",
    re.IGNORECASE | re.DOTALL,
)
_XML = re.compile(r"<(\?xml\b|([a-z][\w.:-]*)[^<>]*>.*</\2>\s*$)", re.IGNORECASE | re.DOTALL)
_XML_SENTENCES = tuple(
    re.compile(rf"<(?:\w+:)?{name}\b[^<>]*>([^<]*[^<\s][^<]*)<", re.IGNORECASE)
    for name in ("message", "faultstring", "detail", "title")
)
"""S3 and Azure, SOAP, and problem details."""


def _plain(text: str) -> str:
    text = text.strip()
    if _PAGE.match(text):
        title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
        return f"{WEB_PAGE}, “{' '.join(title[1].split())}”" if title else WEB_PAGE
    if _XML.match(text):
        found = next(filter(None, (pattern.search(text) for pattern in _XML_SENTENCES)), None)
        text = unescape(found[1] if found else re.sub(r"<[^<>]*>", " ", text))
    return visible_line(text)


def _status_in(payload: Any) -> int | None:
    """Return the HTTP status an error object names, as a number or by a usual code."""
    if isinstance(payload, list):
        return _status_in(payload[0]) if payload else None
    if not isinstance(payload, dict):
        return None
    for name in ("code", "status", "status_code", "statusCode", "type"):
        value = payload.get(name)
        if isinstance(value, str):
            value = int(value) if value.isdigit() else _CODES.get(value)
        if isinstance(value, int) and 400 <= value < 600:
            return value
    return _status_in(payload.get("error"))


def _codes_of(payload: Any) -> str:
    if isinstance(payload, list):
        return " ".join(_codes_of(item) for item in payload[:3])
    if not isinstance(payload, dict):
        return ""
    own = " ".join(str(payload.get(name) or "") for name in ("code", "type", "status"))
    return f"{own} {_codes_of(payload.get('error'))}"


def _not_found_hint(text: str) -> str | None:
    if "model" in text.lower():
        return None
    return "Check the model's name, and the provider's address: most end in /v1."


def _is_over_allowance(message: str) -> bool:
    found = _OVER_ALLOWANCE.search(message)
    return found is not None and int(found[2]) > int(found[1])


def _wait_hint(seconds: float | None) -> str | None:
    return None if seconds is None else f"Wait {wait_words(seconds)} and run it again."
