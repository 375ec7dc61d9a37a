"""A model and its context, made through llama.cpp's low-level calls."""

import ctypes
import ctypes.util
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import llama_cpp.llama_cpp as api

from playground.core.errors import ModelLoadFailed, NotAChatModel
from playground.core.targets import FlashAttention, KvType
from playground.engines.llama.protocol import LoadRequest
from playground.engines.worker.log import LogLines, explain

PROMPT_CHUNK = 512
"""Prompt tokens handed to one `llama_decode`."""
UBATCH_CPU = 128
"""Tokens computed together; the abort callback is heard between the nodes of such a graph."""
UBATCH_GPU = 512
LOWEST_CHUNK = 8
CHUNK_S = 20.0
"""A piece of the prompt takes at most this long, so that progress is heard of."""

_KV_TYPES = {
    KvType.F16: api.GGML_TYPE_F16,
    KvType.Q8_0: api.GGML_TYPE_Q8_0,
    KvType.Q4_0: api.GGML_TYPE_Q4_0,
}
_FLASH_ATTENTION = {
    FlashAttention.AUTO: api.LLAMA_FLASH_ATTN_TYPE_AUTO,
    FlashAttention.ON: api.LLAMA_FLASH_ATTN_TYPE_ENABLED,
    FlashAttention.OFF: api.LLAMA_FLASH_ATTN_TYPE_DISABLED,
}

_NO_DEVICES = (ctypes.c_void_p * 1)(None)
"""An empty list of devices; `None` would mean all of them."""

_NO_CHAT = "This model does not write text, so it cannot answer."


class LoadStopped(Exception):
    """The load was given up because it was asked to stop."""


class AbortSwitch:
    """Makes a running `llama_decode` return 2, from any thread.

    ggml asks its abort callback at every node of the graph. As a Python function that would take
    the interpreter lock each time, so the callback is C's own `strlen` and its argument a string:
    empty goes on, anything else aborts. Only the CPU backend asks.
    """

    def __init__(self) -> None:
        self._text = ctypes.create_string_buffer(2)
        library = "msvcrt" if sys.platform == "win32" else None
        self._strlen = ctypes.CDLL(library).strlen

    def attach(self, context: Any) -> None:
        """Let `context` ask this switch."""
        callback = ctypes.cast(self._strlen, api.ggml_abort_callback)
        api.llama_set_abort_callback(context, callback, ctypes.addressof(self._text))

    def press(self) -> None:
        """Abort what runs now and whatever is started before `release`."""
        self._text[0] = b"\x01"

    def release(self) -> None:
        self._text[0] = b"\x00"


def set_fields(structure: ctypes.Structure, **values: object) -> None:
    """Set fields of a parameter structure; raises `AttributeError` for one it does not have.

    ctypes takes any name silently, and llama.cpp renames its parameters.
    """
    known = {field[0] for field in structure._fields_}
    for name, value in values.items():
        if name not in known:
            raise AttributeError(f"{type(structure).__name__} has no field {name}")
        setattr(structure, name, value)


class LoadedModel:
    """One model in memory with one context for one conversation."""

    def __init__(self, model: Any, context: Any, request: LoadRequest, *, on_gpu: bool) -> None:
        self.model = model
        self.context = context
        self.on_gpu = on_gpu
        self.vocab = api.llama_model_get_vocab(model)
        self.memory = api.llama_get_memory(context)
        if not self.memory:
            raise NotAChatModel(_NO_CHAT)
        self.vocabulary_size = api.llama_vocab_n_tokens(self.vocab)
        # llama.cpp rounds the context up; what was asked for is what the person was told
        self.context_tokens = min(request.context, api.llama_n_ctx(context))
        self.sliding_window = api.llama_model_n_swa(model)
        self.chunk_tokens = UBATCH_CPU

    def close(self) -> None:
        api.llama_free(self.context)
        api.llama_model_free(self.model)

    def warm_up(self) -> None:
        """Run a token through every layer, so that the first answer is not slowed by the disk.

        Also finds out how many prompt tokens are sure to be done within `CHUNK_S`.
        """
        tokens = (api.llama_token * 1)(max(api.llama_vocab_bos(self.vocab), 0))
        for _ in range(2):
            begun = perf_counter()
            if api.llama_decode(self.context, api.llama_batch_get_one(tokens, 1)) != 0:
                raise ModelLoadFailed("The model was loaded but cannot compute a single token.")
            api.llama_synchronize(self.context)
            token_s = perf_counter() - begun
        api.llama_memory_clear(self.memory, False)
        self.chunk_tokens = max(LOWEST_CHUNK, min(UBATCH_CPU, int(CHUNK_S / token_s)))


def load_model(
    request: LoadRequest,
    log: LogLines,
    on_progress: Callable[[float], None],
    is_stopped: Callable[[], bool],
) -> LoadedModel:
    """Load what `request` says.

    Raises `ModelLoadFailed` or `OutOfMemory` with a sentence made of llama.cpp's last error line,
    and `LoadStopped` once `is_stopped()` is true.
    """
    log.clear()
    if not Path(request.path).is_file():
        raise ModelLoadFailed("The model file is no longer where it was.")
    model = _load_weights(request, log, on_progress, is_stopped)
    try:
        loaded = _with_context(model, request, log)
    except BaseException:
        api.llama_model_free(model)
        raise
    if is_stopped():
        loaded.close()
        raise LoadStopped
    return loaded


def _with_context(model: Any, request: LoadRequest, log: LogLines) -> LoadedModel:
    """Return `model` with its context, warmed up."""
    if api.llama_model_has_encoder(model) or not api.llama_model_has_decoder(model):
        raise NotAChatModel(_NO_CHAT)
    on_gpu = _gpu_layers(request) != 0
    context = api.llama_init_from_model(model, _context_parameters(request, on_gpu=on_gpu))
    if not context:
        raise explain(log.errors(), "The model's working memory could not be set up.")
    try:
        loaded = LoadedModel(model, context, request, on_gpu=on_gpu)
        loaded.warm_up()
    except BaseException:
        api.llama_free(context)
        raise
    return loaded


def _gpu_layers(request: LoadRequest) -> int:
    if request.gpu_layers is not None:
        return request.gpu_layers if api.llama_supports_gpu_offload() else 0
    return -1 if api.llama_supports_gpu_offload() else 0


def _load_weights(
    request: LoadRequest,
    log: LogLines,
    on_progress: Callable[[float], None],
    is_stopped: Callable[[], bool],
) -> Any:
    def report(fraction: float, _user_data: object) -> bool:
        on_progress(fraction)
        return not is_stopped()

    callback = api.llama_progress_callback(report)
    parameters = _model_parameters(request)
    set_fields(parameters, progress_callback=callback)
    model = api.llama_model_load_from_file(request.path.encode(), parameters)
    if is_stopped():
        if model:
            api.llama_model_free(model)
        raise LoadStopped
    if not model:
        raise explain(log.errors(), "The model file could not be loaded.")
    return model


def _model_parameters(request: LoadRequest) -> Any:
    parameters = api.llama_model_default_params()
    layers = _gpu_layers(request)
    set_fields(parameters, n_gpu_layers=layers)
    if layers == 0:
        # else a card is used for long prompts, and takes a GB of its memory, which may not be free:
        # https://github.com/gpustack/gpustack/issues/2461
        set_fields(parameters, devices=ctypes.addressof(_NO_DEVICES))
    return parameters


def _context_parameters(request: LoadRequest, *, on_gpu: bool) -> Any:
    parameters = api.llama_context_default_params()
    set_fields(
        parameters,
        n_ctx=request.context,
        n_batch=min(PROMPT_CHUNK, request.context),
        n_ubatch=min(UBATCH_GPU if on_gpu else UBATCH_CPU, request.context),
        n_seq_max=1,
        # one output row: a 262k vocabulary then needs 32 MiB of compute memory instead of 514
        n_outputs_max=1,
        n_threads=request.threads,
        n_threads_batch=request.threads,
        flash_attn_type=_FLASH_ATTENTION[request.flash_attention],
        type_k=_KV_TYPES[request.kv_type],
        type_v=_KV_TYPES[request.kv_type],
        swa_full=False,
        no_perf=True,
    )
    return parameters
