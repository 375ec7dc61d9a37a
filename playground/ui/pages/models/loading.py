"""Loads models on request and keeps track of how far each one is."""

from collections.abc import Callable, Collection

from playground.core.targets import LocalTarget
from playground.services.worker_pool import WorkerPool
from playground.ui.bridge import Bridge, Follower
from playground.ui.pages.models import reckoning


class Loads:
    """The loads this page has begun, by the path of the model file."""

    def __init__(
        self, bridge: Bridge, pool: WorkerPool, on_change: Callable[[Collection[str]], None]
    ) -> None:
        self._bridge = bridge
        self._pool = pool
        self._on_change = on_change
        self._followers: dict[str, Follower] = {}
        self._fractions: dict[str, float] = {}

    def fraction(self, key: str) -> float | None:
        """Return how much of a model is loaded, 0 … 1; `None` where no load is on its way."""
        return self._fractions.get(key)

    def begin(self, target: LocalTarget) -> None:
        """Load a model; a second request for it changes nothing."""
        key = str(target.model.path)
        if key in self._followers:
            return

        def take(fractions: list[float]) -> None:
            self._fractions[key] = fractions[-1]
            self._on_change((key,))

        def end() -> None:
            self._forget(key)
            self._on_change((key,))

        self._fractions[key] = 0.0
        self._followers[key] = self._bridge.follow(
            lambda: reckoning.load(self._pool, target), take, done=end
        )
        self._on_change((key,))

    def stop(self, key: str) -> None:
        """Call a load off."""
        follower = self._forget(key)
        if follower is not None:
            follower.cancel()
            self._on_change((key,))

    def close(self) -> None:
        """Call every load off."""
        for key in list(self._followers):
            follower = self._forget(key)
            if follower is not None:
                follower.cancel()

    def _forget(self, key: str) -> Follower | None:
        self._fractions.pop(key, None)
        return self._followers.pop(key, None)
