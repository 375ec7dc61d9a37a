"""What the system refuses is a sentence, wherever it comes up; anything else stays a bug."""

import errno
import os

import pytest

from playground.core.errors import StorageFailed, SystemRefused, explained


def refused(number: int, name: str | None = None) -> OSError:
    return OSError(number, os.strerror(number), name)


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENOSPC, errno.EROFS, errno.ENOMEM])
def test_a_refusal_of_the_system_is_explained(number: int) -> None:
    error = explained(refused(number))
    assert isinstance(error, SystemRefused)
    assert error.message
    assert error.hint


def test_a_refusal_is_found_behind_what_came_of_it() -> None:
    try:
        try:
            raise refused(errno.ENOSPC, "/home/file")
        except OSError as cause:
            raise RuntimeError("the library gave up") from cause
    except RuntimeError as failure:
        error = explained(failure)
    assert isinstance(error, SystemRefused)
    assert "/home/file" in error.message


def test_which_file_was_one_too_many_is_not_told() -> None:
    assert "codec.py" not in str(explained(refused(errno.EMFILE, "/lib/codec.py")))


def test_what_is_explained_already_and_what_is_a_bug_stay_as_they_are() -> None:
    for error in (StorageFailed("Full."), ValueError("a bug"), refused(errno.ENOENT)):
        assert explained(error) is error
