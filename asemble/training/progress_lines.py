"""Lines that a training run prints."""

from asemble.training.checkpoint import Progress
from asemble.training.config import TrainingConfig
from asemble.training.validation import Validation


def progress_line(config: TrainingConfig, progress: Progress, loss: float) -> str:
    """How far the run is, how fast it goes, and when it will end at the latest."""
    passes = progress.step * config.batch
    speed = passes / max(progress.seconds, 1e-9)
    minutes = (config.passes - passes) / speed / 60
    return (
        f"{config.plane.value}-{config.member} {passes:,} of {config.passes:,} passes, "
        f"loss {loss:.3f}, {speed:.0f} images/s, {max(0.0, minutes):.1f} min left"
    )


def validation_line(config: TrainingConfig, progress: Progress, score: Validation) -> str:
    """The scores of the validation at this step."""
    return (
        f"{config.plane.value}-{config.member} validation at {progress.step * config.batch:,}: "
        f"loss {score.loss:.3f}, AUC {_shown(score.auc)}, pointing {_shown(score.pointing)}, "
        f"accuracy {score.accuracy:.3f}"
        + (", best so far" if progress.best_step == progress.step else "")
    )


def _shown(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"
