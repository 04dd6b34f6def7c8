# SPDX-License-Identifier: GPL-2.0-only
"""The rules that `lint` checks, by id. The ids are stable; the documents list them."""

from collections.abc import Mapping

#: The rules whose violation is a mistake: id -> what it says.
MISTAKES: Mapping[str, str] = {
    "file": "a scenario is a readable text file with a name of its own",
    "yaml": "the file is YAML without directives, aliases, anchors and tags",
    "unknown": "keys, steps, names and counters are those that the language has",
    "missing": "what a key or step needs is there",
    "value": "a value has the form and the range that its place takes",
    "ambiguous": "no value means something else to another YAML reader (`010`, `on`, `1:30`)",
    "duplicate": "nothing is written or pinned twice",
    "unused": "every name of `vary` is used",
    "limit": "names, cases, steps and nesting stay within the limits",
    "place": "a step or key is inside something that may hold it",
    "order": "a step can be done where it runs: the task exists, and is not the running one",
    "applicability": "some revision and personality have all that the scenario uses and names",
}

#: The rules whose violation is a note: the scenario is right, and may surprise.
NOTES: Mapping[str, str] = {
    "limits": "a word limits the scenario where `api` or `arch` does not",
    "unreached": "a case, revision and personality compare each pin",
}
