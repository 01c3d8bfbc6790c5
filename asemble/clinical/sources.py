"""Where every clinical figure of the project comes from, and how far it was checked.

The one copy: checklist items, mimics and exports name sources by key and never repeat a citation.
Figures were taken mostly from abstracts, journal tables and excerpts, seldom from the full text, so
a source says what was seen (`Source.seen`) as well as where it is (`Source.locator`).
"""

from dataclasses import dataclass
from enum import StrEnum


class Certainty(StrEnum):
    """How far a source was checked."""

    LOOKED_UP = "looked up"
    UNVERIFIED = "unverified"
    UNCERTAIN = "uncertain"

    @property
    def sentence(self) -> str:
        """What the word means, for a reader."""
        return _CERTAINTY_SENTENCES[self]


_CERTAINTY_SENTENCES = {
    Certainty.LOOKED_UP: "The figures were read in the place named.",
    Certainty.UNVERIFIED: "From knowledge or a second-hand summary; not checked against the paper.",
    Certainty.UNCERTAIN: "Doubtful; have it checked before relying on it.",
}


@dataclass(frozen=True, slots=True)
class Source:
    """One source.

    Args:
        key: short name, used by the items that rest on it.
        citation: first author or body, and what it is.
        locator: a DOI or URL, or the journal reference where no DOI is known.
        certainty: how far it was checked.
        seen: what was read of it.

    >>> print(cite("kiil_2022").label)
    Kiil 2022, oedema by region in axSpA and strain (doi.org/10.1186/s13075-022-02760-7)
    >>> print(cite("knowledge").label)
    General knowledge, no paper at hand [unverified]
    """

    key: str
    citation: str
    locator: str
    certainty: Certainty
    seen: str

    @property
    def label(self) -> str:
        """Citation and locator in a line; says so where it was not looked up."""
        where = f" ({self.locator})" if self.locator else ""
        doubt = "" if self.certainty is Certainty.LOOKED_UP else f" [{self.certainty.value}]"
        return f"{self.citation}{where}{doubt}"


def cite(key: str) -> Source:
    """The source of that key.

    Raises:
        ValueError: there is no such source.
    """
    try:
        return SOURCES[key]
    except KeyError:
        raise ValueError(f"no source {key!r}; known: {', '.join(sorted(SOURCES))}") from None


_ABSTRACT = "abstract, table or excerpt"
_SECOND_HAND = "a second-hand summary; the paper and its DOI were not checked"

_ALL = (
    # back pain and features of spondyloarthritis
    Source(
        "sieper_2009",
        "Sieper 2009, ASAS experts on inflammatory back pain",
        "doi.org/10.1136/ard.2008.101501",
        Certainty.LOOKED_UP,
        _ABSTRACT,
    ),
    Source(
        "rudwaleit_2006",
        "Rudwaleit 2006, Berlin criteria for inflammatory back pain",
        "doi.org/10.1002/art.21619",
        Certainty.LOOKED_UP,
        _ABSTRACT,
    ),
    Source(
        "poddubnyy_2018",
        "Poddubnyy 2018, inflammatory back pain in referred patients",
        "doi.org/10.1136/rmdopen-2018-000825",
        Certainty.LOOKED_UP,
        _ABSTRACT,
    ),
    Source(
        "rudwaleit_2004",
        "Rudwaleit 2004/2006, likelihood ratios of single features",
        "doi.org/10.1136/ard.2003.011247",
        Certainty.LOOKED_UP,
        "the 2006 table that restates it",
    ),
    Source(
        "asas_cohort",
        "ASAS cohort 2009, features by diagnosis (table 1)",
        "Ann Rheum Dis 2009",
        Certainty.LOOKED_UP,
        "table; likelihood ratios calculated from it here; the DOI is not at hand",
    ),
    Source(
        "asas_2009",
        "Rudwaleit 2009, ASAS classification of axSpA (part II)",
        "doi.org/10.1136/ard.2009.108233",
        Certainty.LOOKED_UP,
        _ABSTRACT,
    ),
    Source(
        "screening_table",
        "Likelihood ratio of HLA-B27, table of screening parameters",
        "",
        Certainty.UNCERTAIN,
        "one table; the paper that it belongs to was not identified",
    ),
    Source(
        "calin_1977",
        "Calin 1977, history as a screen for ankylosing spondylitis",
        "doi.org/10.1001/jama.1977.03270510035017",
        Certainty.UNVERIFIED,
        "a page that restates it; the threshold and the DOI were not checked",
    ),
    Source(
        "asas_2009_features",
        "ASAS classification of axSpA, table of the features",
        "Ann Rheum Dis 2009",
        Certainty.LOOKED_UP,
        "table 5; the DOI is not at hand",
    ),
    Source(
        "rudwaleit_pretest",
        "Rudwaleit 2006, probability of axSpA from a product of likelihood ratios",
        "doi.org/10.1136/ard.2005.051045",
        Certainty.LOOKED_UP,
        _ABSTRACT,
    ),
    Source(
        "primary_care_table",
        "Alternating buttock pain in primary care, table",
        "Ann Rheum Dis",
        Certainty.UNCERTAIN,
        "one table; the paper that it belongs to was not identified",
    ),
    Source(
        "b27_in_families",
        "HLA-B27 in people with a family history of spondyloarthritis",
        "PMC5452625",
        Certainty.LOOKED_UP,
        _ABSTRACT,
    ),
    Source(
        "simact",
        "Readers of MRI against axSpA or degenerative disease, 163 patients",
        "PMC8762031",
        Certainty.LOOKED_UP,
        "abstract or table; likelihood ratios calculated from it here",
    ),
    # how common axSpA is where
    Source(
        "primary_care_uk",
        "axSpA in chronic back pain, UK primary care",
        "doi.org/10.1186/s12891-015-0853-2",
        Certainty.LOOKED_UP,
        _ABSTRACT,
    ),
    Source(
        "primary_care_2015",
        "axSpA in chronic back pain at 18 to 45 years, primary care",
        "doi.org/10.1371/journal.pone.0131963",
        Certainty.LOOKED_UP,
        _ABSTRACT,
    ),
    Source(
        "space",
        "SPACE, early chronic back pain in rheumatology",
        "doi.org/10.1136/ard-2023-224959",
        Certainty.LOOKED_UP,
        _ABSTRACT,
    ),
    Source(
        "referral_screening",
        "axSpA after referral by a screening rule",
        "doi.org/10.3899/jrheum.110070",
        Certainty.LOOKED_UP,
        _ABSTRACT,
    ),
    # definitions and scores of MRI lesions
    Source(
        "asas_restated",
        "ASAS definition of active sacroiliitis, restated",
        "doi.org/10.1007/s00296-018-4104-3",
        Certainty.LOOKED_UP,
        _ABSTRACT,
    ),
    Source(
        "lambert_2016",
        "Lambert 2016, ASAS update of the definition",
        "doi.org/10.1136/annrheumdis-2015-208642",
        Certainty.LOOKED_UP,
        "abstract; the tables were not readable",
    ),
    Source(
        "sparcc_2005",
        "SPARCC MRI index of sacroiliac inflammation",
        "doi.org/10.1002/art.21445",
        Certainty.LOOKED_UP,
        _ABSTRACT,
    ),
    Source(
        "sparcc_mic",
        "Minimally important change of the SPARCC MRI indices in ankylosing spondylitis",
        "scilit.net/publications/837c6c77e7eb748990bc0fe89f92d053",
        Certainty.LOOKED_UP,
        "abstract; the DOI is not at hand",
    ),
    Source(
        "sparcc_asas",
        "van den Berg 2015, metric properties of SPARCC in the SPACE cohort",
        "doi.org/10.3899/jrheum.140806",
        Certainty.LOOKED_UP,
        _ABSTRACT,
    ),
    Source(
        "sparcc_sss",
        "SPARCC sacroiliac structural score",
        "doi.org/10.3899/jrheum.140519",
        Certainty.UNCERTAIN,
        "abstract; the full text was not readable",
    ),
    Source(
        "maksymowych_2019",
        "Maksymowych 2019, ASAS definitions of MRI lesions",
        "doi.org/10.1136/annrheumdis-2019-215589",
        Certainty.LOOKED_UP,
        _ABSTRACT,
    ),
    Source(
        "maksymowych_2021",
        "Maksymowych 2021, ASAS cut-offs for a definite lesion",
        "doi.org/10.1093/rheumatology/keab099",
        Certainty.LOOKED_UP,
        "abstract; the full text was not readable",
    ),
    Source(
        "sparcc_grading",
        "SPARCC grading of inflammation",
        "spa-imaging.org",
        Certainty.LOOKED_UP,
        "the page",
    ),
    # mimics
    Source(
        "kiil_2022",
        "Kiil 2022, oedema by region in axSpA and strain",
        "doi.org/10.1186/s13075-022-02760-7",
        Certainty.LOOKED_UP,
        _ABSTRACT,
    ),
    Source(
        "kiil_2023",
        "Kiil 2023, sacroiliac MRI after delivery",
        "Arthritis Rheumatol 2023",
        Certainty.LOOKED_UP,
        "abstract; the DOI is not at hand",
    ),
    Source(
        "kiil_2025",
        "Kiil 2025, sclerosis after delivery",
        "doi.org/10.1016/j.ard.2025.08.007",
        Certainty.LOOKED_UP,
        _ABSTRACT,
    ),
    Source(
        "de_winter_2018",
        "de Winter 2018, MRI in healthy people, runners and after delivery",
        "doi.org/10.1002/art.40475",
        Certainty.UNVERIFIED,
        _SECOND_HAND,
    ),
    Source(
        "weber_2018",
        "Weber 2018, MRI in runners and ice-hockey players",
        "doi.org/10.1002/art.40429",
        Certainty.UNVERIFIED,
        _SECOND_HAND,
    ),
    Source(
        "seven_2019",
        "Seven 2019, MRI in axSpA, strain, delivery and healthy people",
        "doi.org/10.1002/art.41037",
        Certainty.UNVERIFIED,
        _SECOND_HAND,
    ),
    Source(
        "seven_site",
        "Seven 2021, where lesions lie in axSpA and in others",
        "doi.org/10.1002/acr.24473",
        Certainty.LOOKED_UP,
        _ABSTRACT,
    ),
    Source(
        "poddubnyy_oci",
        "Poddubnyy 2020, osteitis condensans ilii against axSpA",
        "doi.org/10.1093/rheumatology/keaa175",
        Certainty.UNVERIFIED,
        _SECOND_HAND,
    ),
    Source(
        "oci_mri_2023",
        "Osteitis condensans ilii on MRI, 2023",
        "doi.org/10.12015/issn.1674-8034.2023.06.008",
        Certainty.LOOKED_UP,
        _ABSTRACT,
    ),
    Source(
        "renson_2020",
        "Renson 2020, sacroiliac MRI from delivery to 12 months",
        "Ann Rheum Dis 2020;79:929",
        Certainty.LOOKED_UP,
        _ABSTRACT,
    ),
    Source(
        "population_2020",
        "Population study 2020, sacroiliac MRI under 45 years",
        "Ann Rheum Dis 2020;79:186",
        Certainty.LOOKED_UP,
        _ABSTRACT,
    ),
    Source(
        "postpartum_review_2021",
        "Review 2021, sacroiliac MRI around delivery",
        "doi.org/10.1007/s11926-021-01030-w",
        Certainty.LOOKED_UP,
        _ABSTRACT,
    ),
    Source(
        "degeneration_page",
        "Degeneration of the sacroiliac joint",
        "spa-imaging.org",
        Certainty.LOOKED_UP,
        "the page",
    ),
    Source(
        "radiology_1984",
        "Radiology 1984, normal sacroiliac joint on CT",
        "doi.org/10.1148/radiology.151.2.6709915",
        Certainty.LOOKED_UP,
        _ABSTRACT,
    ),
    Source(
        "variants",
        "Anatomical variants of the joint and oedema",
        "PMID 34264373",
        Certainty.LOOKED_UP,
        _ABSTRACT,
    ),
    Source(
        "accessory_2023",
        "Accessory sacroiliac joint and its changes, 2023",
        "Rheumatology 2023;62:1117",
        Certainty.LOOKED_UP,
        _ABSTRACT,
    ),
    Source(
        "ziegeler_2021",
        "Ziegeler 2021, joint form and mechanical disease",
        "doi.org/10.1093/rheumatology/keab318",
        Certainty.LOOKED_UP,
        _ABSTRACT,
    ),
    Source(
        "fracture_page",
        "Sacral fractures",
        "spa-imaging.org",
        Certainty.LOOKED_UP,
        "the page",
    ),
    Source(
        "infection_2000",
        "Infectious sacroiliitis on MRI, 2000",
        "doi.org/10.1007/s002560000242",
        Certainty.LOOKED_UP,
        _ABSTRACT,
    ),
    Source(
        "infection_skeletal",
        "Infectious sacroiliitis, Skeletal Radiology",
        "",
        Certainty.LOOKED_UP,
        "abstract; the DOI is not at hand",
    ),
    Source(
        "pseudo_lesions",
        "Wittram 1995 and El Rafei 2018, pseudo-lesions of the joint",
        "Clin Radiol 1995;50:371; doi.org/10.1007/s00330-018-5540-x",
        Certainty.LOOKED_UP,
        _ABSTRACT,
    ),
    Source(
        "knowledge",
        "General knowledge, no paper at hand",
        "",
        Certainty.UNVERIFIED,
        "nothing",
    ),
)

SOURCES = {source.key: source for source in _ALL}
"""Every source by its key."""
