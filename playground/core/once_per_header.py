"""Remembers what was last worked out of a header: a verdict asks for the same a dozen times."""

from collections.abc import Callable
from functools import update_wrapper
from typing import Concatenate, ParamSpec, TypeVar

from playground.core.gguf.header import GgufHeader

P = ParamSpec("P")
T = TypeVar("T")


def once_per_header(
    function: Callable[Concatenate[GgufHeader, P], T],
) -> Callable[Concatenate[GgufHeader, P], T]:
    """Return `function`, which must be pure, with the results of its last header remembered.

    Headers are told apart by identity: comparing two would cost as much as the work. Callable from
    any thread; two that look at different headers at once merely work it out more often.
    """
    # replaced as a whole, so that no thread sees a header beside another's results
    last: tuple[GgufHeader | None, dict[object, T]] = (None, {})

    def remembered(header: GgufHeader, /, *args: P.args, **kwargs: P.kwargs) -> T:
        nonlocal last
        known, results = last
        if known is not header:
            results = {}
            last = (header, results)
        key = (args, tuple(kwargs.items()))
        if key not in results:
            results[key] = function(header, *args, **kwargs)
        return results[key]

    update_wrapper(remembered, function)
    return remembered
