"""Records of seven studies, as `asemble.evaluation.study_records` writes them down."""

import base64
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from asemble.core.labels import PATTERNS, Pattern
from asemble.core.results import ENSEMBLE

NORMAL, INFLAMMATORY, MECHANICAL = PATTERNS
PICTURE = base64.b64encode(
    cv2.imencode(".jpg", np.full((192, 384, 3), 90, np.uint8))[1].tobytes()
).decode()
CASCADE = {
    "head.evidence": {"rank": 0.9, "ssim": 0.8},
    "body.patch_embed": {"rank": 0.1, "ssim": 0.6},
}


def record(
    kind: Pattern,
    probability: float,
    *,
    hits: int = 1,
    seed: int = 5,
    appearance: str | None = None,
    place_mm: Sequence[float] = (10, 20),
) -> dict[str, Any]:
    rest = (1 - probability) / 2
    positive = kind is INFLAMMATORY
    label = PATTERNS.index(kind)
    score = {
        "hits": hits,
        "energy": 0.5 * hits,
        "near": 0.75 * hits,
        "precision": 0.4 * hits,
        "peaks_mm": [[10, 20]],
    }
    played = {f"gradcam/{who}": score for who in (ENSEMBLE, "pvt")}
    played |= {f"evidence/{who}": {**score, "hits": 1} for who in (ENSEMBLE, "pvt")}
    played |= {"random weights/pvt": {**score, "hits": 0}}
    slices = [0.1, probability, 0.2]
    return {
        "kind": kind.value,
        "seed": seed,
        "appearance": appearance,
        "probabilities": [rest, probability, rest],
        "members": {"pvt": [rest, probability, rest]},
        "interval": [probability - 0.1, probability + 0.1],
        "again": {
            "probabilities": [rest, probability + 0.05 * (1 + hits), rest],
            "interval": [probability - 0.1, probability + 0.15],
        },
        "decision": "inflammatory" if probability > 0.5 else "normal",
        "abstains_for": None,
        "deciding": {"shows_oedema": positive, "points": positive and hits > 0},
        "without_rules": {
            "probabilities": [rest, probability, rest],
            "decision": "inflammatory" if probability > 0.3 else "normal",
            "deciding": {"shows_oedema": False, "points": False},
        },
        "picture": PICTURE,
        "series": [
            {
                "plane": plane,
                "labels": [0, label, 0],
                "probabilities": [[1 - p, p, 0.0] for p in slices],
                "counts": [False, True, True],
                "members": {"pvt": [0.5, probability, 0.2]},
                "position": [-1, 0, -1],
                "brightness": [1.0, 0.9, 1.1],
                "played": int(positive),
                "margin_mm": 4.0,
                "lesions_mm": [[list(place_mm)]] if positive else [],
                "maps": played if positive else {},
                **({"cascade": {"pvt": CASCADE}} if positive else {}),
            }
            for plane in ("coronal", "axial")
        ],
    }


RECORDS = [
    record(INFLAMMATORY, 0.9, seed=1),
    record(INFLAMMATORY, 0.6, hits=0, seed=2, place_mm=(12, 20)),
    record(INFLAMMATORY, 0.4, seed=3, place_mm=(40, 20)),
    record(NORMAL, 0.1, seed=4),
    record(NORMAL, 0.2, seed=5),
    record(MECHANICAL, 0.7, seed=6, appearance="noise"),
    record(MECHANICAL, 0.3, seed=7),
]
