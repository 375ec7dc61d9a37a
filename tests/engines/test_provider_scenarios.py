"""What becomes of everything a provider was seen to answer, over real HTTP."""

import asyncio
import json
import time
import tracemalloc
from collections.abc import Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import pytest

from playground.core.chat import ChatRequest, Message, Role, SamplingParams
from playground.core.codec import encode
from playground.core.events import Failed, Finished, StreamEvent, TextDelta
from playground.core.fold import RunFold
from playground.core.metrics import Figure, figures
from playground.core.runs import CutShort, Provenance, Run, RunStatus, TokenUsage
from playground.core.targets import CloudTarget, Provider
from playground.engines.openai.client import DEFAULT_TIMEOUTS, MOST_REFUSAL_BYTES, Timeouts
from playground.engines.openai.engine import OpenAIChatEngine
from playground.engines.openai.sse import MOST_EVENT_BYTES
from tests.servers.provider_scenarios import (
    ANSWER,
    MANY,
    MEGABYTE,
    NUMBERS,
    SCENARIOS,
    SCRIPTS,
    SENTENCE,
    STATUSES,
    STYLES,
    THOUGHT,
    TIMED,
    TIMES,
    Asked,
    ScenarioServer,
)

KEY = "sk-planted-7f3a9cQZ-0123456789abcdef"
LOST = "\ufffd"
UNKNOWN = (None, None, None)
AFTER_S = 0.2
HASTY = Timeouts(read_s=0.4, word_s=0.3, refusal_s=0.2)
"""Limits for scenarios that reach one."""


@dataclass(frozen=True)
class Outcome:
    """What a run amounts to; without `error` it is finished."""

    text: str = ANSWER
    finish: str | None = "stop"
    counts: tuple[int | None, int | None, int | None] = (11, 4, None)
    """Tokens of the prompt, of all that was written, and of the thinking in it."""
    reasoning: str = ""
    error: str = ""
    said: str = ""
    """A word of the notice, or of the error's message; empty where no notice is due."""
    hint: str = ""
    cached: int | None = None
    cost_usd: float | None = None
    requests: int = 1
    limits: Timeouts = DEFAULT_TIMEOUTS
    sampling: Mapping[str, Any] = field(default_factory=dict)


def failed(error: str, said: str, text: str = "", hint: str = "", **more: Any) -> Outcome:
    counts = more.pop("counts", UNKNOWN)
    return Outcome(text, None, counts, error=error, said=said, hint=hint, **more)


def thought(
    text: str = ANSWER,
    reasoning: str = THOUGHT,
    finish: str = "stop",
    counts: tuple[int | None, int | None, int | None] = (11, 8, 4),
    said: str = "",
) -> Outcome:
    return Outcome(text, finish, counts, reasoning, said=said)


OK = Outcome()
NO_COUNTS = Outcome(counts=UNKNOWN)
HALF = "One two"

ENDS = {
    "ok": OK,
    "silent": failed("TimedOut", "sent nothing", limits=Timeouts(read_s=0.2)),
    "silent_headers": failed("TimedOut", "sent no", limits=HASTY),
    "silent_mid": failed("TimedOut", "sent no", HALF, limits=HASTY),
    "silent_after_finish": Outcome(counts=UNKNOWN, limits=Timeouts(after_finish_s=AFTER_S)),
    "silent_after_done": OK,
    "keepalive_forever": failed("TimedOut", "no word", limits=HASTY),
    "reset_mid": failed("ConnectionFailed", "broke", HALF),
    "reset_before_bytes": failed("ConnectionFailed", "broke"),
    "reset_after_headers": failed("ConnectionFailed", "broke"),
    "reset_after_finish": Outcome(counts=UNKNOWN, said="the connection broke"),
    "close_before_bytes": failed("ConnectionFailed", "broke"),
    "close_mid_chunked": failed("ConnectionFailed", "broke", HALF),
    "close_mid_event": failed("StreamTruncated", "before it was finished", "One"),
    "close_no_finish": failed("StreamTruncated", "before it was finished", ANSWER),
    "done_no_blank_line": OK,
    "last_event_no_blank_line": OK,
    "no_finish_done": Outcome(finish=""),
    "done_no_finish": Outcome(finish="", counts=UNKNOWN),
    "finish_no_done": OK,
    "finish_no_done_no_usage": NO_COUNTS,
    "finish_with_last_text": OK,
    "empty_stream": failed("StreamEmpty", "empty"),
    "empty_stream_close": failed("StreamEmpty", "empty"),
    "done_only": failed("StreamEmpty", "empty"),
    "done_first": failed("StreamEmpty", "empty"),
    "done_in_quotes": Outcome(finish="", counts=UNKNOWN),
    "done_without_brackets": Outcome(finish="", counts=UNKNOWN),
    "done_without_field": Outcome(finish="", counts=UNKNOWN),
    "done_event": Outcome(finish="", counts=UNKNOWN),
    "done_event_empty": Outcome(finish="", counts=UNKNOWN),
    "dripping_headers": failed("TimedOut", "no word", limits=HASTY),
    "white_space_forever": failed("TimedOut", "no word", limits=HASTY),
    "only_role_then_stop": Outcome("", counts=UNKNOWN, said="no word"),
    "only_blank": Outcome("\n\n", said="no word"),
    "only_stop_usage0": Outcome("", counts=(11, 0, None), said="no word"),
}
BYTES = {
    "drip": OK,
    "utf8_split": Outcome(f"{SCRIPTS} end"),
    "lone_surrogate": Outcome(f"a{LOST} b"),
    "surrogates": Outcome("Hi 😀 bye"),
    "nul_in_text": Outcome("a\0b\x1b[31mred\x07"),
    "invalid_utf8": Outcome(f"One{LOST}{LOST}"),
    "huge_event": Outcome("x" * 2 * MEGABYTE + " end", counts=(11, None, None)),
    "huge_comment": OK,
    "endless_line": failed("StreamInvalid", "without an end", "One"),
    "fast20k": Outcome("".join(NUMBERS), counts=(11, MANY, None)),
    "comments20": OK,
    "crlf": OK,
    "cr": OK,
    "bom": OK,
    "no_space": OK,
    "done_trailing_space": OK,
    "done_lower": OK,
    "multiline": OK,
    "indented": OK,
    "id_retry_lines": OK,
    "retry_first_blank": OK,
    "event_ping_blank": OK,
    "data_empty": OK,
    "data_null": OK,
    "blank_lines_between": OK,
    "single_newlines": OK,
    "event_error": failed("ProviderFailed", "Upstream overloaded", HALF),
    "event_error_anthropic": failed("ProviderFailed", "Overloaded", HALF),
    "event_error_code": failed("ProviderFailed", "Worker pool exhausted", HALF),
    "event_error_string": failed("ProviderFailed", "Internal server error", HALF),
    "event_error_words": failed("ProviderFailed", "out of memory", HALF),
    "event_error_then_done": failed("ProviderFailed", "kaputt", HALF),
    "event_ping": OK,
    "event_thread": OK,
    "bom_each": OK,
    "nul_first": OK,
    "indented_fields": OK,
    "upper_fields": OK,
    "data_twice": OK,
    "ping_in_words": OK,
    "event_in_words": Outcome(said="not understood"),
    "event_error_capitals": failed("ProviderFailed", "GPU on fire", HALF),
    "event_exception": failed("ProviderFailed", "GPU on fire", HALF),
    "event_error_json_text": failed("ProviderFailed", ": GPU on fire", HALF),
    "surrogate_halves_apart": Outcome(f"{LOST}b", reasoning=f"a{LOST}"),
}
IN_ONE_PIECE = "in one piece"
BODIES = {
    "html_200": failed("StreamInvalid", "Log in to Hotel Wi-Fi"),
    "html_200_in_pieces": failed("StreamInvalid", "Log in to Hotel Wi-Fi"),
    "json_error_list_200": failed("RateLimited", "slow down"),
    "json_after_blank_lines": Outcome(said=IN_ONE_PIECE),
    "json_chunks_200": Outcome(said=IN_ONE_PIECE),
    "json_endless_200": failed("StreamInvalid", "sent no answer stream"),
    "html_200_as_sse": failed("StreamInvalid", "Log in to Hotel Wi-Fi"),
    "json_error_200": failed("ProviderFailed", "model is asleep"),
    "json_error_200_429": failed("RateLimited", "slow down"),
    "json_completion_200": Outcome(said=IN_ONE_PIECE),
    "message_instead_of_delta": OK,
    "sse_no_ctype": OK,
    "sse_text_plain": OK,
    "sse_json_ctype": OK,
    "sse_charset": OK,
    "sse_upper_ctype": OK,
    "sse_latin1": Outcome(SCRIPTS),
    "ndjson": failed("StreamTruncated", "before it was finished", HALF),
    "ndjson_whole": Outcome(said=IN_ONE_PIECE),
    "text_200": failed("StreamInvalid", "upstream connect error"),
    "utf16_200": failed("StreamTruncated", "before it was finished", "One"),
    "only_comments": failed("StreamEmpty", "empty"),
    "gemini_native": failed("StreamInvalid", "not understood"),
    "gemini_native_done": Outcome("", finish="", counts=UNKNOWN, said="not understood"),
    "anthropic_native": failed("StreamInvalid", "not understood"),
    "ollama_native": Outcome(HALF, finish="", counts=UNKNOWN, said=IN_ONE_PIECE),
    "ollama_native_cut": failed("StreamTruncated", "before it was finished", "One"),
    "empty_200": failed("StreamEmpty", "empty"),
    "status_204": failed("StreamEmpty", "empty"),
    "utf16_json": Outcome(said=IN_ONE_PIECE),
    "latin1_json": Outcome("Zürich", said=IN_ONE_PIECE),
    "json_in_json": Outcome(said=IN_ONE_PIECE),
    "json_after_bom": Outcome(said=IN_ONE_PIECE),
    "json_then_done": Outcome(said=IN_ONE_PIECE),
    "html_after_comment": failed("StreamInvalid", "Log in to Hotel Wi-Fi"),
    "anthropic_whole": failed("StreamInvalid", "sent no answer stream"),
}
LATE_TROUBLE = "After the answer was complete"
ERRORS = {
    "error_mid": failed("ProviderFailed", "GPU on fire", HALF),
    "error_mid_string": failed("ProviderFailed", "GPU on fire", HALF),
    "error_mid_429": failed("RateLimited", "slow down", HALF),
    "error_mid_openrouter": failed("ProviderFailed", "Provider disconnected", HALF),
    "error_in_choice": failed("ProviderFailed", "Upstream timed out", HALF),
    "error_null_field": OK,
    "error_mid_detail": failed("ProviderFailed", "worker died", HALF),
    "error_mid_code_str": failed("RateLimited", "Rate limit reached", HALF),
    "error_mid_ctx": failed("ContextOverflow", "8192"),
    "error_html_in_event": failed("StreamMalformed", "502 Bad Gateway", HALF),
    "error_empty_message": failed("ProviderFailed", "no reason given", HALF),
    "error_nested_json": failed("RequestRejected", "inner", HALF),
    "error_openrouter_metadata": failed("RateLimited", "model is overloaded", HALF),
    "error_only": failed("ProviderFailed", "model is overloaded"),
    "error_after_finish": Outcome(counts=UNKNOWN, said="too late"),
    "error_in_one_write": failed("ProviderFailed", "GPU on fire", HALF),
    "error_with_text": failed("ProviderFailed", "GPU on fire", HALF),
    "error_empty_field": OK,
    "error_mid_detail_object": failed("ProviderFailed", "worker died", HALF),
    "error_mid_list": failed("ProviderFailed", "worker died", HALF),
    "error_mid_minimax": failed("ProviderFailed", "insufficient balance", HALF),
    "error_bare": failed("ProviderFailed", "no reason given", HALF),
    "error_in_list": failed("ProviderFailed", "GPU on fire", HALF),
    "error_raw": failed("ProviderFailed", "GPU on fire", HALF),
    "event_error_empty": failed("ProviderFailed", "no reason given", HALF),
    "error_field": failed("ProviderFailed", "GPU on fire", HALF),
    "error_at_the_end": failed("ProviderFailed", "GPU on fire", HALF),
    "bad_json_in_one_write": failed("StreamMalformed", "cannot be read", HALF),
    "bad_json_mid": failed("StreamMalformed", "cannot be read", HALF),
    "bad_json_nan": NO_COUNTS,
    "json_dup_keys": OK,
    "json_number": Outcome(said="not understood"),
    "json_bigint": Outcome(counts=UNKNOWN, said=LATE_TROUBLE),
    "json_deep": failed("StreamMalformed", "cannot be read", HALF),
    "fin_then_bad_json": Outcome(counts=UNKNOWN, said=LATE_TROUBLE),
    "error_words": failed("StreamMalformed", "“Error: GPU on fire”", HALF),
    "error_number": failed("ProviderFailed", "GPU on fire", HALF),
    "error_baidu": failed("ProviderFailed", "GPU on fire", HALF),
    "error_capitals": failed("ProviderFailed", "GPU on fire", HALF),
    "error_elsewhere": failed("ProviderFailed", "GPU on fire", HALF),
    "error_in_delta": failed("ProviderFailed", "GPU on fire", HALF),
    "error_x_groq": failed("ProviderFailed", "GPU on fire", HALF),
    "error_status_code": failed("RateLimited", "slow down", HALF),
}
FINISHES = {
    "fin_eos": Outcome(finish="eos"),
    "fin_length": Outcome(finish="length"),
    "fin_content_filter": Outcome(finish="content_filter"),
    "fin_tool_calls": Outcome(finish="tool_calls"),
    "fin_end_turn": Outcome(finish="end_turn"),
    "fin_MAX_TOKENS": Outcome(finish="MAX_TOKENS"),
    "fin_function_call": Outcome(finish="function_call"),
    "fin_insufficient_system_resource": Outcome(finish="insufficient_system_resource"),
    "fin_FINISH_REASON_STOP": Outcome(finish="FINISH_REASON_STOP"),
    "fin_empty": Outcome(finish=""),
    "fin_null": Outcome(finish=""),
    "fin_number": Outcome(finish=""),
    "fin_every_chunk_empty": OK,
    "fin_stop_every_chunk": OK,
    "fin_content_filter_empty": Outcome("", "content_filter", UNKNOWN, said="no word"),
    "fin_error": failed("ProviderFailed", "broke the answer off", HALF),
    "fin_error_in_one_write": failed("ProviderFailed", "broke the answer off", HALF),
    "fin_error_after_stop": Outcome(counts=UNKNOWN, said="broke the answer off"),
    "fin_abort": Outcome(HALF, "abort", UNKNOWN),
    **{
        f"fin_{reason}": Outcome(finish=reason)
        for reason in (
            *("SPII", "sensitive", "guardrail_intervened", "model_context_window_exceeded"),
            *("max_new_tokens", "pause_turn"),
        )
    },
    "fin_ERROR": failed("ProviderFailed", "broke the answer off", HALF),
    "fin_word_null": OK,
    "fin_word_null_cut": failed("StreamTruncated", "before it was finished", ANSWER),
    "fin_in_delta": OK,
    "fin_beside": OK,
    "fin_huge": Outcome(finish="x" * 100),
    "tool_name_huge": Outcome("", "tool_calls", UNKNOWN, said=f"“{'f' * 100}”"),
    "text_after_finish": OK,
    "text_after_done": OK,
    "tool_calls": Outcome("", "tool_calls", said="get_weather"),
    "refusal": Outcome("I cannot help."),
    "azure_prompt_filter_first": OK,
    "audio_delta": Outcome(HALF),
    "unknown_fields": OK,
}
USAGES = {
    "usage_missing": NO_COUNTS,
    "usage_twice": OK,
    "usage_every_chunk": OK,
    "usage_then_zero": OK,
    "usage_zero": NO_COUNTS,
    "usage_null": NO_COUNTS,
    "usage_negative": NO_COUNTS,
    "usage_absurd": NO_COUNTS,
    "usage_absurd_2_60": NO_COUNTS,
    "usage_float": OK,
    "usage_strings": OK,
    "usage_bool": NO_COUNTS,
    "usage_list": NO_COUNTS,
    "usage_empty_object": NO_COUNTS,
    "usage_only_completion": Outcome(counts=(None, 4, None)),
    "usage_only_prompt": Outcome(counts=(11, None, None)),
    "usage_only_total": NO_COUNTS,
    "usage_input_output_names": OK,
    "usage_cached": Outcome(counts=(2000, 4, None), cached=1920),
    "usage_cached_more_than_prompt": OK,
    "usage_cached_deepseek": Outcome(counts=(2000, 4, None), cached=1920),
    "usage_cost": Outcome(cost_usd=0.00042),
    "usage_cost_zero": Outcome(cost_usd=0.0),
    "usage_cost_string": Outcome(cost_usd=0.00042),
    "usage_cost_huge": OK,
    "usage_cost_byok": Outcome(cost_usd=0.00042),
    "usage_cost_object_perplexity": Outcome(cost_usd=0.2),
    "usage_x_groq": OK,
    "usage_in_choice_moonshot": OK,
    "usage_after_done": NO_COUNTS,
    "usage_cost_no_flag": Outcome(cost_usd=0.0004),
    "usage_cost_deepinfra": Outcome(cost_usd=0.00042),
    "usage_cached_anthropic": Outcome(counts=(2000, 4, None), cached=1900),
    "usage_cached_beside": Outcome(counts=(2011, 4, None), cached=2000),
    "usage_cached_litellm": Outcome(counts=(2000, 4, None), cached=1920),
    "usage_cached_mistral": Outcome(counts=(2000, 4, None), cached=1920),
    "usage_too_many_written": Outcome(counts=(11, None, None)),
    "usage_too_few_for_the_text": Outcome("word " * 2000, counts=(11, None, None)),
    "usage_in_delta": OK,
    "usage_ollama": Outcome(said=IN_ONE_PIECE),
    "usage_reasoning_negative_diff": Outcome(counts=(11, 54, 50)),
    "usage_reasoning_null": OK,
    "usage_xai": Outcome(counts=(32, 104, 100)),
    "usage_xai_cached": Outcome(counts=(10_120, 4_308, 2_809), cached=128),
    "usage_gemini": Outcome(counts=(20, 404, 400)),
    "usage_openai_reasoning": Outcome(counts=(32, 104, 100)),
    "llama_timings": OK,
}
SHAPES = {
    "content_parts": OK,
    "content_parts_strings": OK,
    "content_parts_reasoning": Outcome(reasoning="hmm"),
    "content_parts_thinking": Outcome(reasoning="hmm"),
    "content_object": OK,
    "content_parts_refusal": OK,
    "content_parts_value": OK,
    "content_parts_picture": Outcome("", said="not understood"),
    "picture_beside": Outcome(said="not understood"),
    "content_object_strange": Outcome("", said="not understood"),
    "message_string": OK,
    "choice_string": OK,
    "text_without_choices": Outcome("", said="not understood"),
    "content_null": OK,
    "content_number": Outcome(said="not understood"),
    "content_number_only": Outcome("", said="not understood"),
    "content_elsewhere": Outcome("", said="not understood"),
    "delta_missing": OK,
    "delta_null": OK,
    "delta_list": OK,
    "delta_string": OK,
    "choices_null": OK,
    "choices_empty": OK,
    "choices_missing": OK,
    "choices_object": OK,
    "choices_index1_extra": OK,
    "choices_index1_first": OK,
    "choices_index1_only": Outcome(finish=""),
    "choices_index1_whole": OK,
    "choices_index1_no_finish": Outcome(finish="", counts=UNKNOWN),
    "choices_index1_body": Outcome(finish="", said="in one piece"),
    "choices_index1_error": failed("ProviderFailed", "kaputt", HALF),
    "choices_index_string": OK,
    "choices_index_missing": OK,
    "legacy_text_completion": OK,
    "whole_once_more": OK,
    "message_by_message": OK,
    "perplexity": OK,
}
REASONINGS = {
    "reasoning_content": thought(),
    "reasoning": thought(),
    "reasoning_both_fields": thought(),
    "reasoning_object": thought(),
    "reasoning_details": thought(),
    "reasoning_and_details": thought(),
    "reasoning_details_encrypted": thought(reasoning=""),
    "reasoning_content_and_content_same_chunk": thought(),
    "reasoning_content_empty_strings": thought(),
    "reasoning_content_null": thought(),
    "reasoning_only": thought("", finish="length", said="only its thinking"),
    "think_tags": thought(),
    "think_tags_after_blank": thought(),
    "think_tags_split": thought(),
    "think_tags_magistral": thought(" ".join(ANSWER.split())),
    "think_closing_tag_alone": thought(),
    "think_never_closed": thought("", said="only its thinking"),
    "think_channels": thought(),
    "reasoning_tagged": thought(reasoning=f"{THOUGHT}\n"),
    "reasoning_tagged_split": thought(),
    "reasoning_tagged_magistral": thought(),
    "reasoning_closed_alone": thought(reasoning=f"{THOUGHT}\n"),
    "reasoning_never_closed": thought(),
    "reasoning_ends_like_a_tag": thought(reasoning=f"{THOUGHT} <"),
    "reasoning_about_tags": thought(reasoning="They write `</think>` after it"),
    "reasoning_text": thought(),
    "think_tags_capitals": thought(),
    "think_tags_attribute": thought(" ".join(ANSWER.split())),
    "think_tags_after_bom": thought(),
    "think_tags_twice": thought(),
    "think_tags_flood": Outcome(reasoning="x" * 3000, counts=(11, None, None)),
    "tags_like_code": Outcome("Use <think> in HTML"),
}
BY_STATUS = {
    400: "RequestRejected",
    401: "AuthenticationFailed",
    402: "QuotaExceeded",
    403: "PermissionRefused",
    404: "ModelNotFound",
    408: "TimedOut",
    429: "RateLimited",
}


def kind_of(status: int) -> str:
    return BY_STATUS.get(status, "RequestRejected" if status < 500 else "ProviderFailed")


HTTP = {
    **{
        f"http_{status}_{style}": failed(
            kind_of(status),
            f"HTTP {status}" if style == "empty" else SENTENCE.format(status=status),
        )
        for status in STATUSES
        for style in STYLES
    },
    "http_429_seconds": failed("RateLimited", "Rate limit reached", hint="Wait 17 s"),
    "http_429_date": failed("RateLimited", "Rate limit reached", hint=" days and run it again"),
    "http_429_garbage": failed("RateLimited", "Rate limit reached", hint="Wait a moment"),
    "http_429_huge": failed("RateLimited", "Rate limit reached", hint="Wait a moment"),
    "http_429_past": failed("RateLimited", "Rate limit reached", hint="Wait a moment"),
    "http_429_year_9999": failed("RateLimited", "Rate limit reached", hint="Wait a moment"),
    "http_429_negative": failed("RateLimited", "Rate limit reached", hint="Wait a moment"),
    "http_429_zero": failed("RateLimited", "Rate limit reached", hint="Wait a moment"),
    "http_429_words": failed("RateLimited", "Slow down", hint="Wait 20 s"),
    "http_429_minutes": failed("RateLimited", "Slow down", hint="Wait 8 minutes"),
    "http_413_plain": failed("RequestRejected", "Too Large", hint="Shorten the prompt"),
    "http_400_ctx_dashscope": failed("ContextOverflow", "30720"),
    "http_400_ctx_cerebras": failed("ContextOverflow", "reduce the length"),
    "http_500_ctx": failed("ContextOverflow", "4096"),
    "http_400_model_retired": failed("ModelNotFound", "deprecated"),
    "http_400_model_together": failed("ModelNotFound", "Unable to access"),
    "http_400_key_expired": failed("AuthenticationFailed", "expired"),
    "http_403_no_key": failed("AuthenticationFailed", "missing"),
    "http_429_balance": failed("QuotaExceeded", "insufficient"),
    "http_400_billing": failed("QuotaExceeded", "Billing hard limit"),
    "http_429_inf": failed("RateLimited", "Rate limit reached", hint="Wait a moment"),
    "http_429_reset_headers": failed("RateLimited", "Rate limit reached", hint="Wait a moment"),
    "http_429_google": failed("RateLimited", "Quota exceeded for metric"),
    "http_429_quota": failed("QuotaExceeded", "exceeded your current quota"),
    "http_429_tpm_too_big": failed("ContextOverflow", "Requested 21034", hint="Shorten"),
    "http_413_groq": failed("ContextOverflow", "Requested 21034", hint="Shorten"),
    "http_413_html": failed("RequestRejected", "413 Request Entity Too Large"),
    "http_503_retry": failed("ProviderFailed", "Loading model", hint="5 s"),
    "http_503_loading": failed("ProviderFailed", "Model is loading"),
    "http_404_model": failed("ModelNotFound", "does not exist"),
    "http_404_ollama_model": failed("ModelNotFound", "try pulling it first"),
    "http_404_nginx": failed("ModelNotFound", "404 Not Found", hint="/v1"),
    "http_400_model_missing": failed("ModelNotFound", "does not exist"),
    "http_400_ctx": failed("ContextOverflow", "8192"),
    "http_400_ctx_anthropic": failed("ContextOverflow", "prompt is too long"),
    "http_400_ctx_openrouter": failed("ContextOverflow", "50000"),
    "http_400_ctx_llamacpp": failed("ContextOverflow", "exceeds"),
    "http_400_ctx_vllm": failed("ContextOverflow", "8192"),
    "http_400_ctx_gemini": failed("ContextOverflow", "8192"),
    "http_422_ctx_mistral": failed("ContextOverflow", "32768"),
    "http_400_google_key": failed("AuthenticationFailed", "API key not valid"),
    "http_400_credit": failed("QuotaExceeded", "credit balance"),
    "http_400_openrouter_raw": failed("RequestRejected", "max_tokens must be at least 16"),
    "http_401_key_words": failed("AuthenticationFailed", "No auth credentials"),
    "http_401_binary": failed("AuthenticationFailed", "Lab"),
    "http_401_echo_key": failed("AuthenticationFailed", "Incorrect API key provided: [key]"),
    "http_401_echo_partial": failed("AuthenticationFailed", "Incorrect API key"),
    "http_403_key_words": failed("AuthenticationFailed", "Invalid API key"),
    "http_403_region": failed("PermissionRefused", "territory not supported"),
    "http_403_cloudflare": failed("PermissionRefused", "Just a moment"),
    "http_500_key_echo": failed("ProviderFailed", "boom"),
    "http_500_huge": failed("ProviderFailed", "xxx"),
    "http_500_endless": failed("ProviderFailed", "xxx"),
    "http_500_drip": failed("ProviderFailed", "x", limits=HASTY),
    "http_500_ansi": failed("ProviderFailed", "evil"),
    "http_101": failed("ConnectionFailed", "broke"),
    "http_300": failed("StreamInvalid", "x"),
    "http_304": failed("StreamInvalid", "HTTP 304"),
}
ASKED_AGAIN = 2
REFUSALS = {
    "refuses_stream_options": Outcome(counts=UNKNOWN, said="estimated", requests=ASKED_AGAIN),
    "refuses_stream_options_always": failed(
        "RequestRejected", "stream_options", requests=ASKED_AGAIN
    ),
    "refuses_temperature": Outcome(
        said="temperature", requests=ASKED_AGAIN, sampling={"temperature": 0.3}
    ),
    "refuses_temperature_range": failed(
        "RequestRejected", "range: 0..1", sampling={"temperature": 1.5}
    ),
    "refuses_max_tokens_name": Outcome(
        said="max_completion_tokens", requests=ASKED_AGAIN, sampling={"max_tokens": 50}
    ),
    "refuses_max_tokens_maximum": failed(
        "RequestRejected", "At most 4096", sampling={"max_tokens": 100_000}
    ),
    "refuses_top_logprobs_range": failed(
        "RequestRejected", "between 0 and 20", sampling={"logprobs": 30}
    ),
    "refuses_top_logprobs": Outcome(
        said="top_logprobs", requests=ASKED_AGAIN, sampling={"logprobs": 5}
    ),
    "refuses_max_tokens_minimum": failed(
        "RequestRejected", "but got 5", sampling={"max_tokens": 5}
    ),
    "overflow_mentions_max_tokens": failed(
        "ContextOverflow", "8192", sampling={"max_tokens": 4000}
    ),
    "refuses_streaming": Outcome(said=IN_ONE_PIECE, requests=ASKED_AGAIN),
    "refuses_streaming_unverified": Outcome(said=IN_ONE_PIECE, requests=ASKED_AGAIN),
    "rate_limit_then_ok": failed("RateLimited", "slow down"),
    "refuses_streaming_501": Outcome(said=IN_ONE_PIECE, requests=ASKED_AGAIN),
}
REDIRECTS = {
    "redirect_other_307": failed("StreamInvalid", "redirects to http://127.0.0.1"),
    "redirect_other_302": failed("StreamInvalid", "redirects to http://127.0.0.1"),
    "redirect_same_307": failed("StreamInvalid", "redirects"),
    "redirect_same_308_relative": failed("StreamInvalid", "redirects"),
    "redirect_loop": failed("StreamInvalid", "redirects"),
    "redirect_no_scheme": failed("StreamInvalid", "redirects to http://127.0.0.1"),
    "redirect_key_in_location": failed("StreamInvalid", "redirects to http://127.0.0.1"),
    "redirect_bad": failed("StreamInvalid", "redirects"),
    "redirect_no_location": failed("StreamInvalid", "redirects"),
}
TRANSPORTS = {
    "length_too_long": OK,
    "length_too_long_unfinished": failed("ConnectionFailed", "broke", ANSWER),
    "length_too_short": failed("StreamTruncated", "before it was finished", HALF),
    "length_and_chunked": OK,
    "chunk_size_garbage": failed("ConnectionFailed", "broke", "One"),
    "no_http_at_all": failed("ConnectionFailed", "127.0.0.1"),
    "http10": OK,
    "huge_header": failed("ConnectionFailed", "127.0.0.1"),
    "interim_100": OK,
    "gzip": OK,
    "gzip_block": OK,
    "deflate": OK,
    "deflate_raw": OK,
    "unknown_encoding": OK,
    "brotli": failed("StreamMalformed", "compressed"),
    "zstd": failed("StreamMalformed", "compressed"),
    "gzip_that_is_none": failed("StreamMalformed", "compressed"),
    "gzip_truncated": failed("StreamTruncated", "before it was finished", HALF),
    "gzip_bomb": OK,
    "gzip_bomb_line": failed("StreamInvalid", "without an end"),
    "gzip_bomb_white": failed("StreamEmpty", "empty"),
    "gzip_bomb_refusal": failed("ProviderFailed", "Sorry"),
    "gzip_twice": failed("StreamMalformed", "compressed"),
    "gzip_each": OK,
    "gzip_refusal_that_is_none": failed("AuthenticationFailed", "HTTP 401"),
}
ECHOES = {
    "echo_key": Outcome("Key: [key] end"),
    "echo_key_begun": Outcome(f"Key: {KEY[:9]}"),
    "echo_key_finish": Outcome(finish="stop:[key]"),
}
OUTCOMES: dict[str, Outcome] = {
    **ENDS,
    **BYTES,
    **BODIES,
    **ERRORS,
    **FINISHES,
    **USAGES,
    **SHAPES,
    **REASONINGS,
    **HTTP,
    **REFUSALS,
    **REDIRECTS,
    **TRANSPORTS,
    **ECHOES,
}
ELSEWHERE = {"endless_answer", "echo_headers", "echo_prompt", "numbered", *TIMES}
"""Scenarios that a test of their own asks for."""


@pytest.fixture(scope="module")
def server() -> Iterator[ScenarioServer]:
    with ScenarioServer() as server:
        yield server


def target_of(server: ScenarioServer, name: str) -> CloudTarget:
    return CloudTarget(Provider("lab", "Lab", server.base_url), name)


async def ask(
    server: ScenarioServer,
    name: str,
    limits: Timeouts = DEFAULT_TIMEOUTS,
    *,
    prompt: str = "Hi",
    **sampling: Any,
) -> tuple[Run, list[StreamEvent]]:
    """Return what a scenario leads to, and the events on the way."""
    target = target_of(server, name)
    request = ChatRequest((Message(Role.USER, prompt),), SamplingParams(**sampling))
    fold, events = RunFold(Run("r", target, request, 0)), []
    async for event in OpenAIChatEngine(target, KEY, limits).stream(request):
        fold.add(event)
        events.append(event)
    return fold.run, events


def asked(server: ScenarioServer, name: str) -> list[Asked]:
    return [request for request in server.requests if request.model == name]


def test_every_scenario_has_its_outcome() -> None:
    assert OUTCOMES.keys() | ELSEWHERE == SCENARIOS.keys()


@pytest.mark.parametrize("name", [*OUTCOMES])
async def test_outcome(server: ScenarioServer, name: str) -> None:
    expected, before = OUTCOMES[name], len(asked(server, name))
    run, events = await ask(server, name, expected.limits, **expected.sampling)
    seen = {
        "status": run.status,
        "error": run.error.kind if run.error else "",
        "text": run.text,
        "reasoning": run.reasoning,
        "finish": run.finish_reason,
        "usage": run.usage,
        "cost": run.reported_cost_usd,
        "requests": len(asked(server, name)) - before,
    }
    prompt, completion, reasoning = expected.counts
    usage = TokenUsage(prompt, completion, expected.cached, reasoning)
    if expected.counts != UNKNOWN:
        usage = TokenUsage(
            prompt, completion, expected.cached, reasoning, provenance=Provenance.REPORTED
        )
    assert seen == {
        "status": RunStatus.FAILED if expected.error else RunStatus.FINISHED,
        "error": expected.error,
        "text": expected.text,
        "reasoning": expected.reasoning,
        "finish": expected.finish,
        "usage": usage,
        "cost": pytest.approx(expected.cost_usd) if expected.cost_usd else expected.cost_usd,
        "requests": expected.requests,
    }, run.error or run.notices
    check_words(run, expected)
    check_events(events)
    assert not server.strays, "the key and the prompt were sent elsewhere"
    assert KEY not in repr(events)


def check_words(run: Run, expected: Outcome) -> None:
    """Check that what is told of a run is what a person has to know, and nothing else."""
    if run.error is not None:
        assert expected.said in run.error.message
        assert expected.hint in run.error.hint
        assert run.error.hint
        assert not [char for char in run.error.message if char < " "], "control characters"
    elif expected.said:
        assert any(expected.said in notice for notice in run.notices), run.notices
    else:
        assert run.notices == ()


def check_events(events: list[StreamEvent]) -> None:
    """Check what every stream of events promises."""
    ends = [event for event in events if isinstance(event, Finished | Failed)]
    assert ends == events[-1:]
    assert json.dumps(encode(events), ensure_ascii=False).encode()
    texts = [event.t_s for event in events if isinstance(event, TextDelta)]
    assert texts == sorted(texts)


IN_BUFFERS = 8 * MEGABYTE
"""What the system holds between two ends of a connection, and more."""


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("endless_line", MOST_EVENT_BYTES),
        ("json_endless_200", MOST_EVENT_BYTES),
        ("http_500_endless", MOST_REFUSAL_BYTES),
    ],
)
async def test_what_has_no_end_is_not_read_to_it(
    server: ScenarioServer, name: str, most: int
) -> None:
    run, _ = await ask(server, name)
    assert run.status is RunStatus.FAILED
    request = asked(server, name)[-1]
    assert await asyncio.to_thread(request.is_over.wait, 10), "the connection is still open"
    assert request.bytes_sent < most + IN_BUFFERS


@pytest.mark.parametrize("name", ["gzip_bomb_line", "gzip_bomb_white", "gzip_bomb_refusal"])
async def test_what_is_packed_into_little_is_unpacked_in_pieces(
    server: ScenarioServer, name: str
) -> None:
    await ask(server, name)
    tracemalloc.start()
    try:
        await ask(server, name)
        assert tracemalloc.get_traced_memory()[1] < 4 * MOST_EVENT_BYTES
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ["endless_answer", "slow_stream", "silent_mid"])
async def test_leaving_an_answer_that_goes_on_closes_the_connection(
    server: ScenarioServer, name: str
) -> None:
    engine = OpenAIChatEngine(target_of(server, name), KEY)
    request = ChatRequest((Message(Role.USER, "Hi"),))
    async with aclosing(engine.stream(request)) as events:
        async for event in events:
            if isinstance(event, TextDelta):
                break
    assert await asyncio.to_thread(asked(server, name)[-1].is_over.wait, 10)


async def test_headers_that_are_said_back_are_ours_and_without_the_key(
    server: ScenarioServer,
) -> None:
    run, _ = await ask(server, "echo_headers")
    assert json.loads(run.text)["authorization"] == "Bearer [key]"
    assert "stainless" not in run.text


async def test_silence_after_the_answer_is_no_part_of_its_time(server: ScenarioServer) -> None:
    began = time.perf_counter()
    run, _ = await ask(server, "silent_after_finish", Timeouts(after_finish_s=AFTER_S))
    assert run.timings.total_s is not None
    assert run.timings.total_s <= time.perf_counter() - began - AFTER_S


CUTS = {
    "fin_eos": None,
    "fin_end_turn": None,
    "fin_FINISH_REASON_STOP": None,
    "fin_length": CutShort.LENGTH,
    "fin_MAX_TOKENS": CutShort.LENGTH,
    "fin_content_filter": CutShort.FILTERED,
    "fin_content_filter_empty": CutShort.FILTERED,
    "fin_tool_calls": CutShort.TOOL,
    "fin_function_call": CutShort.TOOL,
    "fin_SPII": CutShort.FILTERED,
    "fin_sensitive": CutShort.FILTERED,
    "fin_guardrail_intervened": CutShort.FILTERED,
    "fin_model_context_window_exceeded": CutShort.LENGTH,
    "fin_max_new_tokens": CutShort.LENGTH,
    "fin_pause_turn": CutShort.GIVEN_UP,
    "fin_abort": CutShort.GIVEN_UP,
    "fin_insufficient_system_resource": CutShort.GIVEN_UP,
}


@pytest.mark.parametrize("name", CUTS)
async def test_an_answer_that_is_not_whole_is_known_as_such(
    server: ScenarioServer, name: str
) -> None:
    run, _ = await ask(server, name)
    assert run.cut_short is CUTS[name]


async def test_a_prompt_arrives_as_it_was_written(server: ScenarioServer) -> None:
    prompt = f"{SCRIPTS}\r\n\t\0\u2028 data: [DONE]\n\n" + "x" * 100_000
    assert (await ask(server, "echo_prompt", prompt=prompt))[0].text == prompt


async def test_answers_that_arrive_at_once_stay_apart(server: ScenarioServer) -> None:
    names = [f"numbered@{name}" for name in "abcdef"]
    runs = await asyncio.gather(*(ask(server, name) for name in names))
    for name, (run, _) in zip(names, runs, strict=True):
        assert run.text.split() == [f"{name}:{number}" for number in range(100)]


@dataclass(frozen=True)
class Speed:
    """Tokens that came after the first piece, in the server's own time."""

    tokens: float | None = TIMED - 1
    provenance: Provenance = Provenance.ESTIMATED
    first: int = 0
    """The piece from which they are counted."""
    answer: int = 0
    """The piece with which the answer begins, after its thinking."""


NO_SPEED = Speed(None)
COUNTED = Speed(provenance=Provenance.MEASURED)
CHARACTERS = TIMED * len("word0 ")
SPEEDS = {
    "t_plain": Speed(),
    "t_role": Speed(),
    "t_empty": Speed(),
    "t_tool_first": Speed(),
    # one character of the first token, of six in the others
    "t_space_first": Speed(TIMED * 300 / 301),
    "t_head_late": Speed(),
    "t_x4": Speed(48),
    "t_bursts": Speed(50),
    "t_burst_one_write": Speed(50),
    "t_hidden": Speed(),
    "t_hidden_summary": Speed(first=1, answer=1),
    "t_reasoning": Speed(answer=25),
    "t_reasoning_apart": Speed(49, answer=25),
    "t_think_tags": Speed(100, first=1, answer=52),
    "t_think_tags_after_blank": Speed(100, first=2, answer=53),
    "t_nousage": Speed(round(CHARACTERS / 4) * (TIMED - 1) / TIMED),
    "t_tail": Speed(),
    "t_tail_x": Speed(),
    "t_tail_s": Speed(),
    "t_logprobs": COUNTED,
    "t_logprobs_hidden": COUNTED,
    "t_two_chunks": Speed(1),
    "t_one_chunk": NO_SPEED,
    "t_yes": NO_SPEED,
    "t_yex": NO_SPEED,
    "t_uneven": Speed(),
}
APART_S = 0.02
"""How far a stamp may be from the server's: in quiet it is 1 ms."""
TRIES = 6
"""Other processes may keep this computer busy: what is wrong in all of them is a fault."""


@pytest.mark.timing
async def test_figures_of_timed_answers_are_those_of_the_server(server: ScenarioServer) -> None:
    assert SPEEDS.keys() | {"slow_stream"} == TIMES.keys()
    faults = dict.fromkeys(SPEEDS, "")
    for _ in range(TRIES):
        found = await asyncio.gather(*(fault_of(server, name) for name in faults))
        faults = {name: fault for name, fault in zip(faults, found, strict=True) if fault}
        if not faults:
            break
    assert not faults


async def fault_of(server: ScenarioServer, name: str) -> str:
    """Return what is wrong with a run's figures; empty for nothing."""
    run, _ = await ask(server, name)
    known, expected, request = figures(run), SPEEDS[name], asked(server, name)[-1]
    stamps = [stamp - request.received for stamp in request.stamps]
    began = 0 if name == "t_hidden_summary" else expected.first
    if not is_at(known.ttft_s, stamps[began]):
        return f"first token: {known.ttft_s} for {stamps[began]}"
    if not is_at(known.first_answer_s, stamps[expected.answer]):
        return f"first of the answer: {known.first_answer_s} for {stamps[expected.answer]}"
    speed = known.generation_tokens_per_s
    if expected.tokens is None or speed is None:
        return "" if expected.tokens is None and speed is None else f"speed: {speed}"
    true = expected.tokens / (stamps[-1] - stamps[expected.first])
    if abs(speed.value / true - 1) > 0.01 or speed.provenance is not expected.provenance:
        return f"speed: {speed} for {true}"
    return ""


def is_at(seen: Figure | None, stamp: float) -> bool:
    return seen is not None and abs(seen.value - stamp) <= APART_S
