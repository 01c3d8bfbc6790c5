"""`asemble manifest`: labelled images of one's own as CSV."""

# ruff: noqa: PLC0415  imports inside the verb are the point, see `asemble.cli`

from pathlib import Path
from typing import Annotated

from typer import Argument, BadParameter, Option

from asemble.commands.options import count_from_zero, plain, verb
from asemble.core.labels import JUDGED_PLANES, Plane, Weighting

app = plain()


def judged_plane(text: str) -> Plane:
    """A plane that the ensemble judges."""
    if text not in list(JUDGED_PLANES):
        raise BadParameter(
            f"{text!r} is not one of {', '.join(map(repr, map(str, JUDGED_PLANES)))}."
        )
    return Plane(text)


@verb(app)
def manifest(
    *,
    folder: Annotated[Path, Argument(parser=Path, metavar="FOLDER", help="by plane and class")],
    out: Annotated[Path, Argument(parser=Path, metavar="OUT", help="a CSV file")],
    plane: Annotated[
        Plane | None,
        Option(
            "--plane",
            parser=judged_plane,
            metavar=f"[{'|'.join(JUDGED_PLANES)}]",
            help="of all images",
        ),
    ] = None,
    weighting: Annotated[Weighting | None, Option("--weighting", help="of all images")] = None,
    patient_pattern: Annotated[
        str | None,
        Option(
            "--patient-pattern",
            metavar="REGEX",
            help="finds the patient in the name of a file: its first group, or all of it",
        ),
    ] = None,
    split_seed: Annotated[
        int | None,
        Option(
            "--split-seed",
            parser=count_from_zero,
            metavar="N",
            help="draw training, validation and test, whole patients each",
        ),
    ] = None,
    force: Annotated[bool, Option("--force", help="replace an existing file")] = False,
) -> None:
    """List labelled images of your own as CSV."""
    from asemble.commands.folder_manifest import folder_to_manifest

    folder_to_manifest(
        folder,
        out,
        plane=plane,
        weighting=weighting,
        patient_pattern=patient_pattern,
        split_seed=split_seed,
        force=force,
    )
