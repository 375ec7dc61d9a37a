"""JSON schemas as checks and as fixed form: bounded in size and time, and nothing is fetched."""

import json
import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, cast

from playground.core.checks.patterns import matches, require_pattern
from playground.core.errors import UsageError

MAX_ANSWER = 256 * 1024
"""Characters of an answer that is held against a schema."""
MAX_DEPTH = 64
SECONDS = 1.0
"""What one answer may take; see `Unjudged`."""
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_NOT_WORKED_OUT = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What `jsonschema` raises at values it did not reckon with: 10^400 as a multiple of 0.5, say."""


class Unjudged(Exception):
    """It could not be told; the message says why, as the end of a sentence."""


@lru_cache(maxsize=128)
def read_schema(text: str) -> dict[str, Any]:
    """Return the schema that `text` is; raises `UsageError` where it cannot be used.

    It is kept for the next answer, and so nobody changes it.

    Draft 2020-12 unless `$schema` names another (https://json-schema.org/draft/2020-12).
    """
    from jsonschema.exceptions import SchemaError

    schema = _parsed(text)
    _require_bounded(schema)
    try:
        # patterns are not those of `re`, which knows no \p{L}
        _validator_class(schema).check_schema(schema, format_checker=None)
    except SchemaError as error:
        where = "/".join(map(str, error.absolute_path)) or "its top"
        raise UsageError(f"The JSON schema is wrong at {where}: {error.message[:200]}") from error
    except RecursionError as error:
        raise UsageError("The JSON schema is nested too deeply.") from error
    _require_usable(schema)
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
    except _NOT_WORKED_OUT as failure:
        raise Unjudged("the schema says nothing that can be worked out for it") from failure
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


def _require_bounded(schema: dict[str, Any]) -> None:
    """Refuse what is nested too deeply, and what would be matched without a time limit."""
    names: set[str] = set()
    for part, depth in _parts(schema):
        if depth > MAX_DEPTH:
            raise UsageError("The JSON schema is nested too deeply.")
        names.update(part)
    if names >= {"patternProperties", "unevaluatedProperties"}:
        raise UsageError(
            "patternProperties beside unevaluatedProperties is not supported in a schema.",
            "Use additionalProperties instead.",
        )


def _parts(value: Any, depth: int = 0) -> Iterator[tuple[dict[str, Any], int]]:
    waiting = [(value, depth)]
    while waiting:
        part, depth = waiting.pop()
        if isinstance(part, dict):
            yield part, depth
            waiting.extend((inner, depth + 1) for inner in part.values())
        elif isinstance(part, list):
            waiting.extend((inner, depth + 1) for inner in part)


def _require_usable(schema: dict[str, Any]) -> None:
    """Refuse references that lead elsewhere or to nothing, and patterns that cannot be read."""
    from referencing import Registry
    from referencing.jsonschema import specification_with

    dialect = specification_with(_validator_class(schema).META_SCHEMA["$schema"])
    root: Any = dialect.create_resource(schema)
    seen = set()
    try:
        resolver = Registry().with_resource(root.id() or "", root).resolver_with_root(root)
        waiting: list[tuple[Any, Any]] = [(root, resolver)]
        while waiting:
            part, resolver = waiting.pop()
            if not isinstance(part.contents, dict) or id(part.contents) in seen:
                continue
            seen.add(id(part.contents))
            _require_patterns(part.contents)
            waiting.extend((p, resolver.in_subresource(p)) for p in part.subresources())
            for target in (part.contents.get(name) for name in _REFERENCES):
                if isinstance(target, str):
                    found = _found(resolver, target)
                    waiting.append((dialect.create_resource(found.contents), found.resolver))
    except _NOT_WORKED_OUT as error:
        raise UsageError(f"The JSON schema cannot be read: {error}.") from error


def _found(resolver: Any, target: str) -> Any:
    """Return what a reference points to; raises `UsageError` where that is no part of it."""
    from referencing.exceptions import Unresolvable

    try:
        found = resolver.lookup(target)
    except (Unresolvable, ValueError) as error:
        if target.startswith("#"):
            raise UsageError(f"The JSON schema has nothing at “{target[:80]}”.") from error
        raise UsageError(
            f"The JSON schema points to “{target[:80]}”, which is not fetched.",
            "Put what it names into the schema itself, below $defs.",
        ) from error
    if not isinstance(found.contents, dict | bool):
        raise UsageError(f"What the JSON schema has at “{target[:80]}” is no schema.")
    return found


def _require_patterns(part: dict[str, Any]) -> None:
    patterns = part.get("patternProperties")
    for pattern in (part.get("pattern"), *(patterns if isinstance(patterns, dict) else ())):
        if isinstance(pattern, str) and pattern:
            require_pattern(pattern)


def _validator_class(schema: dict[str, Any]) -> Any:
    from jsonschema import Draft202012Validator
    from jsonschema.validators import validator_for

    if not isinstance(schema.get("$schema", ""), str):
        raise UsageError("The JSON schema is wrong at $schema: it is not a text.")
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
