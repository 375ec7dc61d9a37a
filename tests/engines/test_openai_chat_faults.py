"""Everything a provider or the network can do wrong, under the name a person gets to see."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import aclosing

import pytest

from playground.core.chat import ChatRequest, Message, Role
from playground.core.events import Failed, StreamEvent, TextDelta
from playground.core.targets import CloudTarget, Provider
from playground.engines.openai.client import Timeouts
from playground.engines.openai.engine import OpenAIChatEngine
from tests.servers.scripted_openai import (
    Piece,
    Reply,
    ScriptedOpenAI,
    Stream,
    chunk,
    event,
    text,
)

KEY = "sk-planted-0123456789"
REQUEST = ChatRequest((Message(Role.USER, "Hi"),))
START = text("Good", " start", finish=None)


@pytest.fixture
def cloud() -> Iterator[ScriptedOpenAI]:
    with ScriptedOpenAI() as server:
        yield server


def engine_at(base_url: str, key: str | None = KEY, **timeouts: float) -> OpenAIChatEngine:
    target = CloudTarget(Provider("lab", "Lab", base_url), "m")
    return OpenAIChatEngine(target, key, Timeouts(**timeouts))


async def failure(engine: OpenAIChatEngine) -> tuple[Failed, str]:
    events: list[StreamEvent] = [each async for each in engine.stream(REQUEST)]
    assert isinstance(events[-1], Failed)
    kept = "".join(each.text for each in events if isinstance(each, TextDelta))
    return events[-1], kept


DEEP = "[" * 100_000


@pytest.mark.parametrize(
    ("script", "kind", "kept", "said"),
    [
        (Stream([]), "StreamEmpty", "", "empty"),
        (Stream([], done=False), "StreamEmpty", "", "empty"),
        (Stream(START, done=False), "StreamTruncated", "Good start", "before it was finished"),
        (Stream(START, reset=True), "ConnectionFailed", "Good start", "broke"),
        (Stream([*START, event('{"choices": [')]), "StreamMalformed", "Good start", "read"),
        (Stream([*START, event(DEEP)]), "StreamMalformed", "Good start", "read"),
        (Stream([*START, Piece(b"data: \xff\xfe\n\n")]), "StreamMalformed", "Good start", "read"),
        (
            Stream([*START, event({"error": {"message": "GPU on fire", "code": 502}})]),
            "ProviderFailed",
            "Good start",
            "GPU on fire",
        ),
        (
            Stream([*START, event({"error": "plain words"})]),
            "ProviderFailed",
            "Good start",
            "plain words",
        ),
        (
            Stream([*START, event({"error": {"message": "slow down", "code": 429}})]),
            "RateLimited",
            "Good start",
            "slow down",
        ),
        (
            Stream([event({"error": {"message": "no", "code": "insufficient_quota"}})]),
            "QuotaExceeded",
            "",
            "no",
        ),
        (
            Stream([*START, event({"object": "error", "message": "too long", "code": 400})]),
            "RequestRejected",
            "Good start",
            "too long",
        ),
        (
            Stream([*START, Piece(b'event: error\ndata: {"error": {"message": "gone"}}\n\n')]),
            "ProviderFailed",
            "Good start",
            "gone",
        ),
        (Stream([*START, chunk(finish="error")]), "ProviderFailed", "Good start", "broke"),
        (
            Reply(200, {"error": {"message": "model is asleep"}}),
            "ProviderFailed",
            "",
            "model is asleep",
        ),
        (
            Reply(200, "<html><title>Hotel Wi-Fi</title>", content_type="text/html"),
            "StreamInvalid",
            "",
            "Hotel Wi-Fi",
        ),
        (Reply(200, {"choices": []}), "StreamInvalid", "", "application/json"),
        (Reply(200, b"\x00\x01", content_type="image/png"), "StreamInvalid", "", ""),
    ],
)
async def test_a_broken_stream_has_a_name_and_what_came_before_is_kept(
    cloud, script, kind, kept, said
):
    cloud.script(script)
    failed, text_so_far = await failure(engine_at(cloud.base_url))
    assert failed.error.kind == kind
    assert text_so_far == kept
    assert said in failed.error.message
    assert failed.error.hint


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (401, {"error": {"message": "bad key", "code": "invalid_api_key"}}, "AuthenticationFailed"),
        (400, [{"error": {"message": "API key not valid."}}], "AuthenticationFailed"),
        (403, {"error": {"message": "not for you"}}, "PermissionRefused"),
        (402, {"error": {"message": "pay first"}}, "QuotaExceeded"),
        (429, {"error": {"message": "x", "code": "insufficient_quota"}}, "QuotaExceeded"),
        (404, {"error": {"message": "The model m does not exist"}}, "ModelNotFound"),
        (429, {"error": {"message": "too fast"}}, "RateLimited"),
        (400, {"error": {"message": "no such thing"}}, "RequestRejected"),
        (422, {"detail": "no such thing"}, "RequestRejected"),
        (
            400,
            {"error": {"message": "too long", "code": "context_length_exceeded"}},
            "ContextOverflow",
        ),
        (413, {"message": "prompt is too long: 9 tokens > 8 maximum"}, "ContextOverflow"),
        (
            400,
            {"error": {"message": "maximum context length is 8; lower max_tokens"}},
            "ContextOverflow",
        ),
        (500, {"error": {"message": "boom"}}, "ProviderFailed"),
        (503, "upstream connect error", "ProviderFailed"),
        (529, {"type": "error", "error": {"message": "Overloaded"}}, "ProviderFailed"),
    ],
)
async def test_each_status_has_its_name_and_the_providers_own_words(cloud, status, error, kind):
    cloud.script(Reply(status, error))
    failed, _ = await failure(engine_at(cloud.base_url))
    assert failed.error.kind == kind
    words = json.dumps(error)
    assert failed.error.message.removeprefix("Lab: ") in words
    assert len(cloud.requests) == 1, "nothing is tried again behind the person's back"


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize(
    ("ending", "kind"),
    [({"reset": True}, "ConnectionFailed"), ({"hang": threading.Event()}, "TimedOut")],
)
async def test_a_body_that_breaks_off_is_a_named_error(cloud, status, ending, kind):
    body = [Piece(b'{"error": "half a sen')]
    cloud.script(Stream(body, content_type="application/json", status=status, **ending))
    failed, _ = await failure(engine_at(cloud.base_url, read_s=0.3))
    assert failed.error.kind == kind


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (
            400,
            "The input token count (12) exceeds the maximum number of tokens allowed (8).",
            "ContextOverflow",
        ),
        (400, "the request exceeds the available context size", "ContextOverflow"),
        (
            422,
            "Prompt has 40 tokens, too large for 32 maximum context length",
            "ContextOverflow",
        ),
        (400, "This model's maximum prompt length is 8 but it has 9 tokens.", "ContextOverflow"),
        (422, "`inputs` must have less than 1024 tokens. Given: 2000", "ContextOverflow"),
        (400, "`inputs` tokens + `max_new_tokens` must be <= 4097", "ContextOverflow"),
        (400, "Prompt exceeds max length", "ContextOverflow"),
        (413, "Request too large (TPM): Limit 6000, Requested 21034", "ContextOverflow"),
        (429, "Request too large (TPM): Limit 6000, Requested 21034", "ContextOverflow"),
        (429, "Rate limit (TPM): Limit 6000, Used 5900, Requested 200", "RateLimited"),
        (413, "the upload is refused", "RequestRejected"),
        (400, "max_tokens must be at most 8192", "RequestRejected"),
        (400, "The requested model 'foo' does not exist", "ModelNotFound"),
        (400, "foo/bar is not a valid model ID", "ModelNotFound"),
        (400, "Model Not Exist", "ModelNotFound"),
        (400, "Invalid model: foo", "ModelNotFound"),
        (400, "The model `foo` has been decommissioned", "ModelNotFound"),
        (422, "model 'foo' not found, make sure the correct model ID was used", "ModelNotFound"),
        (404, "No endpoints found for foo/bar.", "ModelNotFound"),
        (404, "models/foo is not found for API version v1main", "ModelNotFound"),
        (400, "This model does not support tools", "RequestRejected"),
    ],
)
async def test_each_providers_words_for_an_overflow_and_a_missing_model_are_known(
    cloud, status, message, kind
):
    cloud.script(Reply(status, {"error": {"message": message}}))
    failed, _ = await failure(engine_at(cloud.base_url))
    assert failed.error.kind == kind
    assert failed.error.message == f"Lab: {message}"


async def test_a_prompt_above_what_a_minute_allows_is_not_told_to_wait(cloud):
    cloud.script(Reply(413, {"error": {"message": "Limit 6000, Requested 21034"}}))
    failed, _ = await failure(engine_at(cloud.base_url))
    assert "Shorten the prompt" in failed.error.hint


async def test_the_sentence_of_the_service_behind_openrouter_is_shown(cloud):
    raw = json.dumps({"error": {"message": f"prompt is too long for {KEY}"}})
    error = {"message": "Provider returned error", "code": 400}
    for given in (raw, json.loads(raw)):
        cloud.script(Reply(400, {"error": {**error, "metadata": {"raw": given}}}))
        failed, _ = await failure(engine_at(cloud.base_url))
        assert failed.error.kind == "ContextOverflow"
        assert failed.error.message == (
            "Lab: Provider returned error: prompt is too long for [key]"
        )


async def test_a_body_that_is_not_compressed_as_it_says_is_a_named_error(cloud):
    cloud.script(Reply(200, b"never packed", {"Content-Encoding": "gzip"}, "text/event-stream"))
    failed, _ = await failure(engine_at(cloud.base_url))
    assert failed.error.kind == "StreamMalformed"
    assert "compressed" in failed.error.message


@pytest.mark.parametrize("location", ["http://[::1", "//[", "", "https://h:99999/"])
async def test_a_redirect_to_what_is_no_address_is_a_named_error(cloud, location):
    cloud.script(Reply(307, "", {"Location": location}))
    failed, _ = await failure(engine_at(cloud.base_url))
    assert failed.error.kind == "StreamInvalid"
    assert "redirects" in failed.error.message


async def test_a_redirect_without_a_scheme_names_the_whole_address(cloud):
    cloud.script(Reply(307, "", {"Location": "//elsewhere.example/v1"}))
    failed, _ = await failure(engine_at(cloud.base_url))
    assert "to http://elsewhere.example;" in failed.error.message


async def test_a_missing_key_is_told_from_a_wrong_one(cloud):
    cloud.script(Reply(401, {"error": {"message": "key, please"}}))
    failed, _ = await failure(engine_at(cloud.base_url, key=None))
    assert failed.error.kind == "KeyMissing"


async def test_the_hint_says_how_long_to_wait(cloud):
    cloud.script(Reply(429, {"error": {"message": "too fast"}}, {"Retry-After": "17"}))
    failed, _ = await failure(engine_at(cloud.base_url))
    assert "17 s" in failed.error.hint


S3 = (
    "<?xml version='1.0'?>\n"
    "<Error><Code>AccessDenied</Code><Message>Access &amp; all</Message></Error>"
)
SOAP = (
    "<s:Envelope><s:Body><s:Fault><faultstring>No such</faultstring></s:Fault></s:Body>"
    "</s:Envelope>"
)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        ({"error": "no"}, "no"),
        ({"error": {"message": "no"}}, "no"),
        ({"message": "no"}, "no"),
        ({"errors": [{"code": 7003, "message": "no"}], "messages": [], "result": None}, "no"),
        ({"errors": ["no", "and no"]}, "no; and no"),
        ({"errors": "no"}, "no"),
        ({"detail": "no"}, "no"),
        (
            {"detail": [{"type": "missing", "loc": ["body", "model"], "msg": "Field required"}]},
            "Field required (body.model)",
        ),
        ({"type": "about:blank", "title": "Refused", "detail": "no", "status": 418}, "no"),
        ({"type": "about:blank", "title": "Refused", "status": 418}, "Refused"),
        ({"title": "One or more errors", "errors": {"Model": ["no"]}}, "no"),
        ([{"error": {"message": "no"}}], "no"),
        (
            {"error": {"message": "Upstream", "metadata": {"raw": '{"detail": "no"}'}}},
            "Upstream: no",
        ),
        (S3, "Access & all"),
        ("\ufeff" + S3, "Access & all"),
        (SOAP, "No such"),
        ("<error><message lang='en'> no\nway </message></error>", "no way"),
        ("<problem><title>Refused</title><detail>no</detail></problem>", "no"),
        ("<error>no</error>", "no"),
        ("<?xml version='1.0'?><error/>", "HTTP 418 without an explanation"),
        ('\ufeff{"error": "no"}', "no"),
        ("no", "no"),
        ("a < b and c > d", "a < b and c > d"),
        ("<unknown> is no model", "<unknown> is no model"),
        ("", "HTTP 418 without an explanation"),
        ({}, "HTTP 418 without an explanation"),
        ("<html><head><title>No way</title></head></html>", "a web page, “No way”"),
        ("<?xml version='1.0'?><!DOCTYPE html><html><body>x</body></html>", "a web page"),
    ],
)
async def test_the_sentence_of_an_error_is_found_in_every_usual_shape(cloud, error, sentence):
    cloud.script(Reply(418, error))
    failed, _ = await failure(engine_at(cloud.base_url))
    assert failed.error.message == f"Lab: {sentence}"


async def test_an_error_as_xml_within_a_stream_is_shown(cloud):
    cloud.script(Stream([event("<Error><Message>no more</Message></Error>")]))
    failed, _ = await failure(engine_at(cloud.base_url))
    assert failed.error.message == "Lab: no more"


async def test_a_web_page_in_place_of_an_error_is_not_shown_as_html(cloud):
    page = "<!DOCTYPE html><html><title>502 Bad Gateway</title><script>x</script>"
    cloud.script(Reply(502, page, content_type="text/html"))
    failed, _ = await failure(engine_at(cloud.base_url))
    assert "502 Bad Gateway" in failed.error.message
    assert "<" not in failed.error.message


@pytest.mark.parametrize(
    "script",
    [
        Reply(401, {"error": {"message": f"Incorrect API key provided: {KEY}"}}),
        Reply(400, {"error": {"message": f"header was 'Bearer {KEY}'"}}),
        Stream([event({"error": {"message": f"rejected {KEY}"}})]),
        Reply(200, {"error": f"what is {KEY}"}),
        Reply(307, "", {"Location": f"https://elsewhere.example/?key={KEY}"}),
    ],
)
async def test_a_key_that_is_echoed_is_not_shown(cloud, script, caplog):
    caplog.set_level("DEBUG")
    cloud.script(script)
    failed, _ = await failure(engine_at(cloud.base_url))
    assert KEY not in repr(failed)
    assert KEY not in caplog.text


async def test_a_key_that_cannot_be_sent_is_refused_without_showing_it(cloud):
    failed, _ = await failure(engine_at(cloud.base_url, key="sk-schlüssel\nX: y"))
    assert failed.error.kind == "AuthenticationFailed"
    assert "schl" not in repr(failed)
    assert not cloud.requests


async def test_a_redirect_does_not_take_the_key_elsewhere(cloud):
    with ScriptedOpenAI() as elsewhere:
        cloud.script(Reply(307, "", {"Location": f"{elsewhere.base_url}/chat/completions"}))
        failed, _ = await failure(engine_at(cloud.base_url))
        assert failed.error.kind == "StreamInvalid"
        assert "redirects" in failed.error.message
        assert not elsewhere.requests


async def test_a_server_that_is_not_there_is_said_not_to_answer():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    failed, _ = await failure(engine_at(f"http://127.0.0.1:{port}/v1"))
    assert failed.error.kind == "ConnectionFailed"
    assert f"127.0.0.1:{port}" in failed.error.message
    assert failed.hosts == (), "nothing was sent"


async def test_a_server_without_tls_behind_an_https_address_is_a_named_error(cloud):
    url = cloud.base_url.replace("http://", "https://")
    failed, _ = await failure(engine_at(url))
    assert failed.error.kind == "ConnectionFailed"
    assert not cloud.requests


async def test_silence_in_mid_answer_ends_the_run(cloud):
    cloud.script(Stream(START, hang=threading.Event()))
    failed, kept = await failure(engine_at(cloud.base_url, read_s=0.3))
    assert failed.error.kind == "TimedOut"
    assert kept == "Good start"


async def test_a_break_after_the_finish_reason_loses_nothing(cloud):
    cloud.script(Stream(text("All", " there"), reset=True))
    events = [each async for each in engine_at(cloud.base_url).stream(REQUEST)]
    assert events[-1].finish_reason == "stop"


async def test_leaving_the_stream_closes_the_connection_at_once(cloud):
    cloud.script(Stream(START, hang=threading.Event()))
    async with aclosing(engine_at(cloud.base_url).stream(REQUEST)) as events:
        async for each in events:
            if isinstance(each, TextDelta):
                break
    assert await asyncio.to_thread(cloud.disconnected.wait, 10)


async def test_cancelling_before_the_first_word_closes_the_connection(cloud):
    cloud.script(Stream([], hang=threading.Event()))

    async def consume() -> None:
        async with aclosing(engine_at(cloud.base_url).stream(REQUEST)) as events:
            async for _ in events:
                pass

    task = asyncio.create_task(consume())
    await asyncio.to_thread(cloud.asked.wait, 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(cloud.disconnected.wait, 10)
