"""Characters that nobody sees, and that change what stands around them.

A line break in a name is a new header; a direction mark in a title turns the sentence around it.
Spaces and joiners of every script are not among them: Japanese and Persian are written with them.
"""

import re

IN_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""C0, DEL, C1, line and paragraph separator, embeddings, overrides, isolates, lone surrogates."""

IN_BLOCK = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
"""The same for texts of several lines, which may be set from right to left on purpose."""
