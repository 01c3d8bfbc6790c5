"""What resembles axial spondyloarthritis on MRI, and what tells it apart, as data."""

from dataclasses import dataclass

from asemble.clinical.sources import Source, cite


@dataclass(frozen=True, slots=True)
class Entity:
    """One row of the table of entities.

    Args:
        name: the entity.
        site: where its lesions lie.
        extent: how deep and wide.
        symmetry: one side or both.
        erosion: whether the joint surface breaks.
        other: sclerosis and other signs.
        sources: keys of the sources.
        urgent: whether suspecting it asks for urgent review.
    """

    name: str
    site: str
    extent: str
    symmetry: str
    erosion: str
    other: str
    sources: tuple[str, ...]
    urgent: bool = False

    @property
    def citations(self) -> tuple[Source, ...]:
        """Its sources."""
        return tuple(cite(key) for key in self.sources)


ENTITIES = (
    Entity(
        "Axial spondyloarthritis",
        "Widespread; ligamentous oedema in 40-60% (mechanical 8-15%)",
        "Deep oedema in 89%",
        "Often bilateral",
        "Common, mainly iliac",
        "Backfill and ankylosis essentially specific; fat with sharp borders",
        ("kiil_2022", "de_winter_2018", "seven_site", "seven_2019"),
    ),
    Entity(
        "Mechanical strain",
        "Peak at the middle anterior sacrum (66%)",
        "Small, 1 or 2 slices",
        "Rarely bilateral",
        "Absent or rare",
        "Fat and mild sclerosis possible",
        ("kiil_2022", "seven_site"),
    ),
    Entity(
        "Osteitis condensans ilii",
        "Ventral in 96% (axSpA 28.6%)",
        "Band of oedema beside sclerosis",
        "Usually bilateral",
        "7.4% (axSpA 66.7%)",
        "Triangular iliac sclerosis; 96.7% women; HLA-B27 35.2% (axSpA 80.0%)",
        ("poddubnyy_oci", "oci_mri_2023", "knowledge"),
    ),
    Entity(
        "Pregnancy and after delivery",
        "Anterior and middle; ligamentous rare",
        "Can be large; deep in 14%",
        "Either",
        "2.8% reach 3 quadrants at 12 months",
        "Iliac sclerosis rises from 20 to 46%, 6.5 to 7.5 mm",
        ("kiil_2023", "de_winter_2018", "kiil_2025"),
    ),
    Entity(
        "Athletes",
        "Posterior lower ilium, then anterior upper sacrum",
        "Mean 3.1-3.6 quadrants",
        "Either",
        "Absent",
        "",
        ("weber_2018",),
    ),
    Entity(
        "Degeneration",
        "Anterior, superior or middle, beside osteophytes",
        "Minimal, 1 or 2 slices",
        "Often asymmetric after 30",
        "Small, erosion-like only",
        "Narrowing, osteophyte, vacuum, cyst; rare before 30",
        ("degeneration_page", "radiology_1984"),
    ),
    Entity(
        "DISH",
        "Anterior or entheseal bridging, ligamentous",
        "Little oedema",
        "Either",
        "Absent",
        "Older people; the joint itself usually preserved",
        ("knowledge",),
    ),
    Entity(
        "Anatomical variants",
        "Accessory joint or iliosacral complex, ligamentous; oedema may be anterior or inferior",
        "Focal",
        "Either",
        "Pseudo-erosion",
        "Accessory joint in controls: sclerosis odds ratio 17.9, oedema 2.05",
        ("variants", "accessory_2023"),
    ),
    Entity(
        "Insufficiency or stress fracture",
        "Sacral ala",
        "Pronounced oedema",
        "One or both sides",
        "None",
        "Dark vertical line on T1; older people, osteoporosis, radiotherapy",
        ("fracture_page",),
        urgent=True,
    ),
    Entity(
        "Infection",
        "Crosses the capsule into muscle; infiltration under the periosteum",
        "Florid; muscle oedema in 38 of 42",
        "Unilateral in 30 of 40",
        "Confluent",
        "Abscess or sequestrum",
        ("infection_2000", "infection_skeletal"),
        urgent=True,
    ),
    Entity(
        "Pseudo-lesions",
        "Vessels in clefts, thin subchondral rim on STIR, coil flare posteriorly, partial volume",
        "Linear or superficial",
        "Coil flare: bilateral",
        "Imitated by partial volume",
        "Confirm in the second plane",
        ("pseudo_lesions",),
    ),
)
"""Every row; the first is the disease, the rest its mimics."""

FEATURES = {
    "where": "site",
    "how deep and wide": "extent",
    "one side or both": "symmetry",
    "erosion": "erosion",
    "other signs": "other",
}
"""What to look at, in this order: its name for people and the field of `Entity`."""
