"""Whether a file name that came from a server stays in the folder it is meant for."""

import re
from pathlib import PurePosixPath, PureWindowsPath

_RESERVED = re.compile(
    r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(\..*)?", re.IGNORECASE
)
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f\ud800-\udfff<>:"|?*\\]')
_LONGEST_NAME = 255
_LONGEST_PATH = 1_024


def is_safe_path(path: str) -> bool:
    """Return True for a relative path with forward slashes that means the same on every system.

    Refused are `..`, absolute paths, drives, network shares, names Windows keeps for devices,
    characters some system does not take, and names that end in a dot or a space.
    """
    if not path or len(path) > _LONGEST_PATH or _FORBIDDEN.search(path):
        return False
    if PurePosixPath(path).is_absolute() or PureWindowsPath(path).drive:
        return False
    return all(_is_safe_name(name) for name in path.split("/"))


def _is_safe_name(name: str) -> bool:
    if not name or name in {".", ".."} or len(name.encode()) > _LONGEST_NAME:
        return False
    return name[-1] not in ". " and not _RESERVED.fullmatch(name)
