"""`asemble train`: one member, from a configuration to a weight file with its card."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asemble.commands.terminal import progress, writing
from asemble.core.errors import ConfigError, InputError
from asemble.core.labels import Plane
from asemble.datasets.manifest import read_manifest
from asemble.datasets.own_sets import own_sets
from asemble.datasets.people import simulate_lessons
from asemble.datasets.slice_set import SliceSet
from asemble.models.evidence_head import EvidenceNetwork
from asemble.models.members import MEMBERS
from asemble.models.weights import load_weights, weights_name
from asemble.training.config import TrainingConfig, read_config
from asemble.training.initial_weights import FROM_SCRATCH, Start, start_from, start_of
from asemble.training.loop import train
from asemble.training.real_anatomy import paint_lessons
from asemble.training.real_pelvises import MISSING, SOURCE

SIMULATED = "slices of simulated people with bones of a statistical shape model"
PAINTED = (
    "simulated oedema, on simulated and on openly licensed real anatomy: "
    f"{SIMULATED}, and T1 slices of real pelvises in contrasts drawn at random"
)


def train_member(
    config_file: Path, *, out: Path, cache: Path, force: bool, pelvises: Path | None = None
) -> None:
    """Simulate the slices once, train, and write weights and card to `out`.

    Args:
        config_file: of the run.
        out: for weights, card and checkpoint.
        cache: of simulated slices.
        force: replace weights that are there already.
        pelvises: folder of real ones, for a configuration that paints on them.

    Raises:
        AsembleError: the configuration is not right, the weights exist, there are no real
            pelvises where it needs them, or nothing can be written.
    """
    config = read_config(config_file)
    require_free(out, config, force=force)
    start = start_of(config)
    if config.painted_slices and (pelvises is None or not pelvises.is_dir()):
        raise InputError(
            "There is no folder of real pelvises.",
            hint=f"{MISSING} Name the folder with --pelvises.",
            code="pelvises-missing",
        )

    def slices(part: str, people: int) -> SliceSet:
        tell = progress(f"simulating {part}", "people")
        return simulate_lessons(config.plane, part, people, cache, progress=tell)

    with writing():
        training = slices("further" if config.further else "training", config.training_cases)
        validation = slices("validation", config.validation_cases)
        data = {"description": SIMULATED}
        command = f"asemble train {_shown(config_file)}"
        if config.painted_slices and pelvises is not None:
            painted = paint_lessons(
                pelvises,
                bone_finders(Path(config.from_folder), config.plane),
                config.painted_slices,
                cache,
                progress=progress("painting", "slices"),
            )
            training = training.joined(painted)
            data = {"description": PAINTED, "real_anatomy": SOURCE}
            command += " --pelvises DIR"
        _train(
            config, training, validation, out, start=start, command=command, data=data, force=force
        )


def bone_finders(folder: Path, plane: Plane) -> list[EvidenceNetwork]:
    """The members of a plane in a folder, in the order of their table."""
    return [load_weights(folder / weights_name(plane, name))[0] for name in MEMBERS]


def train_on_manifest(
    config_file: Path,
    manifest_file: Path,
    *,
    out: Path,
    from_weights: Path | None,
    freeze_body: bool,
    force: bool,
) -> None:
    """Train on images of one's own; nothing starts before every line of the manifest is right.

    Args:
        config_file: of the run; its numbers of simulated cases are not used.
        manifest_file: CSV.
        out: for weights, card and checkpoint.
        from_weights: file or folder to go on from; None starts from scratch.
        freeze_body: learn in the evidence head alone.
        force: replace weights that are there already.

    Raises:
        AsembleError: the configuration, the manifest or the weights are not right, the output
            exists, or nothing can be written.
    """
    config = read_config(config_file)
    require_free(out, config, force=force)
    if freeze_body and from_weights is None:
        raise ConfigError(
            "A frozen body learns nothing, so it must come from trained weights.",
            hint="Name them with --from-weights.",
            code="frozen-without-weights",
        )
    start = FROM_SCRATCH
    if from_weights is not None:
        start = start_from(from_weights, config, freeze_body=freeze_body)
    sets = own_sets(
        read_manifest(manifest_file),
        config.plane,
        seed=config.seed,
        progress=progress("reading", "rows"),
    )
    for note in sets.notes:
        print(note)
    options = " --freeze-body" * freeze_body
    with writing():
        _train(
            config,
            sets.training,
            sets.validation,
            out,
            start=start,
            command=f"asemble train {_shown(config_file)} --manifest FILE{options}",
            data=sets.facts,
            force=force,
        )


def require_free(out: Path, config: TrainingConfig, *, force: bool) -> None:
    """Refuse to replace weights, unless a checkpoint beside them says that a run goes on.

    Raises:
        ConfigError: there are weights, no checkpoint and no `force`.
    """
    weights = out / weights_name(config.plane, config.member)
    if weights.exists() and not force and not weights.with_suffix(".checkpoint").exists():
        raise ConfigError(
            f"{weights.name} exists in the output folder.",
            hint="Name another folder with --out, or say --force to replace it.",
            code="output-exists",
        )


def _train(
    config: TrainingConfig,
    training: SliceSet,
    validation: SliceSet,
    out: Path,
    *,
    start: Start = FROM_SCRATCH,
    command: str,
    data: Mapping[str, Any],
    force: bool,
) -> None:
    result = train(
        config,
        training,
        validation,
        out,
        start=start,
        replace_other=force,
        command=command,
        data=data,
    )
    print(f"Wrote {result.weights.name} after {result.passes:,} passes.")
    print("Now fit the ensemble to it: asemble evaluate calibrate --weights DIR")


def _shown(path: Path) -> str:
    """As it was given, unless that would tell where somebody's home is."""
    return path.name if path.is_absolute() else path.as_posix()
