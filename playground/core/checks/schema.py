"""JSON schemas as checks and as fixed form: bounded in size and time, and nothing is fetched."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any, cast

from playground.core.checks.patterns import matches, require_pattern
from playground.core.errors import UsageError

MAX_ANSWER = 256 * 1024
"""Characters of an answer that is held against a schema."""
MAX_DEPTH = 64
SECONDS = 1.0
"""What one answer may take; see `Unjudged`."""


class Unjudged(Exception):
    """It could not be told; the message says why, as the end of a sentence."""


def read_schema(text: str) -> dict[str, Any]:
    """Return the schema that `text` is; raises `UsageError` where it cannot be used.

    Draft 2020-12 unless `$schema` names another (https://json-schema.org/draft/2020-12).
    """
    from jsonschema.exceptions import SchemaError

    schema = _parsed(text)
    _require_local(schema)
    try:
        _validator_class(schema).check_schema(schema)
    except SchemaError as error:
        where = "/".join(map(str, error.absolute_path)) or "its top"
        raise UsageError(f"The JSON schema is wrong at {where}: {error.message[:200]}") from error
    except RecursionError as error:
        raise UsageError("The JSON schema is nested too deeply.") from error
    return schema


def first_fault(answer: Any, schema: dict[str, Any]) -> str | None:
    """Return what keeps `answer` from having the form, in a sentence; `None` where it has it.

    Raises `Unjudged` where it takes too long or cannot be worked out.
    """
    from jsonschema.exceptions import ValidationError, best_match
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    deadline = time.monotonic() + SECONDS
    # an empty registry: left alone, a $ref is fetched from wherever it points
    validator = _guarded(_validator_class(schema), deadline)(schema, registry=Registry())
    try:
        error: ValidationError | None = best_match(validator.iter_errors(answer))
    except (Unresolvable, RecursionError, TimeoutError) as failure:
        raise Unjudged("holding it against the schema took too long or led nowhere") from failure
    if error is None:
        return None
    where = "".join(f"[{part!r}]" for part in error.absolute_path)
    return f"{where or 'The whole'}: {error.message[:200]}"


def _parsed(text: str) -> dict[str, Any]:
    try:
        schema = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"The JSON schema is not JSON: {error}.") from error
    if not isinstance(schema, dict):
        raise UsageError("The JSON schema is not an object.")
    return schema


def _require_local(schema: dict[str, Any]) -> None:
    """Refuse what points elsewhere, patterns that cannot be read, and what has no time limit."""
    for part, depth in _parts(schema):
        if depth > MAX_DEPTH:
            raise UsageError("The JSON schema is nested too deeply.")
        for name in ("$ref", "$dynamicRef", "$recursiveRef"):
            target = part.get(name)
            if isinstance(target, str) and not target.startswith("#"):
                raise UsageError(
                    f"The JSON schema points to “{target[:80]}”, which is not fetched.",
                    "Put what it names into the schema itself, below $defs.",
                )
        patterns = part.get("patternProperties")
        if isinstance(patterns, dict) and "unevaluatedProperties" in part:
            raise UsageError(
                "patternProperties beside unevaluatedProperties is not supported in a schema.",
                "Use additionalProperties instead.",
            )
        for pattern in (part.get("pattern"), *(patterns if isinstance(patterns, dict) else ())):
            if isinstance(pattern, str) and pattern:
                require_pattern(pattern)


def _parts(value: Any, depth: int = 0) -> Iterator[tuple[dict[str, Any], int]]:
    waiting = [(value, depth)]
    while waiting:
        part, depth = waiting.pop()
        if isinstance(part, dict):
            yield part, depth
            waiting.extend((inner, depth + 1) for inner in part.values())
        elif isinstance(part, list):
            waiting.extend((inner, depth + 1) for inner in part)


def _validator_class(schema: dict[str, Any]) -> Any:
    from jsonschema import Draft202012Validator
    from jsonschema.validators import validator_for

    return validator_for(schema, default=Draft202012Validator)


Keyword = Callable[[Any, Any, Any, Any], Any]


def _guarded(base: Any, deadline: float) -> Any:
    """Return the validator with a time limit at each keyword, and patterns that have one."""
    from jsonschema import validators

    def limited(keyword: Keyword) -> Keyword:
        def check(validator: Any, value: Any, instance: Any, schema: Any) -> Any:
            if time.monotonic() > deadline:
                raise TimeoutError
            yield from keyword(validator, value, instance, schema) or ()

        return check

    keywords: dict[str, Keyword] = {**base.VALIDATORS, **_Bounded(deadline).keywords}
    return cast("Any", validators).extend(
        base, {name: limited(check) for name, check in keywords.items()}
    )


class _Bounded:
    """The keywords that jsonschema works out with `re`, or in quadratic time."""

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline
        self.keywords: dict[str, Keyword] = {
            "pattern": self._pattern,
            "patternProperties": self._pattern_properties,
            "additionalProperties": self._additional_properties,
            "uniqueItems": self._unique_items,
        }

    def _matches(self, pattern: str, text: str) -> bool:
        return matches(pattern, text, self._deadline - time.monotonic())

    def _pattern(self, validator: Any, value: Any, instance: Any, _schema: Any) -> Any:
        if validator.is_type(instance, "string") and not self._matches(value, instance):
            yield _fault(f"{instance[:80]!r} does not match {value!r}")

    def _pattern_properties(self, validator: Any, value: Any, instance: Any, _schema: Any) -> Any:
        if not validator.is_type(instance, "object"):
            return
        for pattern, inner in value.items():
            for name, item in instance.items():
                if self._matches(pattern, name):
                    yield from validator.descend(item, inner, path=name, schema_path=pattern)

    def _additional_properties(self, validator: Any, value: Any, instance: Any, schema: Any) -> Any:
        if not validator.is_type(instance, "object"):
            return
        known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
        for name, item in instance.items():
            if name in known or any(self._matches(pattern, name) for pattern in patterns):
                continue
            if value is False:
                yield _fault(f"{name!r} is not one of the names it may have")
            else:
                yield from validator.descend(item, value, path=name)

    def _unique_items(self, validator: Any, value: Any, instance: Any, _schema: Any) -> Any:
        is_list = value and validator.is_type(instance, "array")
        if is_list and len({_canonical(item) for item in instance}) < len(instance):
            yield _fault("it holds the same item twice")


def _fault(message: str) -> Any:
    from jsonschema.exceptions import ValidationError

    return ValidationError(message)


def _canonical(item: Any) -> str:
    """Return a text that is the same for equal JSON values: 1 and 1.0 are."""
    if isinstance(item, float) and item.is_integer():
        return str(int(item))
    if isinstance(item, dict):
        return "{" + ",".join(f"{name!r}:{_canonical(item[name])}" for name in sorted(item)) + "}"
    if isinstance(item, list):
        return "[" + ",".join(map(_canonical, item)) + "]"
    return repr(item)
