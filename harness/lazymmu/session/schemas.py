# SPDX-License-Identifier: GPL-2.0-only
"""JSON Schemas (draft-07) of scenarios, files of known failures and results, for editors and other programs.

They are made from the tables and types that also read or write the documents. `lazymmu/schemas` has them as files,
which a test keeps current. A schema accepts every right document. It knows nothing of the order of steps, of names
that do not exist, and of what only some revisions have: `lint` does.
"""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from lazymmu.architecture import architectures
from lazymmu.provision import catalogue
from lazymmu.results.history import History
from lazymmu.results.known_issues import NAMES
from lazymmu.results.result import RAW_OUTCOMES, Outcome, Result
from lazymmu.scenario import checks, expectations
from lazymmu.scenario.applicability import ACTIVE, counters, states
from lazymmu.scenario.document import KEYS
from lazymmu.scenario.steps import WORDS, argument_alone
from lazymmu.subject.counters import HOOKS
from lazymmu.subject.implementations import IMPLEMENTATIONS
from lazymmu.subject.limits import MAX_TASK_NAME, MAX_TASKS, MAX_U8, MAX_U64, TABLE_ENTRIES
from lazymmu.subject.operations import CPU, OPERATIONS, Argument, Kind, Operation
from lazymmu.subject.personalities import PERSONALITIES
from lazymmu.subject.revisions import REVISIONS

Schema = dict[str, Any]

_DRAFT = "http://json-schema.org/draft-07/schema#"
_NATURAL = "(0|[1-9][0-9]*|0x[0-9a-fA-F]+)"
_STEPS: Schema = {"$ref": "#/definitions/steps"}
_SOME_STEPS: Schema = {"allOf": [_STEPS], "minItems": 1}
_TASK: Schema = {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_-]*$", "maxLength": MAX_TASK_NAME}
_LITERAL: Schema = {"type": ["integer", "boolean", "string"]}


def schemas() -> Mapping[str, Schema]:
    """Return each schema by its name."""
    return {"scenario": _scenario(), "known": _known(), "results": _results(), "history": _history()}


# Forms


def _table(properties: Mapping[str, Schema], required: Collection[str] = (), **more: Any) -> Schema:
    """Return the form of a mapping that has no other keys, and is not empty."""
    needed = {"required": list(required)} if required else {"minProperties": 1}
    return {"type": "object", "properties": dict(properties), "additionalProperties": False, **needed, **more}


def _or_name(form: Schema) -> Schema:
    """Return the form of a value that may also be a `$name`."""
    return {"anyOf": [form, {"$ref": "#/definitions/name"}]}


def _integer(low: int, high: int | None) -> Schema:
    return _or_name({"type": "integer", "minimum": low, **({} if high is None else {"maximum": high})})


def _list_of(words: Collection[str]) -> Schema:
    return {"type": "array", "items": {"enum": list(words)}, "minItems": 1, "uniqueItems": True}


# Scenarios

_FLAG = _or_name({"type": "boolean"})
_LETTERS = _or_name({"type": "string", "pattern": f"^[{''.join(HOOKS)}]*$"})


def _scenario() -> Schema:
    values = {"type": "array", "items": _LITERAL, "minItems": 1}
    name = {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}
    one_of = {"type": "object", "propertyNames": name, "minProperties": 1}
    cpu = _table({"cpu": _integer(CPU.low, CPU.high)}, minProperties=0)
    keys: Mapping[str, Schema] = {
        "description": {"type": "string", "minLength": 1},
        "tags": {
            "type": "array",
            "items": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]*$"},
            "minItems": 1,
        },
        "api": _list_of(REVISIONS),
        "arch": _list_of(architectures()),
        "personality": {"enum": list(PERSONALITIES)},
        "tasks": {
            "type": "object",
            "propertyNames": _TASK,
            "additionalProperties": cpu,
            "minProperties": 1,
            "maxProperties": MAX_TASKS - 1,
        },
        "vary": {
            "anyOf": [
                {**one_of, "additionalProperties": values},
                {
                    "type": "array",
                    "items": {**one_of, "additionalProperties": {"anyOf": [values, _LITERAL]}},
                    "minItems": 1,
                },
            ]
        },
        "steps": _SOME_STEPS,
        "expect": {"$ref": "#/definitions/expect"},
        "kernel_warnings": {"const": "allowed"},
        "version": {"const": 1},
    }
    return {
        "$schema": _DRAFT,
        "title": "A scenario of lazymmu",
        **_table({key: keys[key] for key in KEYS}, ("description", "steps")),
        "definitions": {
            "name": {"type": "string", "pattern": rf"^\$[A-Za-z_][A-Za-z0-9_]*(\*{_NATURAL})?([+-]{_NATURAL})?$"},
            **{f"part-{name}": form for name, form in _parts().items()},
            **_levels(),
            "steps": {"type": "array", "items": {"$ref": "#/definitions/step"}},
            "step": {
                "anyOf": [
                    {"enum": [name for name, word in WORDS.items() if word.bare]},
                    _table({name: _word(name) for name, word in WORDS.items() if word.read}, maxProperties=1),
                ]
            },
        },
    }


def _word(name: str) -> Schema:
    """Return what may follow `- name:`."""
    if name == "check":
        selectors = {"api": _list_of(REVISIONS), "arch": _list_of(PERSONALITIES), "task": _TASK}
        return _table({**{pin: _pin(pin) for pin in checks.PINS}, **_counters(), **selectors})
    return _operation(OPERATIONS[name]) if name in OPERATIONS else _block(name)


def _block(name: str) -> Schema:
    if name == "repeat":
        return _table({"times": _integer(0, None), "steps": _STEPS, "as": {"type": "string"}}, ("times", "steps"))
    if name == "lazy_with_ptes":
        arguments = _arguments(OPERATIONS["enable_with_ptes"])
        return _table({**arguments, "steps": _STEPS}, (*arguments, "steps"))
    return _STEPS


def _operation(operation: Operation) -> Schema:
    arguments = _arguments(operation)
    if operation.kind is Kind.CONTEXT:
        return _SOME_STEPS
    if operation.kind is Kind.MEANWHILE:
        return _table({**arguments, "steps": _SOME_STEPS}, (*arguments, "steps"))
    answer = _FLAG if operation.answers is bool else _integer(0, MAX_U64)
    keys = {
        **arguments,
        **({"expect": answer} if operation.answers else {}),
        **({"before_hook": _SOME_STEPS} if operation.hookable else {}),
    }
    by_itself = argument_alone(operation)
    if by_itself is None:
        return _table(keys, arguments)
    short = arguments[by_itself.name]
    return {"anyOf": [short, _table(keys, arguments)]} if operation.answers else short


def _arguments(operation: Operation) -> Mapping[str, Schema]:
    return {argument.name: _argument(argument) for argument in operation.args}


def _argument(argument: Argument) -> Schema:
    return _TASK if argument.high is None else _integer(argument.low, argument.high)


def _pin(name: str) -> Schema:
    if name in (ACTIVE, "hooks"):
        return _FLAG if name == ACTIVE else _LETTERS
    return _integer(0, TABLE_ENTRIES if name == "outstanding" else MAX_U8)


def _counters() -> Mapping[str, Schema]:
    return {name: _integer(0, MAX_U64) for name in counters()}


def _parts() -> Mapping[str, Schema]:
    """Return the forms of the parts of a TRACE."""
    kinds = {name: _FLAG if kind is bool else _integer(0, MAX_U8) for name, (kind, _) in states().items()}
    parts: Mapping[str, Schema] = {
        "hooks": _LETTERS,
        "hook_active": _or_name({"type": "string", "pattern": "^[01]*$"}),
        "counters": _table(_counters()),
        "values": {"type": "array", "items": _integer(0, MAX_U64)},
        "outstanding": _integer(0, TABLE_ENTRIES),
        "table": {"type": "object", "additionalProperties": _integer(0, MAX_U64)},
        "tasks": {
            "type": "object",
            "propertyNames": _TASK,
            "additionalProperties": _table({ACTIVE: _FLAG, **kinds}),
            "minProperties": 1,
        },
    }
    return {name: parts[name] for name in expectations.PARTS}


def _levels() -> Mapping[str, Schema]:
    """Return the forms of `expect`, and of what revisions, personalities and pairs of both have in it."""
    parts = {name: {"$ref": f"#/definitions/part-{name}"} for name in expectations.PARTS}

    def level(**inner: Collection[str]) -> Schema:
        return _table(parts | {name: {"$ref": f"#/definitions/{to}"} for to, names in inner.items() for name in names})

    return {
        "expect": level(of_revision=REVISIONS, of_personality=PERSONALITIES),
        "of_revision": level(of_pair=PERSONALITIES),
        "of_personality": level(of_pair=REVISIONS),
        "of_pair": level(),
    }


# Known failures


def _known() -> Schema:
    known = {"arch": architectures(), "api": REVISIONS, "impl": IMPLEMENTATIONS, "kernel": catalogue.kernels()}
    names = {key: {"anyOf": [{"enum": list(known[key])}, _list_of(known[key])]} for key in NAMES}
    text = {"type": "string", "minLength": 1}
    entry = _table(
        {
            "scenario": text,
            "case": {"type": "object", "additionalProperties": _LITERAL, "minProperties": 1},
            **names,
            "release": text,
            "outcome": {"enum": [Outcome.FAIL.value, Outcome.ERROR.value]},
            "flaky": {"type": "boolean"},
            "reason": text,
            "expires": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
        },
        ("scenario", "reason", "expires"),
    )
    return {"$schema": _DRAFT, "title": "Known failures of lazymmu", "type": "array", "items": entry}


# Results


def _results() -> Schema:
    """Return the schema of the document of `run --json`. Other keys may come."""
    (result,), definitions = msgspec.json.schema_components([Result], ref_template="#/definitions/{name}")
    count = {"type": "integer", "minimum": 0}
    return {
        "$schema": _DRAFT,
        "title": "Results of lazymmu run",
        "type": "object",
        "required": ["schema", "results", "summary"],
        "properties": {
            "schema": {"const": 1},
            "results": {"type": "array", "items": result},
            "summary": {
                "type": "object",
                "required": [outcome.value for outcome in RAW_OUTCOMES],
                "additionalProperties": count,
            },
        },
        "definitions": _draft_07(definitions),
    }


def _history() -> Schema:
    """Return the schema of the document of `history --json`. Other keys may come."""
    (form,), definitions = msgspec.json.schema_components([History], ref_template="#/definitions/{name}")
    found = _draft_07(definitions)
    of_history = found.pop(form["$ref"].rpartition("/")[2])
    of_history["properties"] = {"schema": {"const": 1}, **of_history["properties"]}
    return {"$schema": _DRAFT, "title": "History of lazymmu", **of_history, "definitions": found}


def _draft_07(form: Any) -> Any:
    """Return what msgspec says in the words of draft-07: `items` has what a tuple's places have."""
    if isinstance(form, list):
        return [_draft_07(one) for one in form]
    if not isinstance(form, dict):
        return form
    if "prefixItems" in form:
        return {"type": "array", "items": _draft_07(form["prefixItems"]), "additionalItems": False}
    return {key: _draft_07(one) for key, one in form.items() if key not in ("description", "title")}
