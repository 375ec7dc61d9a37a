"""What a worker does with an order: load the model, answer."""

from collections.abc import Callable
from time import perf_counter
from typing import Protocol

import llama_cpp.llama_cpp as api

from playground.engines.llama import protocol as wire
from playground.engines.worker.decode import Decoder, Stopped
from playground.engines.worker.log import LogLines
from playground.engines.worker.model import AbortSwitch, LoadedModel, LoadStopped, load_model
from playground.engines.worker.prompt import Pieces, PromptMaker

_PROGRESS_STEP = 0.01


class Order(Protocol):
    """A message of the parent's that may be called off while it is worked on."""

    message: wire.JsonObject
    is_stopped: bool


class Session:
    """The model of this process and the answers it gives."""

    def __init__(self, emit: Callable[[bytes], None]) -> None:
        self._emit = emit
        self.abort = AbortSwitch()
        self._log = LogLines()
        self._log.install()
        self._loaded: LoadedModel | None = None
        self._decoder: Decoder | None = None
        self._prompts: PromptMaker | None = None
        api.llama_backend_init()

    @property
    def is_loaded(self) -> bool:
        """True once a model can answer."""
        return self._decoder is not None

    def do(self, order: Order) -> bool:
        """Carry out `order` and return whether the process is of further use.

        Raises a `PlaygroundError` for whatever a person can be told.
        """
        try:
            if order.message["type"] == "load":
                self._load(order)
            else:
                self._generate(order)
        except (LoadStopped, Stopped):
            self._emit(wire.pack({"type": "stopped"}))
        return self.is_loaded

    def _load(self, order: Order) -> None:
        begun = perf_counter()
        reported = -1.0

        def on_progress(fraction: float) -> None:
            nonlocal reported
            if fraction - reported >= _PROGRESS_STEP:
                reported = fraction
                self._emit(wire.pack(wire.load_progress(fraction)))

        loaded = load_model(
            wire.read_load(order.message), self._log, on_progress, lambda: order.is_stopped
        )
        self.abort.attach(loaded.context)
        pieces = Pieces(loaded)
        self._loaded = loaded
        self._prompts = PromptMaker(loaded)
        self._decoder = Decoder(loaded, pieces, self._log, self._emit)
        self._emit(wire.pack(wire.loaded(perf_counter() - begun, loaded.context_tokens)))

    def _generate(self, order: Order) -> None:
        if self._decoder is None or self._prompts is None:
            raise wire.WireError("no model is loaded")
        _, request = wire.read_generate(order.message)
        self._log.clear()
        self._emit(wire.pack(wire.phase("template")))
        prompt = self._prompts.make(request.messages)
        if order.is_stopped:
            raise Stopped
        if prompt.is_plain:
            self._emit(
                wire.pack(
                    wire.notice(
                        perf_counter(),
                        "no_template",
                        "This model has no chat format: it continues the text as it stands.",
                    )
                )
            )
        self._decoder.answer(prompt, request, lambda: order.is_stopped)
