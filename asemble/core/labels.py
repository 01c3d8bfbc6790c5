"""The classes, planes and weightings, with their titles: the one copy in the project."""

from enum import IntEnum, StrEnum


class Pattern(StrEnum):
    """What the networks tell apart; the order is the order of every probability vector.

    >>> [p.value for p in Pattern]
    ['normal', 'inflammatory', 'mechanical']
    """

    NORMAL = "normal"
    INFLAMMATORY = "inflammatory"
    MECHANICAL = "mechanical"

    @property
    def heading(self) -> str:
        """A heading for people."""
        return PATTERN_TITLES[self]


class Plane(StrEnum):
    """The plane of a series: semicoronal counts as coronal, semiaxial as axial."""

    CORONAL = "coronal"
    AXIAL = "axial"
    SAGITTAL = "sagittal"

    @property
    def heading(self) -> str:
        """A heading for people."""
        return self.value.capitalize()


class Weighting(StrEnum):
    """The contrast of a series; `fluid` is STIR, or T2 or PD with fat suppression."""

    T1 = "t1"
    FLUID = "fluid"
    OTHER = "other"

    @property
    def heading(self) -> str:
        """A heading for people."""
        return WEIGHTING_TITLES[self]


class Tissue(IntEnum):
    """What a place of a slice shows, as the networks learn it.

    >>> Tissue.LEFT_ILIUM.value
    3
    """

    REST = 0
    SACRUM = 1
    RIGHT_ILIUM = 2
    """The patient's right."""
    LEFT_ILIUM = 3
    JOINT_SPACE = 4
    BRIGHT = 5
    """Vessel, fluid, disc, bowel, bladder: bright, and no oedema."""


PATTERNS = tuple(Pattern)
"""The classes in the order of every probability vector."""

PATTERN_TITLES = {
    Pattern.NORMAL: "Normal",
    Pattern.INFLAMMATORY: "Inflammatory (axSpA pattern)",
    Pattern.MECHANICAL: "Mechanical or other mimic",
}

PATTERN_COLOURS = {
    Pattern.NORMAL: "#7f8a96",
    Pattern.INFLAMMATORY: "#c47a00",
    Pattern.MECHANICAL: "#2f8fc4",
}
"""Hues of Okabe and Ito, which colour-blind readers can tell apart, at a contrast of 3 to 1 or more
with a dark and with a light background, on screen and in print. Words take the theme's colour."""

HEATMAP_TITLES = {"gradcam": "Grad-CAM", "evidence": "evidence map"}
"""The kinds of heatmap that are shown, by their name in results."""

WEIGHTING_TITLES = {
    Weighting.T1: "T1",
    Weighting.FLUID: "Fluid-sensitive (STIR, fat-suppressed T2 or PD)",
    Weighting.OTHER: "Other",
}

JUDGED_PLANES = (Plane.CORONAL, Plane.AXIAL)
"""The planes that have an ensemble."""

SIMULATOR = "asemble simulator"
"""Manufacturer of every simulated DICOM file."""
SIMULATED_COMMENT = "SYNTHETIC: simulated MRI, no patient. Education and research only."
"""Its ImageComments. By these two alone a file counts as simulated."""

TRAINED_ON = "simulated oedema, on simulated and on openly licensed real anatomy"
"""What the shipped networks learned from, in the words of every screen, card and export."""
REAL_ANATOMY = "CPTAC-UCEC (doi:10.7937/K9/TCIA.2018.3R3JUISW), CC BY 4.0"
"""Whose anatomy that is; the cards in `weights/` say the same at length."""

SHIPPED_WEIGHTS = "the weights that asemble ships"
OWN_WEIGHTS = "not the weights that asemble ships"
"""Whose weights these are, for a sentence: in reports, on screen and in a terminal."""
STANDING_NOTICE = (
    "Education and research prototype. Not a medical device; not cleared or CE/UKCA marked. "
    f"Do not use for diagnosis or treatment. The models were trained on {TRAINED_ON}; "
    "their accuracy on patients has not been measured."
)
"""Stands on every page and in every export (clinical specification, section 9, string 1)."""
