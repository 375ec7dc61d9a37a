"""A chat request as the JSON body one provider takes."""

import json
import re
from dataclasses import dataclass
from typing import Any

from playground.core.characters import whole_values
from playground.core.chat import ChatRequest
from playground.core.targets import Provider, Tier

MAX_TOKENS_FIELDS = ("max_tokens", "max_completion_tokens")
_THINKING: dict[str, tuple[str, Any, Any]] = {
    "effort": ("reasoning_effort", "medium", "none"),
    "enabled": ("reasoning", {"enabled": True}, {"enabled": False}),
    "type": ("thinking", {"type": "enabled"}, {"type": "disabled"}),
    "budget": ("thinking", {"type": "enabled", "budget_tokens": 2048}, {"type": "disabled"}),
    "template": (
        "chat_template_kwargs",
        {"enable_thinking": True, "thinking": True},
        {"enable_thinking": False, "thinking": False},
    ),
}
"""How thinking is switched: field, its value for yes and for no.

OpenAI, Google, Groq and xAI; OpenRouter; DeepSeek; Anthropic; llama-server and vLLM, whose chat
templates get the value.
"""
REFUSING = frozenset({400, 405, 415, 422, 500, 501})
"""Status codes under which a field is refused: llama_cpp.server says 500 to what it cannot read."""
FORM_NOT_ENFORCED = "form_not_enforced"
_REQUIRED = frozenset({"model", "messages", "stream"})
_OURS = frozenset({"stream_options"})
"""Fields nobody chose: they may go for any reason."""
_UNSUPPORTED = re.compile(
    r"unsupported|(not|n.t) (\w+ )?(support|something|allow|permit|accept|available|recogni)"
    r"|unknown|unrecogni[sz]ed|unexpected|no such|extra[_ ]|deprecated"
    r"|invalid (parameter|argument)s?\b|cannot be used|is not a valid (parameter|field|argument)",
    re.IGNORECASE,
)
"""What is said of a parameter that is not taken at all, or only with its usual value."""
_OUT_OF_RANGE = re.compile(
    r"(minim|maxim)um value|below|above|between|range|at (least|most)"
    r"|(greater|less|larger|smaller|more) than|too (small|large|low|high|big)|>=|<=",
    re.IGNORECASE,
)
"""What is said of a value that is refused: it was a person's choice, and stays one."""
_FORM = re.compile(
    r"json[_ ](schema|object|mode)|structured[_ ]outputs?|response[_ ](json[_ ])?(format|schema)"
    r"|\bgrammar\b",
    re.IGNORECASE,
)
"""What is said of a form that is refused, where the field is not named."""
_STREAMING = re.compile(r"\bstream(ing|ed)?\b(?!_)", re.IGNORECASE)
_NEVER_STRICT = frozenset(
    {
        "allOf",
        "contains",
        "dependentRequired",
        "dependentSchemas",
        "if",
        "maxProperties",
        "minProperties",
        "not",
        "oneOf",
        "patternProperties",
        "prefixItems",
        "propertyNames",
        "unevaluatedItems",
        "unevaluatedProperties",
        "uniqueItems",
    }
)
"""Keywords that OpenAI refuses in a strict schema, and takes in another."""
_PARTNERS = {"logprobs": "top_logprobs", "top_logprobs": "logprobs"}
_COMMON_WORDS = frozenset({"stop", "seed", "temperature"})
"""Field names that also occur in ordinary sentences: they count only where they are quoted."""


@dataclass(frozen=True, slots=True)
class RequestNote:
    """What a person should know about the request: becomes a `Notice`."""

    kind: str
    message: str


def build_body(
    provider: Provider, model: str, request: ChatRequest
) -> tuple[dict[str, Any], tuple[RequestNote, ...]]:
    """Return the body with the parameters the provider takes, and a note for each it does not."""
    wanted = {"stream_options": {"include_usage": True}, **_sampling(provider, request)}
    # 'temperature' may be refused by its own name or under the name the provider gives it
    refused = {field for field in wanted if field in provider.rejects}
    refused |= {_PARTNERS[field] for field in refused if field in _PARTNERS}
    if "seed" in provider.rejects:
        refused.add(provider.seed_field)
    if "repeat_penalty" in provider.rejects:
        refused.add(provider.repeat_penalty_field)
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": m.role.value, "content": m.content} for m in request.messages],
        "stream": True,
        **{field: value for field, value in wanted.items() if field not in refused},
    }
    silent = {"stream_options", "top_logprobs"}
    shown = [field for field in wanted if field in refused and field not in silent]
    return whole_values(body), tuple(_left_out(provider, field) for field in shown)


def _sampling(provider: Provider, request: ChatRequest) -> dict[str, Any]:
    sampling = request.sampling
    fields: dict[str, Any] = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "min_p": sampling.min_p,
        provider.repeat_penalty_field: sampling.repeat_penalty,
        provider.seed_field: sampling.seed,
        provider.max_tokens_field: sampling.max_tokens,
        "stop": list(sampling.stop) or None,
        "response_format": _response_format(sampling.schema),
    }
    if sampling.think is not None:
        usual = "template" if provider.tier is Tier.OWN_SERVER else "effort"
        field, yes, no = _THINKING.get(provider.thinking_switch or usual, _THINKING["effort"])
        fields[field] = yes if sampling.think else no
    if sampling.logprobs is not None:
        fields["logprobs"] = True
        fields["top_logprobs"] = sampling.logprobs
    return {field: value for field, value in fields.items() if value is not None}


def _response_format(schema: str | None) -> dict[str, Any] | None:
    """Return the field that asks for a form.

    https://platform.openai.com/docs/guides/structured-outputs
    """
    if schema is None:
        return None
    form = json.loads(schema)
    described = {"name": "answer", "schema": form, "strict": _is_strict(form)}
    return {"type": "json_schema", "json_schema": described}


def _is_strict(form: Any) -> bool:
    """Return whether a schema is one of those OpenAI takes as strict.

    Each object lists all its names as needed and takes no other; the whole is an object.
    """
    is_object = isinstance(form, dict) and form.get("type") == "object" and "anyOf" not in form
    return is_object and _has_closed_objects(form)


def _has_closed_objects(part: Any) -> bool:
    if isinstance(part, list):
        return all(map(_has_closed_objects, part))
    if not isinstance(part, dict):
        return True
    if _NEVER_STRICT & part.keys():
        return False
    kinds = part.get("type")
    if kinds == "object" or (isinstance(kinds, list) and "object" in kinds) or "properties" in part:
        names = part.get("properties")
        if not isinstance(names, dict) or part.get("additionalProperties") is not False:
            return False
        if set(part.get("required", ())) != set(names):
            return False
        if not all(map(_has_closed_objects, names.values())):
            return False
    return all(_has_closed_objects(inner) for name, inner in part.items() if name != "properties")


def _with_simpler_form(
    provider: Provider, body: dict[str, Any]
) -> tuple[dict[str, Any], RequestNote]:
    """Return the body with JSON alone asked for, or without a form where it was already.

    One's own server gets the schema along: llama_cpp.server and llama-server hold to it there.
    """
    asked = body["response_format"]
    form: dict[str, Any] = {"type": "json_object"}
    if asked["type"] == "json_schema" and provider.tier is Tier.OWN_SERVER:
        message = (
            f"{provider.name} was asked for the form in another way, and the answer is checked"
        )
        form["schema"] = asked["json_schema"]["schema"]
    elif asked != form:
        message = (
            f"{provider.name} does not hold to a form: it was asked for JSON alone, and the answer "
            "is checked"
        )
    else:
        shorter = {name: value for name, value in body.items() if name != "response_format"}
        return shorter, _left_out(provider, "response_format")
    return {**body, "response_format": form}, RequestNote(FORM_NOT_ENFORCED, message)


def _left_out(provider: Provider, field: str) -> RequestNote:
    message = f"{provider.name} does not take {field}: it was left out"
    if field == "response_format":
        message = (
            f"{provider.name} does not take a form (response_format): the answer is asked for in "
            "words only, and then checked"
        )
    if field == "stream_options":
        message = f"{provider.name} was not asked for token counts: they may be estimated"
    return RequestNote("parameter_left_out", message)


def without_refused_field(
    provider: Provider, body: dict[str, Any], refusal: Any
) -> tuple[dict[str, Any], RequestNote] | None:
    """Return the body without what `refusal` says is not supported; `None` where that is nothing.

    `refusal` is the decoded error body. Servers name the field in `param` (OpenAI), in the `loc` of
    a validation error (FastAPI, Mistral), or only in the sentence. A value that is refused stays:
    what a person chose is never changed.
    """
    field = _named_field(body, refusal)
    sentence = json.dumps(refusal, ensure_ascii=False)
    is_form = field == "response_format" or (field is None and _FORM.search(sentence) is not None)
    if is_form and "response_format" in body:
        return _with_simpler_form(provider, body)
    if field is None:
        if body["stream"] and _refuses_streaming(refusal, sentence):
            whole = {name: value for name, value in body.items() if name != "stream_options"}
            message = f"{provider.name} does not stream this model: the answer comes in one piece"
            return {**whole, "stream": False}, RequestNote("not_streamed", message)
        return None
    is_out_of_range = _OUT_OF_RANGE.search(sentence) is not None
    if field in MAX_TOKENS_FIELDS and not is_out_of_range:
        other = MAX_TOKENS_FIELDS[1 - MAX_TOKENS_FIELDS.index(field)]
        if re.search(rf"\b{other}\b", sentence):
            renamed = {(other if name == field else name): value for name, value in body.items()}
            message = f"{provider.name} wants {other} instead of {field}"
            return renamed, RequestNote("parameter_renamed", message)
    is_unsupported = _UNSUPPORTED.search(sentence) is not None and not is_out_of_range
    if field not in _OURS and not is_unsupported:
        return None
    dropped = {field, _PARTNERS.get(field)}
    shorter = {name: value for name, value in body.items() if name not in dropped}
    return shorter, _left_out(provider, field)


def _refuses_streaming(refusal: Any, sentence: str) -> bool:
    if "stream" in _exact_names(refusal):
        return True
    return bool(
        _STREAMING.search(sentence)
        and (_UNSUPPORTED.search(sentence) or re.search(r"verified|remove|disable", sentence))
    )


def _named_field(body: dict[str, Any], refusal: Any) -> str | None:
    optional = [field for field in body if field not in _REQUIRED]
    for text in _exact_names(refusal):
        for field in optional:
            if text == field or text.startswith((f"{field}.", f"{field}[")):
                return field
    sentence = json.dumps(refusal, ensure_ascii=False)
    for field in optional:
        if re.search(rf"[`'\"“‘]{field}[`'\"”’.\\]", sentence):
            return field
    for field in optional:
        if field not in _COMMON_WORDS and re.search(rf"\b{field}\b", sentence):
            return field
    # a plain 'temperature is not supported' is clear enough as well
    for field in sorted(_COMMON_WORDS & set(optional)):
        pattern = rf"\b{field}\b.{{0,40}}\b(not|un)\s?(supported|allowed|permitted|accepted)"
        if re.search(pattern, sentence, re.IGNORECASE):
            return field
    return None


def _exact_names(refusal: Any) -> list[str]:
    found: list[str] = []
    queue = [refusal]
    while queue:
        item = queue.pop()
        if isinstance(item, dict):
            for name, value in item.items():
                if name in {"param", "field"} and isinstance(value, str):
                    found.append(value)
                elif name == "loc" and isinstance(value, list):
                    found.extend(part for part in value if isinstance(part, str))
                else:
                    queue.append(value)
        elif isinstance(item, list):
            queue.extend(item)
    return found
