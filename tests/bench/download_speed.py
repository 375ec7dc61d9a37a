"""Downloads beside `curl`: speed, memory, and the lag of Qt's loop meanwhile.

    python -m tests.bench.download_speed [--pairs 5] [--mb 1000] [--rate-mb 125]

One loopback server, in a process of its own, gives both the same file at the same limit of bytes
per second. Ours is fetched over the program's own bridge, with the checksum taken; curl takes none.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

BAR = 0.95
LAG_BAR_MS = 16.0
SERVER = """
import json, sys
from tests.servers.hub import HubServer
from tests.servers.hub_content import Generated, sha256_of
size, rate = int(sys.argv[1]), float(sys.argv[2])
with HubServer(rate=rate) as hub:
    content = Generated(size)
    sha256_of(content)
    hub.add("acme/Large-GGUF", {"large-Q8_0.gguf": content})
    url = hub.endpoint + "/acme/Large-GGUF/resolve/main/large-Q8_0.gguf"
    print(json.dumps({"endpoint": hub.endpoint, "url": url}), flush=True)
    sys.stdin.read()
"""
CLIENT = """
import asyncio, json, resource, statistics, sys, time
from pathlib import Path
from PySide6.QtWidgets import QApplication
import qasync
from playground.app.services import use_hub_transport
from playground.services.downloads.manager import DownloadManager
from playground.services.hub.service import HubService
from playground.store.secrets import SecretStore
from playground.store.settings import SettingsStore
from playground.ui.bridge import Bridge

home, endpoint = Path(sys.argv[1]), sys.argv[2]
rss = lambda: int(open("/proc/self/statm").read().split()[1]) * 4096

async def fetch():
    settings = SettingsStore(home / "settings.json")
    environment = {"HF_ENDPOINT": endpoint}
    hub = HubService(settings, SecretStore({}), home / "cache", use_hub_transport, environment)
    downloads = DownloadManager(home / "models", home / "downloads.json", hub, settings)
    repository = await hub.repository("acme/Large-GGUF")
    began = time.perf_counter()
    item = await downloads.add(repository, repository.files[0])
    samples, half = [], None
    async for items in downloads.follow():
        samples.append(rss())
        if items[0].state.is_over:
            break
    took = time.perf_counter() - began
    await downloads.close()
    await hub.close()
    return took, items[0].state.value, samples

async def main():
    bridge = Bridge(lambda error: print(error, file=sys.stderr))
    lags = []
    async def tick():
        while True:
            planned = time.perf_counter() + 0.005
            await asyncio.sleep(0.005)
            lags.append(max(0.0, time.perf_counter() - planned) * 1000)
    ticking = asyncio.ensure_future(tick())
    took, state, samples = await bridge.submit(fetch())
    ticking.cancel()
    await bridge.close()
    lags.sort()
    middle = samples[len(samples) // 4 :]
    print(json.dumps({
        "took_s": took, "state": state,
        "lag_p99_ms": lags[int(len(lags) * 0.99)], "lag_worst_ms": lags[-1],
        "rss_growth_mb": (max(middle) - middle[0]) / 1e6, "rss_mb": max(samples) / 1e6,
    }))

application = QApplication([])
with asyncio.Runner(loop_factory=lambda: qasync.QEventLoop(application)) as runner:
    runner.run(main())
"""


def ours(endpoint: str) -> dict[str, float]:
    """Return the figures of one download by this program, in a process of its own."""
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [sys.executable, "-c", CLIENT, home, endpoint],
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise SystemExit(done.stderr)
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    assert figures["state"] == "done", done.stderr
    return figures


def curl(url: str) -> float:
    """Return the seconds curl takes."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        subprocess.run(["curl", "-sSfL", "-o", str(Path(folder) / "file"), url], check=True)
        return time.perf_counter() - began


def main() -> None:
    """Print both, pair by pair, and the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--mb", type=int, default=1000)
    parser.add_argument("--rate-mb", type=float, default=125)
    args = parser.parse_args()
    if shutil.which("curl") is None:
        raise SystemExit("curl is not installed")
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(args.mb * 10**6), str(args.rate_mb * 1e6)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        addresses = json.loads(server.stdout.readline())
        ratios, lags, growths = [], [], []
        for number in range(args.pairs):
            order = (0, 1) if number % 2 == 0 else (1, 0)
            result: dict[int, float] = {}
            for which in order:
                if which == 0:
                    result[0] = curl(addresses["url"])
                else:
                    figures = ours(addresses["endpoint"])
                    result[1] = figures["took_s"]
            ratios.append(result[0] / result[1])
            lags.append(figures["lag_p99_ms"])
            growths.append(figures["rss_growth_mb"])
            print(
                f"curl {result[0]:6.2f} s, ours {result[1]:6.2f} s with checksum: "
                f"{ratios[-1]:.3f}; lag p99 {figures['lag_p99_ms']:.1f} ms, worst "
                f"{figures['lag_worst_ms']:.0f} ms; memory {figures['rss_mb']:.0f} MB, grew "
                f"{figures['rss_growth_mb']:.1f} MB after the first quarter",
                flush=True,
            )
        ratio, lag = statistics.median(ratios), statistics.median(lags)
        print(
            f"median: {ratio:.3f} x curl (bar {BAR}), lag p99 {lag:.1f} ms (bar {LAG_BAR_MS:g}), "
            f"memory +{statistics.median(growths):.1f} MB"
        )
    finally:
        assert server.stdin is not None
        server.stdin.close()
        server.wait(10)
    raise SystemExit(0 if ratio >= BAR and lag <= LAG_BAR_MS else 1)


if __name__ == "__main__":
    main()
