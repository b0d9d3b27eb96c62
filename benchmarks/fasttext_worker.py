"""Train fastText on a folder's train.txt and answer its test.txt; runs where fastText is.

The folder comes from ``fasttext_peer``. Only the standard library and fastText are used here.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import fasttext  # type: ignore[import-not-found,unused-ignore]

_PREFIX = "__label__"


def main(folder: Path) -> None:
    options = json.loads((folder / "options.json").read_text("utf-8"))
    started = time.perf_counter()
    model = fasttext.train_supervised(input=str(folder / "train.txt"), verbose=0, **options)
    fitted = time.perf_counter()
    numbers: list[int | None] = []
    for line in (folder / "test.txt").read_text("utf-8").split("\n")[:-1]:
        labels, _ = model.predict(line)
        numbers.append(int(labels[0].removeprefix(_PREFIX)) if labels else None)
    answer = {
        "numbers": numbers,
        "fit_seconds": fitted - started,
        "predict_seconds": time.perf_counter() - fitted,
    }
    (folder / "answer.json").write_text(json.dumps(answer), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
