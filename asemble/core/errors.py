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

A programmer's mistake stays a `ValueError`.
"""


class AsembleError(Exception):
    """Base of every error meant for a user.

    Args:
        message: one sentence that says what was wrong.
        hint: one sentence that says what to do about it.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class InputError(AsembleError):
    """What was given cannot be used.

    Args:
        message: one sentence that says what was wrong.
        hint: one sentence that says what to do about it.
        code: names the reason for programs, where it has a name; it stays when the sentence is
            worded anew.
    """

    def __init__(self, message: str, *, hint: str = "", code: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code


class ArchiveError(InputError):
    """An archive is unsafe, damaged or too large."""


class FileError(InputError):
    """One file cannot be read as an image."""


class SeriesError(InputError):
    """Images that belong together do not form a volume."""


class ReadingError(InputError):
    """A saved reading cannot be opened.

    Args:
        message: one sentence that says what was wrong.
        hint: one sentence that says what to do about it.
        code: names the reason for programs; it stays when the sentence is worded anew.
    """

    def __init__(self, message: str, *, hint: str = "", code: str) -> None:
        super().__init__(message, hint=hint, code=code)


class CaseError(InputError):
    """A public case cannot be fetched or opened.

    Args:
        message: one sentence that says what was wrong.
        hint: one sentence that says what to do about it.
        code: names the reason for programs; it stays when the sentence is worded anew. They are
            listed in docs/public_cases.md.
    """

    def __init__(self, message: str, *, hint: str = "", code: str) -> None:
        super().__init__(message, hint=hint, code=code)


class LineError(InputError):
    """What was drawn cannot be a joint line."""


class WeightsError(AsembleError):
    """Weights cannot be used: changed, missing, or at odds with their card.

    Args:
        message: one sentence that says what was wrong.
        hint: one sentence that says what to do about it.
        code: names the reason for programs; it stays when the sentence is worded anew.
    """

    def __init__(self, message: str, *, hint: str = "", code: str = "weights-refused") -> None:
        super().__init__(message, hint=hint)
        self.code = code


class ConfigError(AsembleError):
    """A configuration asks for something that does not exist."""
