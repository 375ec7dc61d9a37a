"""Plain values to JSON and back, by their type annotations."""

import types
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

TAG = "type"
"""Key that names the class where a field may hold one of several."""


def encode(value: Any) -> Any:
    """Return `value` as what `json.dumps` takes; dataclasses carry their class name."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        return value
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


def decode(kind: Any, data: Any) -> Any:
    """Return `data` as a value of type `kind`.

    Fields that are missing keep their default and unknown ones are left out, so that files of
    older and newer versions can be read. Raises `ValueError` where the data does not fit.
    """
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _decode_union(get_args(kind), data)
    if kind is Any or kind is object:
        return data
    if origin in (tuple, list, frozenset):
        return _decode_sequence(origin, get_args(kind), data)
    if origin is dict:
        if not isinstance(data, dict):
            raise ValueError(f"expected an object, got {type(data).__name__}")
        key_kind, value_kind = get_args(kind)
        return {decode(key_kind, k): decode(value_kind, v) for k, v in data.items()}
    if is_dataclass(kind) and isinstance(kind, type):
        return _decode_dataclass(kind, data)
    return _decode_scalar(kind, data)


def _decode_union(options: tuple[Any, ...], data: Any) -> Any:
    if data is None and type(None) in options:
        return None
    candidates = [option for option in options if option is not type(None)]
    if isinstance(data, dict) and TAG in data:
        for option in candidates:
            if getattr(option, "__name__", None) == data[TAG]:
                return decode(option, data)
    if len(candidates) == 1:
        return decode(candidates[0], data)
    raise ValueError(f"none of {candidates} fits")


def _decode_sequence(origin: Any, args: tuple[Any, ...], data: Any) -> Any:
    if not isinstance(data, list | tuple):
        raise ValueError(f"expected a list, got {type(data).__name__}")
    if origin is tuple and Ellipsis not in args:
        return tuple(decode(kind, item) for kind, item in zip(args, data, strict=True))
    return origin(decode(args[0], item) for item in data)


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _decode_dataclass(kind: type, data: Any) -> Any:
    if not isinstance(data, dict):
        raise ValueError(f"expected an object for {kind.__name__}")
    members = {
        name: decode(hint, data[name]) for name, hint in _hints(kind).items() if name in data
    }
    try:
        return kind(**members)
    except TypeError as error:
        raise ValueError(f"{kind.__name__}: {error}") from error


def _decode_scalar(kind: Any, data: Any) -> Any:
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if kind in (bool, int, float, str):
        if type(data) is not kind:
            raise ValueError(f"expected {kind.__name__}, got {type(data).__name__}")
        return data
    if not isinstance(data, str):
        raise ValueError(f"expected a text for {kind.__name__}, got {type(data).__name__}")
    return datetime.fromisoformat(data) if kind is datetime else kind(data)
