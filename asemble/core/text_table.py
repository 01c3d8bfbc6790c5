"""A table of words: for a page of Markdown, for a terminal and for the screen."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """Columns and rows, each cell as it is read.

    >>> print(Table(["a", "b"], [["1", "2"]]).markdown())
    | a | b |
    |---|---|
    | 1 | 2 |
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """For a page; every column is to the left."""
        head, *body = (f"| {' | '.join(line)} |" for line in [self.columns, *self.rows])
        return "\n".join([head, "|" + "---|" * len(self.columns), *body])

    def text(self) -> str:
        """For a terminal, the columns aligned."""
        lines = [self.columns, *self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.columns))]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        )

    def by_column(self) -> dict[str, list[str]]:
        """For the screen.

        >>> Table(["a", "b"], [["1", "2"], ["3", "4"]]).by_column()
        {'a': ['1', '3'], 'b': ['2', '4']}
        """
        return {name: [row[i] for row in self.rows] for i, name in enumerate(self.columns)}
