"""Writes the table of public cases from the index of the Imaging Data Commons: `make public-cases`.

Needs idc-index-data and pandas, which the product does not; the Makefile installs them into a
folder that is thrown away. What is chosen is chosen by words of the index alone: no image was
looked at, and nobody read one. The rules are below, from `COLLECTIONS` to `_is_wanted`.
"""

import html
import json
import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import idc_index_data
import pandas as pd

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "asemble" / "cases" / "public.toml"
PAGE = ROOT / "docs" / "public_cases.md"
WORDS = Path(__file__).with_name("public_cases.in.md")
"""What the page says around its figures."""
PAINTED = ROOT / "docs" / "public_cases_painted.toml"
"""The series on which oedema was painted for training, with the part of each that was used."""

BUCKET = "idc-open-data"
LICENCES = ("CC BY 3.0", "CC BY 4.0", "CC0 1.0")

COLLECTIONS = (
    "cptac_ucec", "cptac_sar", "cmb_brca", "cmb_crc", "cmb_gec", "cmb_lca", "cmb_mml", "cmb_ov",
    "cmb_pca", "eay131",
)  # fmt: skip

CORONAL = re.compile(r"\bcor|[_ ]cor(onal)?\b|^coronal|^cort2")
AXIAL = re.compile(r"\bax|[_ ]tra\b|_tra_|^axial|_ax_")
WEIGHTINGS = (
    ("fluid", re.compile(r"stir|tirm|(t2|pd).*([_ ]fs|fat ?sat|spair)")),
    ("t1", re.compile(r"t1")),
    ("other", re.compile(r"t2")),
)
"""By words alone; the first that matches. asemble decides by the files when it reads them."""

NOT = re.compile(
    r"3d|vibe|lava|fl3d|dix|fame|thrive|spgr|flash|haste|ssfse|ssh|trufi|fiesta|spc|sub|mip|loc|"
    r"scano|mpr|post|water|rectum|prostate|sfov|sm_?fov|small|para|perp|uterus|abd|upper|c_a_p|"
    r"dyn|c\+|^_?c_|_cm\b|arterial|delayed|t1ip|_lt\b|hi res|prop\.|xv|t1.*[_ ](fs|fat)|fl2d"
)
"""Thin slices, scouts, images made of others, after contrast (as T1 with fat suppression mostly),
or of one organ."""

AFTER_CONTRAST = re.compile(r"t1_tse_cor (limf|lymph) nodes cm")
"""The coronal T1 of CPTAC-UCEC, on which oedema was painted, is after contrast; kept and marked."""

PARTS = {"PELVIS", "ABDOMENPELVIS", "LSPINE", "HIP"}
STUDY = re.compile(r"pelvi|miednica|hip|lumb|l[-_ ]?spine|wholebody")
NOT_STUDY = re.compile(r"thorac|t[-_ ]?spine|prostate|rectum")
FEWEST_SLICES = 12


def main() -> None:
    """Write the table and the page."""
    cases = list(_cases(_series()))
    sources = _sources({series["doi"] for case in cases for series in case["series"]})
    TABLE.write_text(_table(cases, sources), encoding="utf-8")
    PAGE.write_text(_page(), encoding="utf-8")


def _series() -> pd.DataFrame:
    index = pd.read_parquet(
        idc_index_data.IDC_INDEX_PARQUET_FILEPATH, filters=[("Modality", "==", "MR")]
    )
    painted = set(_painted())
    is_wanted = [
        row.SeriesInstanceUID in painted or (row.collection_id in COLLECTIONS and _is_wanted(row))
        for row in index.fillna({"SeriesDescription": "", "StudyDescription": "",
                                 "BodyPartExamined": ""}).itertuples()
    ]  # fmt: skip
    chosen = index[is_wanted].copy()
    coronal = chosen[chosen.SeriesDescription.map(lambda words: _plane(words) == "coronal")]
    return chosen[chosen.StudyInstanceUID.isin(coronal.StudyInstanceUID)]


def _is_wanted(row: Any) -> bool:
    words, study = row.SeriesDescription.lower(), row.StudyDescription.lower()
    if not AFTER_CONTRAST.search(words) and NOT.search(words):
        return False
    plane, weighting = _plane(words), _weighting(words)
    if row.BodyPartExamined == "ABDOMEN" or NOT_STUDY.search(study):
        return False
    return (
        row.license_short_name in LICENCES
        and pd.isna(row.analysis_result_id)
        and row.sop_class_name == "MR Image Storage"
        and row.aws_bucket == BUCKET
        and row.instanceCount >= FEWEST_SLICES
        and (row.BodyPartExamined in PARTS or bool(STUDY.search(study)))
        and plane is not None
        # Axial slices of a lumbar spine stop above the joints. T2 without fat suppression is worth
        # having only of a spine, where it is the one coronal series.
        and (plane == "coronal" or not _is_spine(row))
        and (weighting in ("t1", "fluid") or (weighting == "other" and _is_spine(row)))
    )


def _is_spine(row: Any) -> bool:
    study = row.StudyDescription.lower()
    return row.BodyPartExamined == "LSPINE" or "spine" in study or "l spine" in study


def _plane(words: str) -> str | None:
    words = words.lower()
    if CORONAL.search(words):
        return "coronal"
    return "axial" if AXIAL.search(words) else None


def _weighting(words: str) -> str | None:
    words = words.lower()
    return next((name for name, pattern in WEIGHTINGS if pattern.search(words)), None)


def _cases(chosen: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """One case a study; a patient's later studies are numbered by their date."""
    painted = _painted()
    chosen = chosen.assign(number=pd.to_numeric(chosen.SeriesNumber))
    for (collection, patient), of_patient in chosen.groupby(["collection_id", "PatientID"]):
        studies = of_patient.groupby(["StudyDate", "StudyInstanceUID"], dropna=False)
        for number, ((_, study_uid), study) in enumerate(studies, start=1):
            ordered = study.sort_values(["number", "SeriesInstanceUID"])
            yield {
                "id": patient if number == 1 else f"{patient}-{number}",
                "collection": collection,
                "patient": patient,
                "study_uid": study_uid,
                "study": _text(ordered.iloc[0].StudyDescription),
                "seen": "not stated",
                "series": [_one(row, painted) for row in ordered.itertuples()],
            }


def _one(row: Any, painted: dict[str, dict[str, Any]]) -> dict[str, Any]:
    size = round(row.series_size_MB * 1e6)  # the index sums instance_size / 1000000
    facts = {
        "uid": row.SeriesInstanceUID,
        "folder": row.crdc_series_uuid,
        "modality": row.Modality,
        "description": _text(row.SeriesDescription),
        "body_part": _text(row.BodyPartExamined),
        "plane": _plane(row.SeriesDescription),
        "weighting": _weighting(row.SeriesDescription),
        "after_contrast": bool(AFTER_CONTRAST.search(row.SeriesDescription.lower())),
        "files": int(row.instanceCount),
        "bytes": int(size),
        "licence": row.license_short_name,
        "doi": row.source_DOI,
    }
    return facts | painted.get(row.SeriesInstanceUID, {})


def _painted() -> dict[str, dict[str, Any]]:
    listed = tomllib.loads(PAINTED.read_text(encoding="utf-8"))["series"]
    return {
        each["uid"]: {"painted": {name: each[name] for name in ("slices", "rows", "columns")}}
        for each in listed
    }


def _sources(dois: set[str]) -> list[dict[str, str]]:
    """Title and citation of each DOI, as the index has them."""
    index = pd.read_parquet(idc_index_data.INDEX_METADATA["collections_index"]["parquet_filepath"])
    found = {}
    for row in index.itertuples():
        for source in row.sources:
            doi = source["source_doi"].lower()
            if doi in dois and row.collection_id in COLLECTIONS:
                found[doi] = {
                    "doi": doi,
                    "name": row.collection_name,
                    "title": _text(source["source_title"]),
                    "citation": _text(source["citation"]),
                }
    missing = dois - set(found)
    if missing:
        raise SystemExit(f"no citation in the index for {', '.join(sorted(missing))}")
    return [found[doi] for doi in sorted(found)]


def _text(value: Any) -> str:
    """On one line, without the marks of HTML."""
    if pd.isna(value):
        return ""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", value)).split())


def _table(cases: list[dict[str, Any]], sources: list[dict[str, str]]) -> str:
    versions = pd.read_parquet(
        idc_index_data.INDEX_METADATA["version_metadata_index"]["parquet_filepath"]
    )
    latest = versions.sort_values("idc_version").iloc[-1]
    lines = [
        "# Written by `make public-cases` (tools/public_cases.py); do not edit by hand.",
        "# Chosen by the words of the index; no image was looked at and nobody read one.",
        "",
        "[index]",
        *_pairs({
            "package": "idc-index-data",
            "version": version("idc-index-data"),
            "idc_version": int(latest.idc_version),
            "idc_date": str(latest.version_timestamp),
            "bucket": BUCKET,
        }),
    ]  # fmt: skip
    for source in sources:
        lines += ["", "[[source]]", *_pairs(source)]
    for case in cases:
        lines += ["", "[[case]]", *_pairs({k: v for k, v in case.items() if k != "series"})]
        for series in case["series"]:
            lines += ["", "[[case.series]]", *_pairs(series)]
    return "\n".join(lines) + "\n"


def _pairs(facts: dict[str, Any]) -> list[str]:
    return [f"{name} = {_value(value)}" for name, value in facts.items()]


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(_pairs(value)) + " }"
    return json.dumps(value, ensure_ascii=False)  # strings, numbers and lists are TOML's too


def _page() -> str:
    table = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    index, cases = table["index"], table["case"]
    every = [(case, series) for case in cases for series in case["series"]]
    rows = []
    for source in table["source"]:
        mine = [(case, series) for case, series in every if series["doi"] == source["doi"]]
        of = {case["id"] for case, _ in mine}
        megabytes = sum(series["bytes"] for _, series in mine) / 1e6
        licences = ", ".join(sorted({series["licence"] for _, series in mine}))
        rows.append(
            f"| {source['name']} | {len(of)} | {len(mine)} | {megabytes:.0f} | {licences} | "
            f"{source['citation']} |"
        )
    shown = [
        f"| {plane} | {weighting} | {sum(_is(s, plane, weighting) for _, s in every)} |"
        for plane in ("coronal", "axial")
        for weighting in ("t1", "fluid", "other")
    ]
    total = sum(series["bytes"] for _, series in every) / 1e9
    facts = {
        "package": f"{index['package']} {index['version']}",
        "release": f"version {index['idc_version']} of {index['idc_date']}",
        "bucket": f"https://{index['bucket']}.s3.amazonaws.com/",
        "cases": len(cases),
        "series": len(every),
        "size": f"{total:.2f} GB",
        "painted": sum("painted" in series for _, series in every),
        "collections": "\n".join(rows),
        "kinds": "\n".join(shown),
    }
    text = WORDS.read_text(encoding="utf-8")
    for name, value in facts.items():
        text = text.replace(f"{{{name}}}", str(value))
    return text


def _is(series: dict[str, Any], plane: str, weighting: str) -> bool:
    return bool(series["plane"] == plane and series["weighting"] == weighting)


if __name__ == "__main__":
    main()
