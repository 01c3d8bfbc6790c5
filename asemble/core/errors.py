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

Each has a code for programs, which stays when its sentence is worded anew; `docs/codes.md` lists
all of them.
A programmer's mistake stays a `ValueError`.
"""


class AsembleError(Exception):
    """Base of every error meant for a user.

    Args:
        message: one sentence that says what was wrong.
        hint: one sentence that says what to do about it.
        code: names the reason for programs; left out, it is that of the class.
    """

    CODE = "refused"

    def __init__(self, message: str, *, hint: str = "", code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code or self.CODE

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class InputError(AsembleError):
    """What was given cannot be used."""

    CODE = "input-refused"


class ArchiveError(InputError):
    """An archive is unsafe, damaged or too large."""

    CODE = "archive-refused"


class FileError(InputError):
    """One file cannot be read as an image."""

    CODE = "file-refused"


class SeriesError(InputError):
    """Images that belong together do not form a volume."""

    CODE = "series-refused"


class ReadingError(InputError):
    """A saved reading cannot be opened."""

    CODE = "reading-refused"


class CaseError(InputError):
    """A public case cannot be fetched or opened."""

    CODE = "case-refused"


class LineError(InputError):
    """What was drawn cannot be a joint line."""

    CODE = "line-refused"


class WeightsError(AsembleError):
    """Weights cannot be used: changed, missing, or at odds with their card."""

    CODE = "weights-refused"


class ConfigError(AsembleError):
    """A configuration asks for something that does not exist."""

    CODE = "config-refused"
