"""What llama.cpp says while it works, and what its last words mean to a person."""

import re
from collections import deque

import llama_cpp.llama_cpp as api

from playground.core.errors import (
    ModelFileInvalid,
    ModelLoadFailed,
    ModelUnsupported,
    OutOfMemory,
    PlaygroundError,
)

_ERROR_LEVEL = 4
_CONTINUED_LEVEL = 5

_PLAIN_SENTENCES: tuple[tuple[str, type[PlaygroundError], str], ...] = (
    (
        (
            r"out of memory|unable to allocate|failed to allocate|OutOfDeviceMemory"
            r"|cudaMalloc failed|std::bad_alloc|cannot allocate memory|mmap failed"
        ),
        OutOfMemory,
        "There is not enough memory for this model with this context.",
    ),
    (r"no such file or directory", ModelLoadFailed, "The model file is no longer where it was."),
    (r"permission denied", ModelLoadFailed, "The model file may not be read by this account."),
    (r"invalid magic|failed to read magic", ModelFileInvalid, "The file is not a GGUF model."),
    (
        r"not within the file bounds|incomplete|unexpectedly reached end of file|failed to read",
        ModelFileInvalid,
        "The file is damaged or was not downloaded completely.",
    ),
    (
        r"unknown model architecture|unknown architecture|unsupported model architecture",
        ModelUnsupported,
        "This kind of model is not known to the version of llama.cpp in use.",
    ),
    (
        r"unknown pre-tokenizer|unknown tokenizer",
        ModelUnsupported,
        "The model's vocabulary is not known to the version of llama.cpp in use.",
    ),
    (r"vocab", ModelLoadFailed, "The model's vocabulary cannot be read."),
    (
        (
            r"missing tensor|wrong number of tensors|wrong shape|tensor .* (has|not found)"
            r"|invalid|corrupt|key not found|wrong type|gguf_init"
        ),
        ModelFileInvalid,
        "The file is damaged: its parts do not fit together.",
    ),
    (
        r"quantized V cache|flash.attn",
        ModelLoadFailed,
        "A compressed conversation memory (KV type) needs flash attention.",
    ),
)


class LogLines:
    """Keeps llama.cpp's last error lines; must outlive every call into the library."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=20)
        self._is_error = False
        self._callback = api.llama_log_callback(self._take)

    def install(self) -> None:
        """Take over from the callback that llama-cpp-python sets when it is imported."""
        api.llama_log_set(self._callback, None)

    def clear(self) -> None:
        self._lines.clear()

    def errors(self) -> tuple[str, ...]:
        """Return the error lines since the last `clear`, oldest first."""
        return tuple(line.strip() for line in self._lines if line.strip())

    def _take(self, level: int, text: bytes, _user_data: object) -> None:
        words = text.decode("utf-8", "replace")
        if level == _CONTINUED_LEVEL:
            if self._is_error and self._lines:
                self._lines[-1] += words
            return
        self._is_error = level == _ERROR_LEVEL
        if self._is_error:
            self._lines.append(words)


def explain(lines: tuple[str, ...], fallback: str) -> PlaygroundError:
    """Return the error that llama.cpp's last `lines` amount to, the telling line in its hint."""
    for pattern, kind, sentence in _PLAIN_SENTENCES:
        for line in reversed(lines):
            if re.search(pattern, line, re.IGNORECASE):
                return kind(sentence, f'{kind.default_hint} llama.cpp says: "{line}"')
    hint = ModelLoadFailed.default_hint
    if lines:
        hint = f'{hint} llama.cpp says: "{lines[-1]}"'
    return ModelLoadFailed(fallback, hint)
