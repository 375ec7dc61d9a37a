"""What a person drops on the window."""

from pathlib import Path

from PySide6.QtCore import QMimeData


def dropped_models(data: QMimeData) -> tuple[Path, ...]:
    """Return the model files and folders among what is dragged."""
    paths = (Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile())
    return tuple(path for path in paths if path.suffix.lower() == ".gguf" or path.is_dir())
