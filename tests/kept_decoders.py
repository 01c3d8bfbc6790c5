"""Decoders that go on from one upload to the next, for tests of many small ones."""

from typing import Any

from asemble.io.decode.processes import DECODERS, DecoderPool, Share


class KeptDecoders(DecoderPool):
    """Saves the half second of a processor that a decoder of one's own takes to start."""

    _all = Share()

    def __init__(self) -> None:
        super().__init__(DECODERS)

    def _take(self, _share: Share) -> Any:
        return super()._take(self._all)

    def _give_back(self, decoder: Any, _of_upload: Share | None) -> None:
        super()._give_back(decoder, self._all)

    def let_go(self, _share: Share) -> None:
        """Keep them."""
