"""The type of a report in JSON, of which `docs/report.schema.json` is made: `make schema`.

What a reader said is the file of a reading, and has a schema of its own
(`asemble/reading/reading.schema.json`), which the report's refers to.
"""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import ConfigDict, Field, TypeAdapter, with_config
from pydantic.json_schema import GenerateJsonSchema
from typing_extensions import TypedDict  # pydantic reads that of typing from Python 3.12 on only

from asemble.core.labels import PATTERNS
from asemble.core.results import ABSTAIN
from asemble.reading.serialisation import SCHEMA

closed = with_config(ConfigDict(extra="forbid"))

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})] | None
Share = Annotated[float, Field(ge=0, le=1)]
Index = Annotated[int, Field(ge=0)]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Marking = Literal["SYNTHETIC"] | None
Measured = Annotated[Any, Field()]
MEASUREMENTS = (
    "oedema as the networks measure it and the SPARCC that they propose, as `asemble predict` "
    "writes them; null where the series was not judged or its geometry is not known. No part of "
    "the reading: what the reader accepted of it stands in `reading.accepted`"
)


@closed
class Probabilities(TypedDict):
    """By class."""

    normal: Share
    inflammatory: Share
    mechanical: Share


@closed
class Source(TypedDict):
    """Where an item of the checklist comes from."""

    key: str
    citation: str
    locator: str
    certainty: str
    seen: str


@closed
class ChecklistItem(TypedDict):
    """An item with the reader's answer."""

    id: str
    side: str
    domain: str
    text: str
    answer: Literal["yes", "no", "unknown"]
    why: str
    sources: list[Source]


@closed
class Checklist(TypedDict):
    """The answers, and what they add up to; lists hold ids of items."""

    notice: str
    towards_inflammatory: list[str]
    towards_mechanical: list[str]
    red_flags: list[str]
    red_flags_not_ruled_out: list[str]
    conflicts: list[Annotated[list[str], Field(min_length=2, max_length=2)]]
    answered: Index
    unknown: Index
    summary: list[str]
    items: list[ChecklistItem]


@closed
class HeatmapQuestion(TypedDict):
    """One question to the heatmap of the deciding slice."""

    question: str
    figure: str
    speaks_for: bool | None


@closed
class DecidingSlice(TypedDict):
    """Of the slices that count, the one of the highest P(inflammatory)."""

    series: str
    index: Index
    heatmap_test: list[HeatmapQuestion]


@closed
class Prediction(TypedDict):
    """What the ensemble returned."""

    probabilities: Probabilities | None
    interval_inflammatory: Annotated[list[Share], Field(min_length=2, max_length=2)] | None
    decision: Annotated[str, Field(json_schema_extra={"enum": [*PATTERNS, ABSTAIN]})]
    reasons: list[str]
    deciding_slice: NotRequired[DecidingSlice | None]
    members: dict[str, Probabilities]
    device: str


@closed
class Measurements(TypedDict):
    """Of a series, as `asemble.measurements.formatting` writes them."""

    reference: Measured
    fluid_ratio: Measured
    volume_ml: Measured
    joints: Measured
    slices: Measured
    joint_lines: Measured
    sparcc: Measured
    why_no_sparcc: Measured


@closed
class Slice(TypedDict):
    """The prediction of a slice."""

    index: Index
    position_mm: float | None
    probabilities: Probabilities
    members: dict[str, Probabilities]
    counts: NotRequired[
        Annotated[bool, Field(description="whether the slice counts in the study's answer")]
    ]
    why_not: NotRequired[
        Annotated[str | None, Field(description="why it does not count; null where it does")]
    ]


@closed
class Series(TypedDict):
    """A series and its prediction."""

    id: str
    description: str
    plane: Literal["coronal", "axial", "sagittal"] | None
    weighting: Literal["t1", "fluid", "other"]
    shape: Annotated[list[Index], Field(min_length=3, max_length=3)]
    spacing_mm: (
        Annotated[list[Annotated[float, Field(gt=0)]], Field(min_length=3, max_length=3)] | None
    )
    marking: Marking
    used: bool
    why_not: str | None
    slices: list[Slice]
    measurements: Annotated[Measurements | None, Field(description=MEASUREMENTS)]


@closed
class Times(TypedDict):
    """When, with the offset from UTC; null where it is not known."""

    opened: Time
    reading_changed: Time
    report_made: Time


@closed
class Score(TypedDict):
    """A score of what the reader marked."""

    title: str
    value: Annotated[Index | None, Field(description="null where it is not scored, which is no 0")]
    most: Index
    marked_so_far: Annotated[
        Index, Field(description="what is marked counts so much, also where that is not all")
    ]
    why_not: Annotated[str | None, Field(description="why it is not scored; null where it is")]
    parts: str
    series: str | None


@closed
class Condition(TypedDict):
    """One way to meet a definition."""

    text: str
    found: Index
    needed: Index


@closed
class Definition(TypedDict):
    """A definition of ASAS on what the reader marked."""

    title: str
    is_met: Annotated[
        bool | None,
        Field(description="null where it is not met by what is marked, and that may not be all"),
    ]
    why_not: Annotated[str | None, Field(description="why it is not decided; null where it is")]
    conditions: list[Condition]


@closed
class Change(TypedDict):
    """A score of the prior examination and of this one."""

    title: str
    then: Index | None
    now: Index | None
    change: Annotated[int | None, Field(description="now less then; null where one is not scored")]
    most: Index
    thresholds: Annotated[
        list[str], Field(description="changes that papers give a meaning to, with the paper")
    ]


@closed
class FollowUp(TypedDict):
    """This examination beside a prior one."""

    interval: str
    is_checked: Annotated[
        bool, Field(description="whether the files of both say that they are of one patient")
    ]
    order: Annotated[str, Field(description="whether the reader knew which one is earlier")]
    changes: list[Change]


@closed
class ReadStudy(TypedDict):
    """The study that was read."""

    fingerprint: Annotated[str, Field(pattern="^[0-9a-f]{12}$")]
    left_out: Index


@closed
class WeightsList(TypedDict):
    """The list that signs for the weights, their cards and the calibration."""

    sha256: Digest
    shipped: Annotated[
        bool, Field(description="whether it is the list of the weights that asemble ships")
    ]


@closed
class Report(TypedDict):
    """A reading of a sacroiliac-joint MRI beside the ensemble's prediction.

    `asemble.report.reading_json` writes it: the file of a reading with more beside it, from which
    the reading can be opened again.
    """

    schema: Annotated[str, Field(json_schema_extra={"const": SCHEMA})]
    version: str
    notice: str
    marking: Annotated[
        Marking, Field(description="SYNTHETIC where anything of the study was simulated")
    ]
    attribution: Annotated[
        list[str],
        Field(
            description="how published images of the study are credited, with their licence; to "
            "be shown wherever they are"
        ),
    ]
    study: ReadStudy
    hash: Any
    sha256: Annotated[
        Digest,
        Field(
            description="of the canonical JSON of `reading` without `slices` and without the "
            "`offsets_mm` of its `follow_up`, with `study` (the fingerprint) beside its fields: "
            "sorted keys, no spaces, ASCII. It begins with `hash`"
        ),
    ]
    reading: Any
    reader: Annotated[
        str | None, Field(description="who read the study, as typed; null where nobody said so")
    ]
    times: Times
    scores: list[Score]
    definitions: list[Definition]
    follow_up: Annotated[
        FollowUp | None,
        Field(description="null without a prior, and while its order is hidden from the reader"),
    ]
    findings: list[str]
    checklist: Checklist
    added_up: list[str]
    prediction: Annotated[
        Prediction | None, Field(description="null where the ensemble was not run")
    ]
    series: list[Series]
    weights: Annotated[
        dict[str, Digest], Field(description="SHA-256 by file; empty where it was not run")
    ]
    weights_list: WeightsList | None
    limits: list[str]


class _Untitled(GenerateJsonSchema):
    """Without a title for each field that says its name again."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def report_schema() -> dict[str, Any]:
    """The JSON Schema of a report."""
    made = TypeAdapter(Report).json_schema(schema_generator=_Untitled)
    of_reading = "../asemble/reading/reading.schema.json#"
    made["properties"]["hash"] = {"$ref": f"{of_reading}/properties/hash"}
    made["properties"]["reading"] = {"$ref": f"{of_reading}/$defs/reading"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **made,
        "title": SCHEMA,
    }
