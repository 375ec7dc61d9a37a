"""Works out what is said of each version: its verdict, which to take, and whether it is here."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QCoreApplication

from playground.core.downloads import Download, DownloadState
from playground.core.errors import HubFailed
from playground.core.gguf.header import GgufHeader
from playground.core.hub import HubFile
from playground.core.requirements.model import Requirements, Verdict
from playground.core.targets import ModelFile
from playground.services.hub.recommend import recommended
from playground.ui.pages.hub.view_models import Opened, VersionRow


def _tr(text: str) -> str:
    return QCoreApplication.translate("HubPage", text)


class Assessor(Protocol):
    """What is needed of `services.requirements.RequirementsService`."""

    async def refresh(self) -> None:
        """Look at this computer's memory, and learn from what has run."""
        ...

    def assess(
        self,
        header: GgufHeader,
        *,
        projector_bytes: int = 0,
        others: Sequence[tuple[str, int]] = (),
    ) -> Requirements:
        """Return what a model needs here, exactly; `others` are its other versions' bytes."""
        ...

    def quick_verdict(self, parameters: int | None, size_bytes: int | None) -> Verdict | None:
        """Return a guess from sizes, `None` where they say nothing."""
        ...


def advised(
    opened: Opened,
    headers: Mapping[str, GgufHeader],
    requirements: Assessor,
    *,
    is_own: bool,
) -> Opened:
    """Return `opened` with exact verdicts where a header is known, and one version recommended.

    Which one is first guessed from sizes; what is shown as a verdict never is. `is_own`: a person
    has chosen a version, which stays.
    """
    if opened.repository is None:
        return opened
    parameters = opened.repository.model.parameters
    projector = opened.repository.projector
    projector_bytes = 0 if projector is None else projector.size_bytes
    others = [(version_name(row.file), row.file.size_bytes) for row in opened.rows]
    rows: list[VersionRow] = []
    verdicts: dict[str, Verdict] = {}
    for row in opened.rows:
        header = headers.get(row.file.path)
        needs = None
        if header is not None:
            needs = requirements.assess(header, projector_bytes=projector_bytes, others=others)
        rows.append(replace(row, requirements=needs))
        guess = requirements.quick_verdict(parameters, row.file.size_bytes)
        verdict = guess if needs is None else needs.verdict
        if verdict is not None and row.problem is None:
            verdicts[row.file.path] = verdict
    best = recommended(opened.repository.files, verdicts)
    best_path = None if best is None else best.file.path
    chosen = opened.chosen
    if not is_own or chosen is None:
        chosen = best_path or _smallest(rows)
    return replace(
        opened,
        rows=tuple(replace(row, is_recommended=row.file.path == best_path) for row in rows),
        chosen=chosen,
        # a reason that rests on a guess is not told
        reason=best.reason if best is not None and best_path in headers else "",
    )


def unread(opened: Opened, error: HubFailed) -> Opened:
    """Return `opened` where the Hub gives out no more headers, with the reason in every version."""
    is_locked = error.kind == "RepositoryGated"
    if is_locked:
        # what is needed is said once, above
        words = _tr("Whether it runs here is known once you have access.")
    else:
        words = _tr("Whether it runs here could not be found out. {0}").format(error.message)
    rows = tuple(
        row if row.requirements is not None else replace(row, problem=words) for row in opened.rows
    )
    return replace(opened, rows=rows, is_locked=is_locked)


def version_name(file: HubFile) -> str:
    """Return what tells a version from the others: its quantization, else its path."""
    return file.quantization or file.path


def with_state(
    repo: str, row: VersionRow, fetched: Sequence[Download], files: Sequence[ModelFile]
) -> VersionRow:
    """Return the version with its download, and where it is on this computer already."""
    download = next(
        (one for one in fetched if one.repo == repo and one.parts[0].path == row.file.path), None
    )
    if download is not None and download.state is DownloadState.DONE:
        return replace(row, download=download, here=download.path)
    return replace(row, download=download, here=_path_here(repo, row, files))


def _path_here(repo: str, row: VersionRow, files: Sequence[ModelFile]) -> Path | None:
    name = row.file.path.rpartition("/")[2]
    owner, _, plain = repo.partition("/")
    for model in files:
        if model.path.name != name or model.missing_parts or model.problem is not None:
            continue
        if not model.is_present:
            continue
        folder = model.path.parent
        is_from_there = model.repository == repo or (folder.parent.name, folder.name) == (
            owner,
            plain,
        )
        if is_from_there or model.size_bytes == row.file.size_bytes:
            return model.path
    return None


def _smallest(rows: Sequence[VersionRow]) -> str | None:
    """Return the smallest whole version, for where nothing can be recommended."""
    whole = [row for row in rows if not row.file.missing_parts] or list(rows)
    return whole[0].file.path if whole else None
