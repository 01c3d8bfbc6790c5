"""From files to a `Study`: examinations are checked against each other, series get ids and the key.

An upload may hold two examinations of one patient, as two uploads or as two days in one; what is
uploaded later is added to what is open. The earlier examination is the study's prior.
"""

import copy
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from asemble.core import memory_budget
from asemble.core.errors import InputError
from asemble.core.labels import Plane, Weighting
from asemble.core.memory_budget import Reservation
from asemble.core.study import Prior, Refusal, Study, grouped_by_reason
from asemble.core.volume import Floats
from asemble.io import limits
from asemble.io.archive.parts import Part, parts_of
from asemble.io.dicom.dates import Days
from asemble.io.dicom.patients import SEVERAL, Patients
from asemble.io.ingest import FORMATS, Examination, Ingest, refusal
from asemble.io.series.examinations import OF_ANOTHER_DAY
from asemble.io.series.stack import Draft

Waiting = Callable[[], None]
"""Called where the upload has to wait until others of the process have been read or closed."""
Progress = Callable[[int, int], None]
"""Called with the number of files done and the number known so far."""

EMPTY = "All voxels of this series have the same value: the image is empty."

_PLANE_ORDER = (*Plane, None)
_WEIGHTING_ORDER = tuple(Weighting)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Upload:
    """What was uploaded of one patient so far, and what it takes to check what is added.

    Args:
        study: what was read.
        moved: names that series and frames of reference had before the last addition, each with the
            one that it has now.
    """

    study: Study
    moved: Mapping[str, str]
    _current: Examination
    _prior: Examination | None
    _patients: Patients
    _days: Days


def read_study(source: Path | Sequence[Path], *, progress: Progress | None = None) -> Study:
    """Read a file, a folder, an archive, or a list of these.

    Raises:
        InputError: nothing readable came in; otherwise problems are in `Study.refused`.
    """
    return read_parts(parts_of(source), progress=progress)


def read_parts(
    parts: Sequence[Part], *, progress: Progress | None = None, waiting: Waiting | None = None
) -> Study:
    """Read files that may live in memory, such as uploads of a browser.

    The result does not depend on the order or, pictures apart, on the names of the files. Of files
    of two days the later are the study, the earlier its prior.

    Raises:
        InputError: nothing readable came in, files of more than one patient did, or there is no
            room for the study; other problems are in `Study.refused`.
    """
    return read_uploads(parts, progress=progress, waiting=waiting).study


def read_uploads(
    current: Sequence[Part] = (),
    prior: Sequence[Part] = (),
    *,
    onto: Upload | None = None,
    progress: Progress | None = None,
    waiting: Waiting | None = None,
) -> Upload:
    """Read a study and its prior, or add series or a prior to what was read before.

    Args:
        current: files of the study.
        prior: files of an earlier examination of the same patient.
        onto: what they are added to; it stays as it is.
        progress: called with the number of files done and the number known so far.
        waiting: called where the upload has to wait for room.

    Raises:
        InputError: as `read_parts`; or what is added is of another patient or day, or the prior is
            no earlier examination.
    """
    if not current and not (prior and onto):
        raise InputError("Nothing was uploaded.", hint=FORMATS, code="nothing-uploaded")
    if prior and onto is not None and onto.study.prior is not None:
        raise ValueError("the study has a prior")
    before = () if onto is None else onto.study.all_series
    try:
        with memory_budget.shared().reserve(limits.FIRST_BYTES, waiting) as held:
            upload = _read(current, prior, onto, held, progress)
            kept = {id(series.volume.voxels) for series in before}
            arrays = [series.volume.voxels for series in upload.study.all_series]
            new = [each for each in arrays if id(each) not in kept]
            held.keep((limits.KEPT_BYTES_A_VOXEL * each.size, each) for each in new)
            return upload
    except MemoryError as error:
        raise memory_budget.out_of_memory() from error


def _read(
    current: Sequence[Part],
    prior: Sequence[Part],
    onto: Upload | None,
    held: Reservation,
    progress: Progress | None,
) -> Upload:
    patients, days = (Patients(), Days()) if onto is None else (onto._patients, onto._days)
    before = () if onto is None else onto.study.all_series
    ingest = Ingest(
        held,
        copy.deepcopy(patients),
        copy.deepcopy(days),
        voxels=sum(series.volume.voxels.size for series in before),
    )

    def told(done: int) -> None:
        if progress is not None:
            progress(done, max(done, len(current) + len(prior)))

    with ingest:
        with _of_the_open_patient(onto):
            found = ingest.examinations(current, told) if current else []
        with _of_the_current_patient():
            earlier = ingest.examinations(prior, told) if prior else []
    upload = _put_together(found, earlier, onto, ingest, has_prior=bool(prior))
    ingest.days.forget_dates()
    return upload


def _put_together(
    found: Sequence[Examination],
    earlier: Sequence[Examination],
    onto: Upload | None,
    ingest: Ingest,
    *,
    has_prior: bool,
) -> Upload:
    """The study of what was read now and before."""
    if not (found or onto) or (has_prior and not earlier):
        raise _why_nothing(ingest.refused)
    if onto is None:
        current, *others = found
        prior = earlier[0] if earlier else others.pop(0) if others else None
    else:
        current, others = _added(onto, found, ingest)
        prior = earlier[0] if earlier else onto._prior
    left_out = [draft for each in (*others, *earlier[1:]) for draft in each.drafts]
    ingest.refused += [refusal(draft, OF_ANOTHER_DAY) for draft in left_out]
    refused = (*(onto.study.refused if onto else ()), *ingest.refused)
    study = _study(current, refused)
    if prior is not None:
        study = replace(study, prior=_prior(prior, current, ingest.days))
    moved = {} if onto is None else _moved(onto, study)
    return Upload(study, moved, current, prior, ingest.patients, ingest.days)


def _added(
    onto: Upload, found: Sequence[Examination], ingest: Ingest
) -> tuple[Examination, list[Examination]]:
    """The open examination with what was read of it, and what was read of others.

    Raises:
        InputError: all of what was read is of another day.
    """
    of_open = onto._current
    same = [each for each in found if each.day is None or of_open.day in (None, each.day)][:1]
    others = [each for each in found if each not in same]
    if found and not same:
        raise InputError(
            "These series are of an examination of another day than the open study, so they were "
            "not added.",
            hint="Add an earlier examination as the prior.",
            code="series-of-another-examination",
        )
    for each in same:
        of_open = of_open.with_others(each)
    return replace(of_open, drafts=ingest.once(of_open.drafts)), others


def _prior(prior: Examination, current: Examination, days: Days) -> Prior:
    """The prior of a study.

    Raises:
        InputError: it is not earlier, or the same examination.
    """
    if {draft.digest for draft in prior.drafts} & {draft.digest for draft in current.drafts}:
        raise InputError(
            "The prior holds series of the current study.",
            hint="Upload an earlier examination as the prior.",
            code="prior-is-the-study",
        )
    is_known = prior.day is not None and current.day is not None
    apart = days.between(prior.day, current.day) if prior.day and current.day else None
    if is_known and apart is not None and apart < 0:
        raise InputError(
            "The prior was made after the current study.",
            hint="Upload the later examination as current, the earlier as prior.",
            code="prior-is-later",
        )
    study = _study(prior, (), series="p", frame="P")
    return Prior(study, apart, prior.is_named and current.is_named)


def _moved(onto: Upload, study: Study) -> dict[str, str]:
    """The names that what was open had before, and those that it has now."""
    now = {id(series.volume.voxels): series for series in study.series}
    moved: dict[str, str] = {}
    for old in onto.study.series:
        new = now[id(old.volume.voxels)]
        moved[old.id] = new.id
        if old.frame_of_reference and new.frame_of_reference:
            moved[old.frame_of_reference] = new.frame_of_reference
    return moved


@contextmanager
def _of_the_open_patient(onto: Upload | None) -> Iterator[None]:
    try:
        yield
    except InputError as error:
        if onto is None or error.code != SEVERAL:
            raise
        raise InputError(
            "These series are not of the patient of the open study, so they were not added.",
            hint="Close this study first, or upload series of the same patient.",
            code="series-of-another-patient",
        ) from error


@contextmanager
def _of_the_current_patient() -> Iterator[None]:
    try:
        yield
    except InputError as error:
        if error.code != SEVERAL:
            raise
        raise InputError(
            "The prior is not of the patient of the current study, so nothing was read.",
            hint="Upload two examinations of one patient.",
            code="prior-of-another-patient",
        ) from error


def _why_nothing(refused: Sequence[Refusal]) -> InputError:
    """One error for the upload as a whole, without file names."""
    if not refused:
        return InputError("The upload holds no files.", hint=FORMATS, code="nothing-uploaded")
    reasons = grouped_by_reason(refused)
    if len(reasons) == 1:
        return InputError(reasons[0].reason, code=reasons[0].code)
    most = max(reasons, key=lambda group: group.files)
    files = sum(group.files for group in reasons)
    return InputError(
        f"None of {files} files could be read. {most.files} of them: {most.reason}", code=most.code
    )


def _study(
    examination: Examination, refused: Sequence[Refusal], *, series: str = "s", frame: str = "F"
) -> Study:
    """A study whose ids begin with `series`, and whose frames of reference begin with `frame`."""
    ordered = sorted(examination.drafts, key=_order)
    digests = dict.fromkeys(draft.frame_of_reference for draft in ordered)
    digests.pop("", None)
    frames = {digest: f"{frame}{number}" for number, digest in enumerate(digests, start=1)}
    named = tuple(
        replace(
            draft.series,
            id=f"{series}{number:02d}",
            frame_of_reference=frames.get(draft.frame_of_reference),
            notes=(*draft.series.notes, *_if_empty(draft.series.volume.voxels)),
        )
        for number, draft in enumerate(ordered, start=1)
    )
    key = hashlib.sha256("".join(draft.digest for draft in ordered).encode()).hexdigest()
    return Study(named, tuple(refused), key, examination.attribution)


def _if_empty(voxels: Floats) -> tuple[str, ...]:
    return (EMPTY,) if voxels.min() == voxels.max() else ()


def _order(draft: Draft) -> tuple[object, ...]:
    plane = _PLANE_ORDER.index(draft.series.plane)
    weighting = _WEIGHTING_ORDER.index(draft.series.weighting)
    return (plane, weighting, *draft.order, draft.digest)
