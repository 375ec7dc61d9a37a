"""A call that never comes back does not keep the program from ending."""

import subprocess
import sys

import pytest

from playground.core.threads import run_in_daemon_thread


async def test_the_result_or_the_error_arrives() -> None:
    assert await run_in_daemon_thread(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        await run_in_daemon_thread(lambda: 1 // 0)


def test_the_program_ends_though_the_call_does_not() -> None:
    code = (
        "import asyncio, threading\n"
        "from playground.core.threads import run_in_daemon_thread\n"
        "async def main():\n"
        "    task = asyncio.create_task(run_in_daemon_thread(threading.Event().wait))\n"
        "    await asyncio.sleep(0.1)\n"
        "    task.cancel()\n"
        "asyncio.run(main())\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=20)
