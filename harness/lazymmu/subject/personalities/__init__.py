# SPDX-License-Identifier: GPL-2.0-only
"""The personalities: each file of this folder is one (`subject/personality.py` has the names that it defines)."""

from lazymmu.subject.personality import Personality, PersonalityModel
from lazymmu.support.catalogue import Catalogue

PERSONALITIES: Catalogue[Personality] = Catalogue(
    __name__,
    "personality",
    {
        "COUNTERS": tuple,
        "NATIVE_FLAGS": tuple,
        "MODEL": lambda model: isinstance(model, type) and issubclass(model, PersonalityModel),
    },
)
