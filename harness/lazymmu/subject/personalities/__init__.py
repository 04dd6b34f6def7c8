# SPDX-License-Identifier: GPL-2.0-only
"""The personalities of the model: what each architecture puts off (docs/semantics.md)."""

from __future__ import annotations

from lazymmu.subject.personalities.arm64 import Arm64
from lazymmu.subject.personalities.s390x import S390x
from lazymmu.subject.personalities.x86_64 import X8664
from lazymmu.subject.personality import Personality

#: Name -> the personality, for every personality of the vocabulary.
PERSONALITIES: dict[str, type[Personality]] = {personality.name: personality for personality in (Arm64, S390x, X8664)}
