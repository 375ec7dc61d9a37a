"""The child process that holds one model: does the jobs of its parent until that is gone."""

import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import BinaryIO

import llama_cpp.llama_cpp as api

from playground.core.errors import OutOfMemory, PlaygroundError
from playground.engines.child_process import claim_pipes, die_with_parent
from playground.engines.llama import protocol as wire
from playground.engines.worker.decode import Decoder, GenerationStopped
from playground.engines.worker.form import make_form
from playground.engines.worker.log import LogLines
from playground.engines.worker.model import AbortSwitch, LoadedModel, LoadStopped, load_model
from playground.engines.worker.prompt import NO_GRAMMAR, Pieces, PromptRenderer, only_checked


class WorkerJob:
    """One job of the parent's, and whether it is still wanted."""

    def __init__(self, message: wire.JsonObject) -> None:
        self.message = message
        # a load is stopped under the id 0
        self.id = 0 if message["type"] == "load" else int(message["id"])
        self.is_stopped = False


class JobQueue:
    """Orders of the parent: the reader thread adds them, the main thread works them off."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[WorkerJob] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._known: dict[int, WorkerJob] = {}
        self._on_stop: Callable[[], None] | None = None

    def add(self, message: wire.JsonObject) -> None:
        """Queue a job, or mark one as no longer wanted."""
        if message["type"] != "stop":
            job = WorkerJob(message)
            with self._lock:
                self._known[job.id] = job
            self._waiting.put(job)
            return
        with self._lock:
            known = self._known.get(message["id"])
            if known is None:
                return
            known.is_stopped = True
            if self._on_stop is not None:
                self._on_stop()

    def next(self, on_start: Callable[[], None], on_stop: Callable[[], None]) -> WorkerJob:
        """Wait for a job; `on_stop` is called from the reader thread when it is called off."""
        job = self._waiting.get()
        with self._lock:
            on_start()
            self._on_stop = on_stop
            if job.is_stopped:
                on_stop()
        return job

    def done(self, job: WorkerJob) -> None:
        """Forget `job`: a stop for it no longer means anything."""
        with self._lock:
            self._known.pop(job.id, None)
            self._on_stop = None


class Session:
    """The model of this process and the answers it gives."""

    def __init__(self, emit: Callable[[bytes], None]) -> None:
        self._emit = emit
        self.abort = AbortSwitch()
        self._log = LogLines()
        self._log.install()
        self._loaded: LoadedModel | None = None
        self._decoder: Decoder | None = None
        self._prompts: PromptRenderer | None = None
        api.llama_backend_init()

    @property
    def is_loaded(self) -> bool:
        return self._decoder is not None

    def do(self, job: WorkerJob) -> None:
        """Carry out `order`; raises a `PlaygroundError` for whatever a person can be told."""
        try:
            if job.message["type"] == "load":
                self._load(job)
            else:
                self._generate(job)
        except (LoadStopped, GenerationStopped):
            self._emit(wire.pack({"type": "stopped"}))

    def _load(self, job: WorkerJob) -> None:
        begun = perf_counter()
        reported = -1.0

        def on_progress(fraction: float) -> None:
            nonlocal reported
            if fraction - reported >= 0.01:
                reported = fraction
                self._emit(wire.pack(wire.load_progress(fraction)))

        loaded = load_model(
            wire.read_load(job.message), self._log, on_progress, lambda: job.is_stopped
        )
        self.abort.attach(loaded.context)
        pieces = Pieces(loaded)
        self._loaded = loaded
        self._prompts = PromptRenderer(loaded)
        self._decoder = Decoder(loaded, pieces, self._log, self._emit)
        self._emit(wire.pack(wire.loaded(perf_counter() - begun, loaded.context_tokens)))

    def _generate(self, job: WorkerJob) -> None:
        if self._decoder is None or self._prompts is None:
            raise wire.WireError("no model is loaded")
        _, request = wire.read_generate(job.message)
        self._log.clear()
        self._emit(wire.pack(wire.phase("template")))
        sampling = request.sampling
        has_form = sampling.schema is not None
        prompt = self._prompts.make(request.messages, think=sampling.think, has_form=has_form)
        form = None if self._loaded is None else make_form(self._loaded.vocab, sampling.schema)
        try:
            if job.is_stopped:
                raise GenerationStopped
            notices = list(prompt.notices)
            if has_form and form is None:
                notices.append(NO_GRAMMAR)
            elif form is not None and form.not_held:
                notices.append(only_checked(form.not_held))
            for notice in notices:
                self._emit(wire.pack(wire.notice(perf_counter(), notice.kind, notice.message)))
            self._decoder.answer(prompt, request, lambda: job.is_stopped, form=form)
        finally:
            if form is not None:
                form.close()


def main() -> int:
    """Work until the parent closes the pipe, dies, or a load fails; then end the process."""
    die_with_parent()
    # Ctrl-C in a terminal reaches the whole group: the parent decides what it means
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    incoming, outgoing = claim_pipes()
    _raise_oom_score()
    jobs = JobQueue()
    threading.Thread(target=_listen, args=(incoming, jobs), daemon=True).start()

    def emit(line: bytes) -> None:
        view = memoryview(line)
        while view:
            try:
                view = view[os.write(outgoing, view) :]
            except BrokenPipeError:
                os._exit(0)

    _work(Session(emit), jobs, emit)
    sys.stderr.flush()
    # llama.cpp's threads and callbacks must not meet a half-dismantled interpreter
    os._exit(0)


def _work(session: Session, jobs: JobQueue, emit: Callable[[bytes], None]) -> None:
    """Return once the worker is of no further use: a load failed or was stopped."""
    while True:
        job = jobs.next(session.abort.release, session.abort.press)
        try:
            session.do(job)
        except PlaygroundError as error:
            emit(wire.pack(wire.failed(error.info())))
        except MemoryError:
            shortage = OutOfMemory("The process that holds the model ran out of memory.")
            emit(wire.pack(wire.failed(shortage.info())))
        finally:
            jobs.done(job)
        if not session.is_loaded:
            return


def _listen(incoming: BinaryIO, jobs: JobQueue) -> None:
    """Read orders; the end of the pipe is the end of the process, whatever it is doing."""
    try:
        while line := incoming.readline(wire.LINE_LIMIT + 1):
            jobs.add(wire.unpack(line))
    except (wire.WireError, KeyError, TypeError, ValueError, OSError):
        os._exit(2)
    os._exit(0)


def _raise_oom_score() -> None:
    """When memory runs out, Linux shall end the worker and not the window."""
    score = Path("/proc/self/oom_score_adj")
    if score.exists():
        try:
            score.write_text("500")
        except OSError as error:
            sys.stderr.write(f"oom_score_adj: {error}\n")
