"""Which simulated people are for what: the one table on which the absence of leakage rests.

A simulated person is a number, the seed of everything random in them. Each use has numbers of its
own, so that nobody who is measured on has been learned from. Bones are numbered by themselves:
members learn from people with the bones of `phantom.person.POOL`, everyone from
`phantom.cases.FIRST_UNSEEN` on has one of `PELVISES_HELD_OUT`.

    >>> TEST.numbers(3)
    range(1000000, 1000003)
"""

from dataclasses import dataclass

SECOND_VISIT = 100_000
"""From the number of a person to that of their second examination."""


@dataclass(frozen=True, slots=True)
class SeedRange:
    """The people of one use.

    Args:
        first: number of the first.
        count: most people that there may be.
        what: they are for.
    """

    first: int
    count: int
    what: str

    @property
    def end(self) -> int:
        """The first number beyond."""
        return self.first + self.count

    @property
    def retest(self) -> "SeedRange":
        """Second examinations of these people."""
        return SeedRange(self.first + SECOND_VISIT, self.count, f"{self.what}, a second time")

    def numbers(self, count: int) -> range:
        """The first people of this use.

        Raises:
            ValueError: there are not so many; the next would be of another use.
        """
        if count > self.count:
            raise ValueError(f"{count} people were asked for, {self.count} are for {self.what}")
        return range(self.first, self.first + count)


TRAINING = SeedRange(0, 250_000, "members to learn from")
FURTHER = SeedRange(250_000, 250_000, "trained members to go on learning from")
VALIDATION = SeedRange(500_000, 200_000, "early stopping, temperatures and the joint bands")
SCOPE = SeedRange(700_000, 50_000, "the input gate to learn from")
CALIBRATION = SeedRange(750_000, 50_000, "fitting the fusion, the interval and limits")
CALIBRATION_RETEST = CALIBRATION.retest
TEST = SeedRange(1_000_000, 50_000, "measuring, in appearances that training samples")
TEST_RETEST = TEST.retest
HELD_OUT_TEST = SeedRange(1_250_000, 50_000, "measuring, in held-out appearances")
HELD_OUT_TEST_RETEST = HELD_OUT_TEST.retest
SCOPE_LIMITS = SeedRange(1_400_000, 100_000, "choosing how the input gate is built")
HELD_OUT_SLICES = SeedRange(
    1_500_000, 500_000, "measuring single slices in held-out appearances, and the input gate"
)
SCOPE_HELD_OUT = SeedRange(2_000_000, 250_000, "measuring the input gate in held-out appearances")
SAMPLES = SeedRange(3_000_000, 1_000_000, "the samples that the app shows")
REAL_PELVISES = SeedRange(4_000_000, 250_000, "numbers of real pelvises, which are not simulated")

SEED_RANGES = (
    TRAINING,
    FURTHER,
    VALIDATION,
    SCOPE,
    CALIBRATION,
    CALIBRATION_RETEST,
    TEST,
    TEST_RETEST,
    HELD_OUT_TEST,
    HELD_OUT_TEST_RETEST,
    SCOPE_LIMITS,
    HELD_OUT_SLICES,
    SCOPE_HELD_OUT,
    SAMPLES,
    REAL_PELVISES,
)
"""All of them; no two meet."""

LEARNED_FROM = (TRAINING, FURTHER)
"""What the weights of members follow from."""
