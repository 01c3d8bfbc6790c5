"""The studies that went worst, with a small picture of each, so that they can be looked at."""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from asemble.core.labels import PATTERNS, Pattern, Plane
from asemble.core.results import ENSEMBLE
from asemble.core.study import Series
from asemble.evaluation.simulated_studies import SeriesTruth, SimulatedStudy
from asemble.evaluation.study_types import StudyRecord
from asemble.imaging.slices import prepare
from asemble.models.fusion import GRADCAM
from asemble.models.signing import sign
from asemble.performance.records import Failure

WORST = 10
"""Studies in the gallery."""

SIDE = 192
"""Pixels along a side of a picture: enough to see a lesion of 5 mm in a field of 200 mm."""

QUALITY = 80
"""Of the JPEG."""

_OUTLINE = (0, 159, 230)
"""Amber, as the heatmaps are; blue first, as OpenCV has it."""


def picture(simulated: SimulatedStudy, plane: Plane = Plane.CORONAL) -> str:
    """The slice with the most inflammatory oedema as JPEG in base 64; the middle one without any.

    Left as the networks read it, right with the oedema outlined.
    """
    series = next(s for s in simulated.study.series if s.plane is plane)
    truth = simulated.truth[series.id]
    area = truth.oedema.sum(axis=(1, 2))
    index = int(area.argmax()) if area.any() else len(area) // 2
    grey, lesion = _squares(series, truth, index)
    plain = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    outlined = plain.copy()
    edges, _ = cv2.findContours(lesion, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(outlined, edges, -1, _OUTLINE, 1)
    done, encoded = cv2.imencode(
        ".jpg", np.hstack([plain, outlined]), [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    )
    if not done:
        raise ValueError("the picture could not be encoded")
    return base64.b64encode(encoded.tobytes()).decode("ascii")


def _squares(
    series: Series, truth: SeriesTruth, index: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """The slice and its oedema on the same square, 0 to 255 and 0 or 1."""
    stack = prepare(series.volume, series.plane)
    grey = np.clip(stack.images[index] / stack.images[index].max() * 255, 0, 255)
    lesion = stack.grid.to_square(truth.oedema[index].astype(np.float32), SIDE) >= 0.5
    small = cv2.resize(grey.astype(np.uint8), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.uint8), lesion.astype(np.uint8)


def worst(records: Sequence[StudyRecord], count: int = WORST) -> list[StudyRecord]:
    """Judged studies whose true class was given the least probability, the worst first."""
    answered = [record for record in records if record["probabilities"] is not None]
    return sorted(answered, key=_of_true_class)[:count]


def failure(record: StudyRecord) -> Failure:
    """What to know of one study of the gallery."""
    index = PATTERNS.index(Pattern.INFLAMMATORY)
    plane, at, score = max(
        (
            (series["plane"], int(np.argmax(own)), max(own))
            for series in record["series"]
            for own in [[row[index] for row in series["probabilities"]]]
        ),
        key=lambda place: place[2],
    )
    shown = f"{GRADCAM}/{ENSEMBLE}"
    played = [series for series in record["series"] if series["played"]]
    pairs = zip(PATTERNS, _probabilities(record), strict=True)
    return Failure(
        kind=Pattern(record["kind"]),
        seed=record["seed"],
        appearance=record["appearance"],
        decision=record["decision"],
        probabilities={pattern: round(value, 4) for pattern, value in pairs},
        plane=Plane(plane),
        index=at,
        score=round(score, 4),
        hits=sum(series["maps"][shown]["hits"] for series in played),
        played=sum(series["played"] for series in played),
    )


def write_strip(path: Path, records: Sequence[StudyRecord]) -> None:
    """The pictures of these studies below one another, as one JPEG that is signed.

    Raises:
        ValueError: it could not be encoded.
    """
    pictures: list[Any] = [
        cv2.imdecode(np.frombuffer(base64.b64decode(r["picture"]), np.uint8), cv2.IMREAD_COLOR)
        for r in records
    ]
    done, encoded = cv2.imencode(".jpg", np.vstack(pictures), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not done:
        raise ValueError("the strip could not be encoded")
    path.write_bytes(encoded.tobytes())
    sign(path)


def _of_true_class(record: StudyRecord) -> float:
    return _probabilities(record)[PATTERNS.index(Pattern(record["kind"]))]


def _probabilities(record: StudyRecord) -> list[float]:
    """Those of a study that was judged."""
    if record["probabilities"] is None:
        raise ValueError("a study without an answer has no place in the gallery")
    return record["probabilities"]
