"""Whether all DICOM files of an upload can be of one patient, without keeping who it is.

The four identifying attributes of each file become digests under a key that is drawn anew for
each study and never leaves this module. The digests live as long as its reading does: while it is
open, another series or a prior may be added to it.
"""

import os
import re
import unicodedata
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import pydicom

from asemble.core.errors import InputError, SeriesError

ATTRIBUTES = ("PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate")
"""Read for this comparison only, and taken out of the data set at once."""

_IMAGE = ("SOPInstanceUID", "InstanceNumber", "ImagePositionPatient")
"""What a second file of the same image has in common with the first."""

SEVERAL = "several-patients"
FEWEST_FILES = 3
"""Files that name a patient each and yet form one stack; fewer may fit by chance."""
ASSUMED = (
    "Every file names another patient, as after a tool that renewed their identity file by file. "
    "The slices fit together, so one patient was assumed: make sure of it."
)
ALONE = SeriesError(
    "Every file of the upload names another patient, and this image belongs to no stack of several "
    "files, so it may be of another one.",
    hint="Upload it on its own.",
    code="alone-of-its-patient",
)

MOST_SPELLINGS = 50
"""Different ways in which one upload may write one patient; more are more than one patient."""

_PLACEHOLDERS = (
    "anon anonym anonymous anonymized anonymised anonymize deidentified deid removed redacted "
    "pseudonymized pseudonymised unknown unbekannt none null nil na nn noid noname noone nobody "
    "patient name id test default empty undefined xx"
)
_SAYS_NOTHING = frozenset(_PLACEHOLDERS.split())
"""What tools and people write where they mean "left out"."""
_TITLES = frozenset({"mr", "mrs", "ms", "miss", "dr", "prof", "herr", "frau", "med"})
_NO_BIRTHDAY = frozenset({"19000101", "18000101", "17000101", "00010101", "11111111", "99991231"})
_SPELLED_ALIKE = (("ae", "a"), ("oe", "o"), ("ue", "u"), ("ß", "s"), ("ss", "s"))
"""Müller, Mueller and Muller are one name to three scanners."""


@dataclass(frozen=True, slots=True, repr=False)
class _Person:
    """Digests of what one file says; None or empty where it says nothing."""

    number: bytes | None
    issuer: bytes | None
    name: frozenset[bytes]
    birth: bytes | None


@dataclass(slots=True, repr=False)
class Patients:
    """Compares the patient of each file with those of the files before it.

    Two files are of different patients where, after case, spaces, punctuation, leading zeros,
    titles and umlauts are evened out and words such as "anonymous" are taken as absent,

    - both give a PatientID, the IDs differ, and they do not both give the same name *and* the
      same birth date (one person has several numbers in several hospitals). IDs of two different
      issuers are not compared;
    - the IDs are equal, and both the name and the birth date differ (two hospitals use one
      number). A name alone may differ, as after a marriage, and so may a mistyped date;
    - the IDs cannot be compared, and either the names or the birth dates differ.

    Two names agree where one holds all words of the other: "Doe^Jane", "JANE DOE" and
    "Doe^Jane^M" are one. What is absent agrees with anything, so that files without identity,
    and formats that have none, are taken to belong to the rest.

    Some anonymisers write a new patient into every file. While no two files name the same one,
    and each names one, the verdict waits for the images: see `are_new_in_every_file`.
    """

    _key: bytes = field(default_factory=lambda: os.urandom(32))
    _seen: list[_Person] = field(default_factory=list)
    _spellings: dict[bytes | None, tuple[bytes | None, bool]] = field(default_factory=dict)
    _differ: bool = False
    _is_each_new: bool = True

    @property
    def are_new_in_every_file(self) -> bool:
        """Whether the files differ in their patient, each from every other one.

        That is what an anonymiser makes that renews the identity file by file, or images of as
        many patients as there are files. Only images of several files that form one stack tell
        the first from the second.
        """
        return self._differ

    def take(self, dataset: pydicom.Dataset) -> bool:
        """Take the identifying attributes out of `dataset` and compare them.

        Returns:
            Whether it says whose it is.

        Raises:
            InputError: this file is of another patient than one before it.
        """
        stated = [taken(dataset, keyword) for keyword in ATTRIBUTES]
        spelling = self._digest("\n".join(stated))
        image = self._digest("\n".join(_text(dataset.get_item(each)) for each in _IMAGE))
        if spelling in self._spellings:  # as almost always
            is_copy = self._spellings[spelling][0] == image
            self._is_each_new = self._is_each_new and is_copy
            self._require_one()
            return self._spellings[spelling][1]
        number, issuer, name, birth = stated
        person = _Person(
            number=self._digest(_number_key(number)),
            issuer=self._digest(_letters(issuer)),
            name=frozenset(d for word in _name_words(name) if (d := self._digest(word))),
            birth=self._digest(_birth_key(birth)),
        )
        is_named = bool(person.number or person.name or person.birth)
        self._spellings[spelling] = (image, is_named)
        if not is_named:
            self._is_each_new = False
            self._require_one()
        elif not self._differ and person not in self._seen:
            self._compare(person)
        return is_named

    def _compare(self, person: _Person) -> None:
        is_full = len(self._seen) >= MOST_SPELLINGS
        if is_full or any(_differ(person, other) for other in self._seen):
            self._differ = True
            self._require_one()
        self._seen.append(person)

    def _require_one(self) -> None:
        if self._differ and not self._is_each_new:
            raise more_than_one()

    def _digest(self, text: str) -> bytes | None:
        return (
            blake2b(text.encode(errors="replace"), key=self._key, digest_size=16).digest()
            if text
            else None
        )


def more_than_one() -> InputError:
    """The refusal of files of several patients."""
    return InputError(
        "The upload holds files of more than one patient, so nothing of it was read.",
        hint="Upload one patient's study at a time.",
        code=SEVERAL,
    )


def _differ(one: _Person, other: _Person) -> bool:
    names_differ = bool(one.name and other.name) and not (
        one.name <= other.name or other.name <= one.name
    )
    births_differ = None not in (one.birth, other.birth) and one.birth != other.birth
    issuers_differ = None not in (one.issuer, other.issuer) and one.issuer != other.issuer
    if one.number is None or other.number is None or issuers_differ:
        return names_differ or births_differ
    if one.number == other.number:
        return names_differ and births_differ
    is_same_person = (
        bool(one.name and other.name)
        and not names_differ
        and one.birth is not None
        and one.birth == other.birth
    )
    return not is_same_person


def taken(dataset: pydicom.Dataset, keyword: str) -> str:
    """The text of an element as stored, removed from `dataset`.

    Undecoded, because pydicom quotes values in warnings when it decodes them; UTF-8 and Latin-1
    cover what is compared, and another character set compares equal to itself.
    """
    element = dataset.get_item(keyword)
    if element is not None:
        del dataset[keyword]
    return _text(element)


def _text(element: Any) -> str:
    value = None if element is None else element.value
    if not isinstance(value, bytes):
        return "" if value is None else str(value)
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _letters(text: str) -> str:
    """Letters and digits in one case, without accents."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(c for c in plain if c.isalnum())
    for long, short in _SPELLED_ALIKE:
        letters = letters.replace(long, short)
    return letters


def _number_key(text: str) -> str:
    """What a PatientID is compared by; empty where it names nobody.

    >>> _number_key(" HOSP-0047 ") == _number_key("hosp0047"), _number_key("ANONYMOUS")
    (True, '')
    """
    letters = _letters(text).lstrip("0")
    return "" if letters in _SAYS_NOTHING or set(letters) == {"x"} else letters


def _name_words(text: str) -> list[str]:
    """The words that a PatientName is compared by: family and given name in the first script.

    >>> sorted(_name_words("Müller^Jane^^Dr")) == sorted(_name_words("JANE MUELLER"))
    True
    """
    scripts = text.replace("\0", " ").split("=")
    spelling = next((s for s in scripts if s.strip(" ^")), "")
    family_and_given = " ".join(spelling.split("^")[:2])
    words = re.split(r"[\s,;._-]+", family_and_given)
    # A question mark stands for a letter that an export could not write.
    keys = [_letters(word) for word in words if "?" not in word]
    return [
        key
        for key in keys
        if key and key not in _TITLES | _SAYS_NOTHING and (len(set(key)) > 1 or not key.isascii())
    ]


def _birth_key(text: str) -> str:
    digits = re.sub(r"[.\-/\s\0]", "", text)
    is_date = len(digits) == 8 and digits.isdigit() and len(set(digits)) > 1
    return digits if is_date and digits not in _NO_BIRTHDAY else ""
