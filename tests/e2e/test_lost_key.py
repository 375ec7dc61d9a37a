"""A key that was kept for one run only: the next one asks for it where it is missed."""

from pathlib import Path

import pytest

from playground.core.targets import Provider
from playground.store.settings import SettingsStore
from tests.e2e.screen import can_drive, program
from tests.servers.scripted_openai import ScriptedOpenAI

pytestmark = [
    pytest.mark.xvfb,
    pytest.mark.timeout(120),
    pytest.mark.skipif(not can_drive(), reason="Xvfb and xdotool are not installed"),
]
KEY = "sk-planted-0123456789"


def test_the_picker_leads_to_the_field_of_a_key_that_is_gone(playground_home: Path) -> None:
    with ScriptedOpenAI(models={"data": [{"id": "large"}]}) as server:
        box = Provider("box", "Box", server.base_url, expects_key=True)
        SettingsStore(playground_home / "settings.json").update(providers=(box,))
        variables = {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
        with program(playground_home, **variables) as running:
            running.wait_for("Try it: a model here against the practice cloud")
            running.click("Choose models yourself")
            running.wait_for("Search models")
            running.type("box enter")
            running.settle()
            running.press("Return")
            running.wait_for("Save")
            running.type(f"Bearer {KEY}")
            running.wait_text("“Bearer” in front was left out.")
            running.press("Return")
            running.wait_text("Connected: 1 model")
            assert server.requests[-1].headers["authorization"] == f"Bearer {KEY}"
            assert running.close() == 0
