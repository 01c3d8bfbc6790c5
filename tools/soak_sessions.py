"""What sessions of the soak test do and check: read a study, ask, look, leave, or vanish."""

import hashlib
import json
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from soak_studies import SoakStudy, unpacked
from streamlit.proto.Element_pb2 import Element
from streamlit_client import PageError, StreamlitClient

PROBABILITY_TOLERANCE = 1e-5
"""Sums in another order round otherwise, by some units of the seventh digit."""
HEAT_TOLERANCE = 1
"""Of 255 steps, for the same reason."""
PATIENCE_S = 1800
"""The large study waits long where twenty sessions ask all the time."""
CHOICES = ("Grad-CAM", "Evidence map")
"""The heatmaps that a session looks at in each series."""


class Ending(StrEnum):
    """How a session is done with a study."""

    READ = "read to the report"
    VANISHED = "connection broken while predicting"
    CLOSED = "tab closed while predicting"
    TURNED_AWAY = "went to another page while predicting"


ENDINGS = {Ending.READ: 80, Ending.VANISHED: 8, Ending.CLOSED: 6, Ending.TURNED_AWAY: 6}
"""Each with how often of a hundred."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One question to the ensemble that was answered.

    Args:
        study: its name.
        slices: of the study.
        started: seconds of the monotonic clock.
        seconds: until the answer with its first heatmap was on the page.
    """

    study: str
    slices: int
    started: float
    seconds: float

    def overlaps(self, other: "Asked") -> bool:
        """Whether the two waited at the same time."""
        return self.started < other.started + other.seconds and other.started < (
            self.started + self.seconds
        )


@dataclass(slots=True)
class Record:
    """What was seen, by all sessions together; each adds to it under its lock."""

    asked: list[Asked] = field(default_factory=list)
    endings: dict[Ending, int] = field(default_factory=lambda: dict.fromkeys(Ending, 0))
    faults: list[str] = field(default_factory=list)
    stacks: int = 0
    heats: int = 0
    heats_to_the_bit: int = 0
    heat_difference: int = 0
    predictions: int = 0
    predictions_to_the_bit: int = 0
    probability_difference: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fault(self, sentence: str) -> None:
        """Note what must not be."""
        with self.lock:
            self.faults.append(sentence)


class Watcher:
    """Holds everything that a session is sent against its own study.

    Args:
        record: of all sessions.
    """

    def __init__(self, record: Record) -> None:
        self.study: SoakStudy | None = None
        self.heats_seen: set[str] = set()
        self._record = record

    def see(self, element: Element) -> None:
        """One element, as it comes in."""
        if element.WhichOneof("type") != "bidi_component" or not element.bidi_component.bytes:
            return
        if element.bidi_component.component_name != "asemble.files":  # `hold_document` sees those
            self._hold(element.bidi_component.bytes)

    def hold_document(self, content: bytes) -> None:
        """The report's JSON must be what is said of the study alone, to its last slice."""
        study = self._study()
        said, expected = json.loads(content), study.expected.document
        for part in ("study", "weights"):
            if said[part] != expected[part]:
                self._record.fault(f"{study.name}: another {part} in the report")
        differences = [
            *_differences(said["prediction"], expected["prediction"]),
            *_differences(said["series"], expected["series"]),
        ]
        with self._record.lock:
            self._record.predictions += 1
            self._record.predictions_to_the_bit += not any(differences)
            self._record.probability_difference = max(
                self._record.probability_difference, *differences
            )
        if max(differences) > PROBABILITY_TOLERANCE:
            self._record.fault(f"{study.name}: probabilities off by {max(differences):.2g}")

    def hold_chart(self, spec: str) -> None:
        """The curves of the chart must be those of one series of the report."""
        study = self._study()
        curves = [trace["y"] for trace in json.loads(spec)["data"][:3]]
        for series in study.expected.document["series"]:
            expected = np.array([list(s["probabilities"].values()) for s in series["slices"]]).T
            if expected.shape == np.shape(curves) and np.allclose(
                curves, expected, rtol=0, atol=PROBABILITY_TOLERANCE
            ):
                return
        self._record.fault(f"{study.name}: the chart shows another prediction")

    def _hold(self, packed: bytes) -> None:
        study, (header, values) = self._study(), unpacked(packed)
        key = header["key"]
        if header["bits"] == 16 or "outlines" in header or ":shelf:" in key:
            with self._record.lock:
                self._record.stacks += 1
            if study.expected.stacks.get(key) != hashlib.sha256(packed).hexdigest():
                self._record.fault(f"{study.name}: was sent images that are not its own")
            return
        expected = study.expected.heats.get(key)
        self.heats_seen.add(key)
        if expected is None or expected.shape != values.shape:
            self._record.fault(f"{study.name}: was sent a heatmap that is not its own")
            return
        difference = int(np.abs(values.astype(int) - expected.astype(int)).max(initial=0))
        with self._record.lock:
            self._record.heats += 1
            self._record.heats_to_the_bit += difference == 0
            self._record.heat_difference = max(self._record.heat_difference, difference)
        if difference > HEAT_TOLERANCE:
            self._record.fault(f"{study.name}: a heatmap is off by {difference} of 255")

    def _study(self) -> SoakStudy:
        if self.study is None:
            raise PageError("images came before any study was opened")
        return self.study


def _differences(said: Any, expected: Any) -> list[float]:
    """How far the numbers of two documents are apart; infinite where they differ otherwise."""
    if isinstance(said, Mapping) and isinstance(expected, Mapping):
        if said.keys() != expected.keys():
            return [np.inf]
        return [d for key in said for d in _differences(said[key], expected[key])]
    if isinstance(said, list) and isinstance(expected, list):
        if len(said) != len(expected):
            return [np.inf]
        pairs = zip(said, expected, strict=True)
        return [0.0, *(d for one, other in pairs for d in _differences(one, other))]
    if isinstance(said, float) and isinstance(expected, float):
        return [abs(said - expected)]
    return [0.0 if said == expected else np.inf]


class Session:
    """One person who reads study after study in one tab.

    Args:
        address: of the app.
        record: of all sessions.
    """

    def __init__(self, address: str, record: Record) -> None:
        self._address = address
        self._record = record
        self._watcher = Watcher(record)
        self._client: StreamlitClient | None = None

    def read(self, study: SoakStudy, ending: Ending) -> None:
        """One study from its upload to its ending."""
        client = self._open(study)
        asked = time.monotonic()
        client.press("Record and ask the ensemble")
        if ending is Ending.READ:
            client.wait()
            answer = Asked(study.name, study.slices, asked, time.monotonic() - asked)
            with self._record.lock:
                self._record.asked.append(answer)
            self._look(client, study)
        else:
            client.wait(lambda: client.find("progress") is not None or not client.is_running)
            self._leave(client, ending)
        with self._record.lock:
            self._record.endings[ending] += 1

    def ask_and_wait_for_progress(self, study: SoakStudy) -> None:
        """Upload a study and ask, until the server says that it is at work."""
        client = self._open(study)
        client.press("Record and ask the ensemble")
        client.wait(lambda: client.find("progress") is not None or not client.is_running)

    def vanish(self) -> None:
        """Break the connection, if there is one."""
        if self._client is not None:
            self._client.vanish()
            self._client = None

    def close(self) -> None:
        """Close the tab, if there is one."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _open(self, study: SoakStudy) -> StreamlitClient:
        """Home, upload, the slices, the assessment with a conclusion chosen."""
        if self._client is None:
            self._client = StreamlitClient(
                self._address, on_element=self._watcher.see, patience_s=PATIENCE_S
            )
            self._client.wait()
        client = self._client
        client.go_to("Home")
        client.upload("DICOM", "study.zip", study.archive)
        self._watcher.study = study
        self._watcher.heats_seen.clear()
        client.click("Read the upload")
        if client.find("button", "Discard it and open"):
            client.click("Discard it and open")
        client.go_to("Read")
        client.go_to("Assess")
        client.choose("button_group", "Your conclusion before", "Unsure")
        return client

    def _look(self, client: StreamlitClient, study: SoakStudy) -> None:
        """Every series with both kinds of heatmaps, then the report."""
        for series in client.get("selectbox", "Series").options:
            client.choose("selectbox", "Series", series)
            for method in CHOICES:
                client.choose("selectbox", "Heatmap", method)
            self._watcher.hold_chart(client.get("plotly_chart").spec)
        shown = {key for key in study.expected.heats if key.endswith(":ensemble")}
        if self._watcher.heats_seen != shown:
            self._record.fault(f"{study.name}: not all of its heatmaps were shown")
        client.go_to("Report")
        self._watcher.hold_document(client.download("Download JSON"))

    def _leave(self, client: StreamlitClient, ending: Ending) -> None:
        if ending is Ending.VANISHED:
            self.vanish()
        elif ending is Ending.CLOSED:
            self.close()
        else:
            client.leave_for("Home")
            client.wait()


class Pool:
    """Studies that nobody has open: two sessions never read the same one at once.

    Args:
        studies: more than there are sessions.
    """

    def __init__(self, studies: list[SoakStudy]) -> None:
        self._waiting = list(studies)
        self._lock = threading.Lock()

    def take(self) -> SoakStudy:
        """The one that was given back the longest ago."""
        with self._lock:
            return self._waiting.pop(0)

    def give_back(self, study: SoakStudy) -> None:
        """At the end of the line."""
        with self._lock:
            self._waiting.append(study)


def read_on(
    session: Session,
    pool: Pool,
    record: Record,
    *,
    rng: random.Random,
    goes_on: Callable[[], bool],
) -> None:
    """Study after study; a fault of the app ends the study, and is kept."""
    while goes_on():
        study = pool.take()
        ending = rng.choices(list(ENDINGS), list(ENDINGS.values()))[0]
        try:
            session.read(study, ending)
        except Exception as error:  # whatever it was, the other sessions go on and it is told
            record.fault(f"{study.name}: {type(error).__name__}: {error}")
            session.vanish()
        finally:
            pool.give_back(study)
