"""Which addresses of a file came before: some 16 bytes for each, whatever it is."""

from array import array


class Seen:
    """Texts by their hashes, in one flat table: a set of a million would take 100 MB."""

    def __init__(self, most: int) -> None:
        """Make room for so many texts at most."""
        self._slots = array("q", [0]) * (1 << (2 * most + 1).bit_length())
        self._mask = len(self._slots) - 1

    def add(self, text: str) -> bool:
        """Keep a text; False when it was there before."""
        slots, mask = self._slots, self._mask
        mark = hash(text) or 1  # a slot that is free holds 0
        at = mark & mask
        while slots[at]:
            if slots[at] == mark:
                return False
            at = (at + 1) & mask
        slots[at] = mark
        return True
