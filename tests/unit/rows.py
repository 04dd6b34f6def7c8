# SPDX-License-Identifier: GPL-2.0-only
"""Tables of examples in one test. pytest's own parametrization costs more than most examples of ours do."""

import inspect
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any

import pytest


def each_row(names: str | Sequence[str], rows: Iterable[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator: the test is called with each row in turn, and reports every row that fails.

    It is used as `pytest.mark.parametrize`. The rows share the test's fixtures.
    """
    words = [names] if isinstance(names, str) else [*names]
    table = [(row,) if isinstance(names, str) else tuple(row) for row in rows]
    assert table, "a table without rows tests nothing"

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        @wraps(test)
        def whole(**fixtures: Any) -> None:
            failures = []
            for row in table:
                try:
                    test(**fixtures, **dict(zip(words, row, strict=True)))
                except Exception as error:  # noqa: BLE001  (every row is to be reported)
                    failures.append(f"{str(row)[:400]}: {type(error).__name__}: {error}")
            if failures:
                pytest.fail(f"{len(failures)} of {len(table)} rows:\n" + "\n".join(failures), pytrace=False)

        left = [one for name, one in inspect.signature(test).parameters.items() if name not in words]
        whole.__signature__ = inspect.Signature(left)  # type: ignore[attr-defined]
        return whole

    return decorate
