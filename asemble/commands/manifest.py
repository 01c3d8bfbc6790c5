"""`asemble manifest`: folders by plane and class to a manifest that can be checked by eye."""

import re
from pathlib import Path

from asemble.commands.terminal import writing
from asemble.core.errors import ConfigError, InputError
from asemble.core.labels import Plane, Weighting
from asemble.training.folders import rows_of_folder
from asemble.training.manifest import write_manifest


def folder_to_manifest(
    folder: Path,
    out: Path,
    *,
    plane: Plane | None,
    weighting: Weighting | None,
    patient_pattern: str | None,
    force: bool,
) -> None:
    """Write a row for every image below a folder.

    Args:
        folder: that holds folders by plane and class.
        out: the CSV file.
        plane: of all images, where the folders do not say.
        weighting: the same.
        patient_pattern: regular expression that finds the patient in the name of a file.
        force: replace a manifest that is there already.

    Raises:
        AsembleError: a folder is not understood, `out` exists, or it cannot be written.
    """
    if out.exists() and not force:
        raise InputError("The manifest exists.", hint="Say --force to replace it.")
    try:
        pattern = None if patient_pattern is None else re.compile(patient_pattern)
    except re.error as error:
        raise ConfigError(f"The pattern is no regular expression: {error}.") from error
    found = rows_of_folder(folder, plane=plane, weighting=weighting, patient_pattern=pattern)
    with writing():
        out.parent.mkdir(parents=True, exist_ok=True)
        write_manifest(out, found.rows, folder=folder)
    for note in found.notes:
        print(note)
    print(f"Wrote {out.name} with {len(found.rows)} rows. Look through it before you use it.")
