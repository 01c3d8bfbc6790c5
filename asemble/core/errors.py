"""The errors that a user can meet, and nothing else.

    AsembleError
    ├── InputError        what was given cannot be used
    │   ├── ArchiveError      an archive is unsafe, damaged or too large
    │   ├── FileError         one file cannot be read as an image
    │   ├── SeriesError       images that belong together do not form a volume
    │   ├── ReadingError      a saved reading cannot be opened
    │   ├── CaseError         a public case cannot be fetched or opened
    │   └── LineError         what was drawn cannot be a joint line
    ├── WeightsError      weights cannot be used
    └── ConfigError       a configuration asks for something that does not exist

Each refusal has a code for programs, which stays when its sentence is worded anew; `docs/codes.md`
lists all of them.
A programmer's mistake stays a `ValueError`.
"""


class AsembleError(Exception):
    """Base of every error meant for a user.

    Args:
        message: one sentence that says what was wrong.
        hint: one sentence that says what to do about it.
        code: names the reason for programs.
    """

    def __init__(self, message: str, *, hint: str = "", code: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class InputError(AsembleError):
    """What was given cannot be used."""


class ArchiveError(InputError):
    """An archive is unsafe, damaged or too large."""


class FileError(InputError):
    """One file cannot be read as an image."""


class SeriesError(InputError):
    """Images that belong together do not form a volume."""


class ReadingError(InputError):
    """A saved reading cannot be opened."""


class CaseError(InputError):
    """A public case cannot be fetched or opened."""


class LineError(InputError):
    """What was drawn cannot be a joint line."""


class WeightsError(AsembleError):
    """Weights cannot be used: changed, missing, or at odds with their card."""

    def __init__(self, message: str, *, hint: str = "", code: str = "weights-refused") -> None:
        super().__init__(message, hint=hint, code=code)


class ConfigError(AsembleError):
    """A configuration asks for something that does not exist."""
