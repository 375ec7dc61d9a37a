"""What a real worker's resident memory grows by, from before a load to after one prompt."""

import asyncio
import ctypes
import os
from dataclasses import dataclass
from pathlib import Path

import psutil

from playground.core.targets import LoadSettings
from playground.engines.child_process import child_command, spawn, worker_environment
from playground.engines.llama import protocol as wire
from tests.engines.local_run import ask, order

UBATCH = 128
_SETTLED_S = 0.15
_PROCESS_MADVISE = 440
_MADV_PAGEOUT = 21


@dataclass(frozen=True)
class Growth:
    """Bytes more than before the load."""

    resident: int
    private: int
    """Of it what is not a page of a file."""


async def growth(path: Path, settings: LoadSettings, *, pages_out: bool = False) -> Growth:
    """Load a model in a worker, let it read more than a full `n_ubatch` and write one token.

    With `pages_out`, the system takes the file's pages away meanwhile, as it does where memory is
    short: those that are really used come back with a second prompt. Raises `OSError` where the
    system does not take them on demand.
    """
    assert settings.context is not None
    process = await spawn(
        child_command("--worker"), worker_environment(os.environ), wire.LINE_LIMIT
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        before = await _settled(process.pid)
        load = order(
            path,
            context=settings.context,
            threads=1,
            kv_type=settings.kv_type,
            flash_attention=settings.flash_attention,
        )
        process.stdin.write(wire.pack(wire.load(load)))
        await _wait_for(process.stdout, "loaded")
        # a digit is a token, in the starter as in vocabularies of single bytes
        request = ask("1234567890" * 14, max_tokens=1)
        process.stdin.write(wire.pack(wire.generate(1, request)))
        finished = await _wait_for(process.stdout, "finished")
        assert finished["prompt_tokens"] > UBATCH, finished
        if pages_out:
            page_out(process.pid, path)
            process.stdin.write(wire.pack(wire.generate(2, request)))
            await _wait_for(process.stdout, "finished")
        after = await _settled(process.pid)
    finally:
        process.kill()
        await process.communicate()
    return Growth(after.resident - before.resident, after.private - before.private)


class _Span(ctypes.Structure):
    _fields_ = (("start", ctypes.c_void_p), ("length", ctypes.c_size_t))


def page_out(pid: int, path: Path) -> None:
    """Take the pages of `path` that `pid` has mapped out of memory; raises `OSError`.

    https://man7.org/linux/man-pages/man2/process_madvise.2.html
    """
    library = ctypes.CDLL(None, use_errno=True)
    handle = os.pidfd_open(pid)
    try:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            if not line.endswith(str(path)):
                continue
            start, end = (int(part, 16) for part in line.split()[0].split("-"))
            span = _Span(start, end - start)
            arguments = (handle, ctypes.byref(span), 1, _MADV_PAGEOUT, 0)
            if library.syscall(_PROCESS_MADVISE, *arguments) < 0:
                code = ctypes.get_errno()
                raise OSError(code, os.strerror(code))
    finally:
        os.close(handle)


async def _wait_for(stream: asyncio.StreamReader, kind: str) -> wire.JsonObject:
    while True:
        message = wire.unpack(await stream.readline())
        assert message["type"] != "failed", message
        if message["type"] == kind:
            return message


async def _settled(pid: int) -> Growth:
    """Return what the process holds once that no longer changes."""
    process, last = psutil.Process(pid), None
    while True:
        memory = process.memory_info()
        held = Growth(memory.rss, memory.rss - getattr(memory, "shared", 0))
        is_ready = any("llama" in Path(entry.path).name for entry in process.memory_maps())
        if held == last and is_ready:
            return held
        last = held
        await asyncio.sleep(_SETTLED_S)
