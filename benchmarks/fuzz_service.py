"""``gatewise serve`` asked by a fuzzer: many requests made from its own description.

    python benchmarks/fuzz_service.py --model MODEL [--cases 20000]

Every operation is asked with what its description allows, and those with a body with what it does
not. An answer of 500 or more, or one that its description does not have, is kept as a failure with
the request that brought it about.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from requests.exceptions import ChunkedEncodingError
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    negative_data_rejection,
    positive_data_acceptance,
)

from gatewise.base.files import write_json
from gatewise.serve.limits import FILE_PATH
from machine import machine_facts, package_versions
from serve_load import serving

RESULTS = Path(__file__).with_name("results") / "fuzz-service.json"
_PACKAGES = ("gatewise", "fastapi", "uvicorn", "starlette", "schemathesis", "hypothesis")
_SECONDS = 30.0  # for an answer
_AT_A_TIME = 1000  # cases; hypothesis keeps what it has drawn


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--cases", type=int, default=20_000, help="at least so many in all")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    found = asyncio.run(fuzz(options.model, options.cases))
    write_json(
        options.out,
        {**found, "machine": machine_facts(), "packages": package_versions(_PACKAGES)},
    )
    print(json.dumps(found, indent=1))
    return 1 if found["failures"] else 0


async def fuzz(model: Path, n_cases: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as state:
        async with serving(model, ("--state", state)) as port:
            return await asyncio.to_thread(ask_all, f"http://127.0.0.1:{port}", n_cases)


def ask_all(address: str, n_cases: int) -> dict[str, Any]:
    """Ask in rounds until there were enough cases; some operations have but one."""
    schema = schemathesis.openapi.from_url(f"{address}/openapi.json")
    operations = [schema[path][method] for path in schema for method in schema[path]]
    asked = Asked()
    kinds = [(operation, GenerationMode.POSITIVE) for operation in operations]
    kinds += [(operation, GenerationMode.NEGATIVE) for operation in operations if operation.body]
    number = 0
    while (left := n_cases - sum(asked.operations.values())) > 0:
        examples = min(_AT_A_TIME, max(20, left // len(kinds)))
        for operation, mode in kinds:
            ask(operation, mode, examples, number, asked)
            number += 1
    return asked.told()


class Asked:
    """What came of all requests."""

    def __init__(self) -> None:
        self.statuses: Counter[str] = Counter()
        self.operations: Counter[str] = Counter()
        self.failures: list[dict[str, Any]] = []

    def fail(self, operation: str, seed: int, error: BaseException) -> None:
        """Keep a failure."""
        self.failures.append({"operation": operation, "seed": seed, "error": str(error)[:2000]})

    def told(self) -> dict[str, Any]:
        """Sum up."""
        return {
            "cases": sum(self.operations.values()),
            "statuses": dict(sorted(self.statuses.items())),
            "operations": dict(sorted(self.operations.items())),
            "failures": self.failures,
        }


def ask(operation: Any, mode: GenerationMode, n_examples: int, seed: int, asked: Asked) -> None:
    # How many labels there are to name, and which models, no description can say; and what is no
    # text to the description may still be a row of JSON.
    aside = [positive_data_acceptance]
    aside += [negative_data_rejection] if operation.path == FILE_PATH else []
    label = f"{operation.label}, {'allowed' if mode is GenerationMode.POSITIVE else 'not allowed'}"

    @seeded(seed)
    @settings(
        max_examples=n_examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case: Any) -> None:
        asked.operations[label] += 1
        try:
            answer = case.call(timeout=_SECONDS)
            asked.statuses[str(answer.status_code)] += 1
            assert answer.status_code < 500, answer.text
            case.validate_response(answer, excluded_checks=aside)
        except ChunkedEncodingError as error:
            # Of a table that turns out to be none the answer has begun: it is cut, to be seen.
            asked.statuses["cut"] += 1
            if operation.path != FILE_PATH:
                asked.fail(label, seed, error)
        except (Exception, FailureGroup) as error:
            asked.fail(label, seed, error)

    check()


if __name__ == "__main__":
    sys.exit(main())
