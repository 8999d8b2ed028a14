"""Bounds on what a run file may hold: the writer keeps them, so a reader may refuse what is beyond them.

They are far above what a search makes. A file from a stranger is read with them in mind: sizes are compared before
anything of that size is made.
"""

from __future__ import annotations

MAX_LABEL = 200
"""Characters of a short text, such as the name of a space, the kind of a mutation or the origin of an individual."""

MAX_MESSAGE, CUT_MESSAGE = 10**6, 4000
"""Characters of a failure; the writer cuts them."""

MAX_JSON = 2**24
"""Characters of a JSON text, such as the history of one individual."""

MAX_JSON_DEPTH = 20
"""Lists and objects within each other."""

MAX_JSON_DIGITS = 300
"""Digits of a whole number in JSON: it must still convert to a float."""

MAX_NUMBER = 2**53
"""Whole numbers, such as ids and FLOPs: all up to here are floats, too."""

MAX_GENERATION = 10**6
MAX_EPOCHS = 10**6
MAX_SECONDS = 1e10
MAX_LATENCY_US = 1e30

MAX_BLOB = 2**28
"""Bytes of an encoded genome."""

STEPS_AT_LEAST, STEPS_PER_BYTE = 10**7, 20
"""Steps of SQLite's machine that reading a file of so many bytes may take: ten times what a sound one needs."""
