"""A JSON schema as a grammar of llama.cpp, and what of the schema the grammar does not hold to."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from llama_cpp.llama_grammar import PRIMITIVE_RULES, SchemaConverter

MAX_GRAMMAR = 32 * 1024
"""Characters of a grammar."""
MAX_NESTED = 1_000
"""Parentheses within one another: its parser calls itself for each, without a limit."""
_NOT_CONVERTED = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What the converter raises: what it does not know it leaves to chance."""
_IN_JSON = r'"\\\x7F\x00-\x1F'
"""What no JSON text holds as it is, for a class of characters in a grammar."""
_CORRECTED = {r'char ::= [^"\\]': rf"char ::= [^{_IN_JSON}]", r"[^\x0A\x0D]": f"[^{_IN_JSON}]"}
"""Rules of the converter that let an answer end as no JSON."""
_SAY_NOTHING = frozenset(
    {
        "$anchor",
        "$comment",
        "$defs",
        "$id",
        "$schema",
        "default",
        "definitions",
        "deprecated",
        "description",
        "examples",
        "format",
        "readOnly",
        "title",
        "writeOnly",
    }
)
"""Keywords that ask nothing of an answer."""
_CHOSEN = ("$ref", "anyOf", "oneOf", "const", "enum")
"""Keywords beside which the converter looks at no other, the first that is there."""
_OF_TYPE = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "prefixItems", "minItems", "maxItems"},
    "string": {"pattern", "minLength", "maxLength"},
}
_ANYTHING = {"$comment": ""}
"""A schema that asks nothing; the converter takes an empty one for an object."""
_FEW = 1_000
"""Numbers that are written out."""
_ROOT = "form"
"""What the names of all rules for parts of the schema begin with, but for those of `$ref`."""
_PIECES = re.compile(r"\\.|\[\^?(?:\\.|[^\]\\])+\]|\(\?:|[*+?}]\?|.", re.DOTALL)
"""Of a regular expression: an escape, a class, the beginning of a group, a lazy repetition."""
_CLASSES = {"d": "0-9", "w": "A-Za-z0-9_", "s": " "}


@dataclass(frozen=True, slots=True)
class Grammar:
    """A schema as GBNF, llama.cpp's format of grammars.

    https://github.com/ggml-org/llama.cpp/blob/master/grammars/README.md
    """

    text: bytes
    not_held: tuple[str, ...]
    """Keywords of the schema that an answer of the grammar may still miss."""


def grammar_of(schema: str) -> Grammar | None:
    """Return the grammar of a schema; `None` where there is none."""
    try:
        converter = _Converter(json.loads(schema))
        text = converter.converted()
        encoded = text.encode()
    except _NOT_CONVERTED:
        return None
    if len(text) > MAX_GRAMMAR or _nested(text) > MAX_NESTED or "\0" in text:
        return None
    return Grammar(encoded, tuple(sorted(converter.not_held)))


def _nested(grammar: str) -> int:
    depth = deepest = 0
    for sign in grammar:
        depth += (sign == "(") - (sign == ")")
        deepest = max(deepest, depth)
    return deepest


class _Converter(SchemaConverter):  # type: ignore[misc]  # has no types
    """llama-cpp-python's converter, that fetches nothing and writes texts as JSON has them."""

    def __init__(self, root: dict[str, Any]) -> None:
        super().__init__(prop_order={}, allow_fetch=False, dotall=False, raw_pattern=False)
        self._root = root
        self._names: dict[str, str] = {}
        self.not_held: set[str] = set()

    def converted(self) -> str:
        """Return the grammar of the whole schema."""
        # a name of its own: the original's root has none, and a field may be called that as well
        self._rules["root"] = self.visit(self._root, _ROOT)
        text = str(self.format_grammar())
        for wrong, correct in _CORRECTED.items():
            text = text.replace(wrong, correct)
        return text

    def visit(self, schema: Any, name: str) -> Any:
        """Return the name of the rule for a part of the schema."""
        schema = {} if schema is True else dict(schema)
        chosen = next((keyword for keyword in _CHOSEN if keyword in schema), None)
        kinds = schema.get("type")
        if chosen is not None:
            self._note(schema, {chosen, "type"} if chosen in {"const", "enum"} else {chosen})
            if chosen == "oneOf" and not _exclude_one_another(schema["oneOf"]):
                self.not_held.add("oneOf")
            schema = {chosen: schema[chosen]}
        elif isinstance(kinds, list):
            # the original forgets all but the type
            schema = {"anyOf": [_with_type(schema, kind) for kind in kinds]}
        elif "allOf" in schema and "properties" not in schema:
            if len(schema["allOf"]) == 1:
                (part,) = schema.pop("allOf")
                return self.visit({**part, **schema}, name)
            self._note_together(schema)
        elif name != _ROOT and not schema.keys() - _SAY_NOTHING:
            return self._add_primitive("value", PRIMITIVE_RULES["value"])
        else:
            schema = self._of_one_type(schema)
        return super().visit(schema, name)

    def _of_one_type(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Return the schema with what its rule is made of; note what is not."""
        kind = schema.get("type")
        if "pattern" in schema and kind in {None, "string"}:
            self._note(schema, {"type", "pattern"})
            if (pattern := _pattern_in_grammar(schema["pattern"])) is not None:
                return {"type": "string", "pattern": pattern}
            self.not_held.add("pattern")
            schema.pop("pattern")
            kind = schema["type"] = "string"
        if kind == "integer" and (choices := _few_numbers(schema)):
            return {"enum": choices}
        kind = schema["type"] = kind or _kind_of(schema)
        self._note(schema, {"type", *_OF_TYPE.get(kind, ())})
        if kind == "object" and (needed := schema.get("required")):
            known = schema.get("properties", {})
            if schema.get("additionalProperties") is False and not known.keys() >= set(needed):
                raise ValueError("required")
            schema["properties"] = {**dict.fromkeys(needed, _ANYTHING), **known}
        for least, most in (("minItems", "maxItems"), ("minLength", "maxLength")):
            if schema.get(least, 0) > schema.get(most, math.inf):
                raise ValueError(least)
        if kind == "array" and "prefixItems" not in schema:
            schema["items"] = schema.get("items") or _ANYTHING
        elif kind == "array":
            beside = {name for name in ("items", "minItems", "maxItems") if schema.get(name)}
            self.not_held |= beside and {"prefixItems", *beside}
        return schema

    def _note_together(self, schema: dict[str, Any]) -> None:
        """Note what is not held to where several objects are to be one."""
        if not all("properties" in part and "$ref" not in part for part in schema["allOf"]):
            raise ValueError("allOf")
        for part in schema["allOf"]:
            self._note(part, {"type", "properties", "required"})
        self._note(schema, {"type", "allOf"})

    def _note(self, schema: Mapping[str, Any], held: set[str]) -> None:
        self.not_held |= schema.keys() - held - _SAY_NOTHING

    def _format_literal(self, literal: str) -> str:
        as_typed = json.dumps(json.loads(literal), ensure_ascii=False)
        # the original leaves a backslash as it is, which is a sign of its own in a grammar
        return str(super()._format_literal(as_typed.replace("\\", "\\\\")))

    def _resolve_ref(self, ref: str) -> str:
        """Return the rule for what a `$ref` within the schema points to."""
        name = self._names.get(ref)
        if name is None:
            name = self._names[ref] = f"ref-{len(self._names)}"
            self._rules[name] = self.visit(self._target(ref), f"{name}-is")
        return name

    def _target(self, ref: str) -> Any:
        if not ref.startswith("#"):
            raise ValueError(ref)
        target: Any = self._root
        for part in ref[1:].split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            target = target[int(name)] if isinstance(target, list) else target[name]
        return target


def _with_type(schema: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Return the schema for one of its types, without what asks something of others."""
    others = {name for other, names in _OF_TYPE.items() if other != kind for name in names}
    return {name: value for name, value in schema.items() if name not in others} | {"type": kind}


def _few_numbers(schema: Mapping[str, Any]) -> list[int]:
    """Return the numbers a whole number may be where its bounds leave few; else nothing."""
    least, most = schema.get("minimum"), schema.get("maximum")
    if schema.keys() - _SAY_NOTHING - {"type", "minimum", "maximum"}:
        return []
    if not isinstance(least, int) or not isinstance(most, int) or most - least > _FEW:
        return []
    return [*range(least, most + 1)]


def _kind_of(schema: Mapping[str, Any]) -> str:
    """Return the type that the converter takes a schema without one for."""
    return next((kind for kind, names in _OF_TYPE.items() if names & schema.keys()), "object")


def _exclude_one_another(parts: list[Any]) -> bool:
    kinds = sorted(str(part.get("type")) for part in parts)
    are_distinct = all(one != other for one, other in pairwise(kinds))
    return are_distinct and "None" not in kinds and not {"integer", "number"} <= set(kinds)


def _pattern_in_grammar(pattern: str) -> str | None:
    """Return a regular expression as the converter takes it; `None` where it would go wrong.

    It matches no more than before, and nothing that no JSON text holds.
    """
    if not (pattern.startswith("^") and pattern.endswith("$") and not pattern.endswith(r"\$")):
        return None
    if re.search(r"(?<!\\)\(\?(?!:)", pattern):
        # looks ahead or back, or is named
        return None
    depth = 0
    made = []
    for found in _PIECES.finditer(pattern[1:-1]):
        piece = found[0]
        depth += piece.startswith("(") - (piece == ")")
        if piece == "(?:":
            piece = "("
        elif len(piece) == 2 and piece[1] == "?":
            # the lazy and the greedy match the same
            piece = piece[0]
        elif piece[0] == "[" and len(piece) > 2:
            piece = _class_in_grammar(piece)
        elif piece[0] == "\\":
            piece = _escape_in_grammar(piece[1])
        elif piece in '"^$' or piece < " " or (piece == "|" and depth == 0):
            return None
        if not piece:
            return None
        made.append(piece)
    return "^" + "".join(made) + "$"


def _escape_in_grammar(sign: str) -> str:
    if sign in _CLASSES:
        return f"[{_CLASSES[sign]}]"
    if sign.isalnum() or sign in '"\\':
        return ""
    return f"\\{sign}" if sign in "[](){}|*+?" else "[.]" if sign == "." else sign


def _class_in_grammar(written: str) -> str:
    is_negated = written.startswith("[^")
    pieces = re.findall(r"\\.|.", written[1 + is_negated : -1], re.DOTALL)
    made = ""
    for number, piece in enumerate(pieces):
        sign = piece[-1]
        if len(piece) == 2 and sign in _CLASSES:
            made += _CLASSES[sign]
        elif len(piece) == 2 and (sign.isalnum() or sign in '"\\'):
            return ""
        elif piece == "-" and 0 < number < len(pieces) - 1:
            made += piece
        else:
            made += sign if sign.isalnum() else f"\\U{ord(sign):08X}"
    if is_negated:
        return f"[^{_IN_JSON}{made}]"
    # a range may hold what is escaped in JSON
    return "" if re.search(f"[{made}]", '"\\\n\t\x00\x1f\x7f') else f"[{made}]"
