"""Plain values to JSON and back, by their type annotations."""

import types
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache, partial
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

TAG = "type"
"""Key that names the class where a field may hold one of several."""
_LARGEST = 2**63 - 1
"""What Qt, SQLite and a count of bytes can hold; JSON knows no limit."""


def encode(value: Any) -> Any:
    """Return `value` as what `json.dumps` takes; dataclasses carry their class name."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return bytes_to_text(value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        members = {f.name: encode(getattr(value, f.name)) for f in fields(value)}
        return {TAG: type(value).__name__, **members}
    if isinstance(value, frozenset):
        return sorted(encode(item) for item in value)
    if isinstance(value, tuple | list):
        return [encode(item) for item in value]
    if isinstance(value, dict):
        return {str(k): encode(v) for k, v in value.items()}
    raise TypeError(f"cannot encode {type(value).__name__}")


def bytes_to_text(raw: bytes) -> str:
    """Return `raw` as base64: four characters for three bytes, whatever they are.

    Latin-1 is shorter for plain English, but `json.dumps` makes six characters of every other byte.
    """
    return b2a_base64(raw, newline=False).decode("ascii")


def text_to_bytes(text: str) -> bytes:
    """Return the bytes that `bytes_to_text` made `text` of; raises `ValueError`."""
    return a2b_base64(text, strict_mode=True)


def decode(kind: Any, data: Any) -> Any:
    """Return `data` as a value of type `kind`.

    Fields that are missing keep their default and unknown ones are left out, so that files of
    older and newer versions can be read. Raises `ValueError` where the data does not fit.
    """
    return _decoder(kind)(data)


Decoder = Callable[[Any], Any]


@cache
def _decoder(kind: Any) -> Decoder:
    """Return what decodes a kind: annotations are taken apart once, not for each of its values."""
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _union_decoder(get_args(kind))
    if kind is Any or kind is object:
        return lambda data: data
    if origin in (tuple, list, frozenset):
        return _sequence_decoder(origin, get_args(kind))
    if origin is dict:
        return _dict_decoder(*get_args(kind))
    if is_dataclass(kind) and isinstance(kind, type):
        return partial(_decode_dataclass, kind)
    return partial(_decode_scalar, kind)


def _union_decoder(options: tuple[Any, ...]) -> Decoder:
    candidates = [option for option in options if option is not type(None)]
    by_name = {option.__name__: option for option in candidates if hasattr(option, "__name__")}
    takes_none = len(candidates) < len(options)

    def decode_union(data: Any) -> Any:
        if data is None and takes_none:
            return None
        tag = data.get(TAG) if isinstance(data, dict) else None
        if isinstance(tag, str) and tag in by_name:
            return _decoder(by_name[tag])(data)
        if len(candidates) == 1:
            return _decoder(candidates[0])(data)
        raise ValueError(f"none of {candidates} fits")

    return decode_union


def _sequence_decoder(origin: Any, args: tuple[Any, ...]) -> Decoder:
    def decode_sequence(data: Any) -> Any:
        if not isinstance(data, list | tuple):
            raise ValueError(f"expected a list, got {type(data).__name__}")
        if origin is tuple and Ellipsis not in args:
            return tuple(_decoder(kind)(item) for kind, item in zip(args, data, strict=True))
        return origin(map(_decoder(args[0]), data))

    return decode_sequence


def _dict_decoder(key_kind: Any, value_kind: Any) -> Decoder:
    def decode_dict(data: Any) -> Any:
        if not isinstance(data, dict):
            raise ValueError(f"expected an object, got {type(data).__name__}")
        key, value = _decoder(key_kind), _decoder(value_kind)
        return {key(k): value(v) for k, v in data.items()}

    return decode_dict


@cache
def _members(kind: type) -> tuple[tuple[str, Decoder], ...]:
    hints = get_type_hints(kind)
    return tuple((field.name, _decoder(hints[field.name])) for field in fields(kind))


def _decode_dataclass(kind: type, data: Any) -> Any:
    if not isinstance(data, dict):
        raise ValueError(f"expected an object for {kind.__name__}")
    members = {name: decoder(data[name]) for name, decoder in _members(kind) if name in data}
    try:
        return kind(**members)
    except TypeError as error:
        raise ValueError(f"{kind.__name__}: {error}") from error


def _decode_scalar(kind: Any, data: Any) -> Any:
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(_bounded(data))
    if kind in (bool, int, float, str):
        if type(data) is not kind:
            raise ValueError(f"expected {kind.__name__}, got {type(data).__name__}")
        return _bounded(data) if kind is int else data
    if not isinstance(data, str):
        raise ValueError(f"expected a text for {kind.__name__}, got {type(data).__name__}")
    if kind is bytes:
        return text_to_bytes(data)
    return datetime.fromisoformat(data) if kind is datetime else kind(data)


def _bounded(number: int) -> int:
    """Return an integer that everything it is used in can hold."""
    if abs(number) > _LARGEST:
        raise ValueError("the number is too large")
    return number
