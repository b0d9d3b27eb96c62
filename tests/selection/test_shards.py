"""A shard: its rows and no others, answered as always, by those who see the right files only."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gatewise.base.files import sha256_file
from gatewise.selection.engines import UnusableNodeError
from gatewise.selection.shards import PARTS, ScoringJob, Shard, score_shard, tally_of
from gatewise.store.process_predictor import manifest_digest, process_predictor

N_ROWS = 50


@pytest.fixture
def job(saved_model, make_tickets, tmp_path):
    texts = list(make_tickets(N_ROWS, seed=8)[0])
    texts[12] = None
    table = pa.table({"n": [number / 2 for number in range(N_ROWS)], "text": texts})
    pq.write_table(table, tmp_path / "rows.parquet", row_group_size=20)
    run = tmp_path / "run"
    (run / PARTS).mkdir(parents=True)
    (run / "run.json").write_text("{}")
    return ScoringJob(
        model=str(saved_model),
        model_digest=manifest_digest(saved_model),
        rows=str(tmp_path / "rows.parquet"),
        rows_size=(tmp_path / "rows.parquet").stat().st_size,
        packed=False,
        run=str(run),
        run_digest=sha256_file(run / "run.json"),
        text_column="text",
        kind="parquet",
        top=1,
        nearest=0,
        threads=1,
    )


def unit_of(*shard):
    return Shard(*shard).unit({"what": "answers"})


def test_a_shard_is_its_rows_with_answers(job):
    result = score_shard(job, unit_of(1, 10, 33))
    path = job.part(Shard(1, 10, 33))
    assert path.name == "part-00001.parquet"
    found = pq.read_table(path)
    wanted = pq.read_table(job.rows).slice(10, 23)
    assert found.select(["n", "text"]).equals(wanted)
    texts = [text for text in wanted.column("text").to_pylist() if text]
    labels = [str(label) for label in process_predictor(job.model).predict(texts)]
    assert [label for label in found.column("predicted").to_pylist() if label] == labels
    assert found.column("reason").drop_null().to_pylist() == ["line 13: no text"]
    assert result == {
        "rows": 23,
        "abstained": result["abstained"],
        "unusable": {"no text": [1, [13]]},
        "sha256": sha256_file(path),
        "bytes": path.stat().st_size,
    }
    told = tally_of(json.loads(json.dumps(result))).summary()
    assert told[0] == "22 of 23 rows answered"
    assert told[-1] == "unusable 1: no text, line 13"


def test_what_came_before_changes_no_byte(job):
    alone = score_shard(job, unit_of(2, 40, 50))
    for start in (0, 20, 3):
        score_shard(job, unit_of(start, start, start + 7))
    assert score_shard(job, unit_of(2, 40, 50)) == alone


def test_text_has_what_predict_writes(job):
    score_shard(replace(job, kind="jsonl", top=2), unit_of(0, 0, 2))
    lines = (job.part(Shard(0, 0, 2)).with_suffix(".jsonl")).read_text().splitlines()
    first = json.loads(lines[1])
    assert first["n"] == "0.5"
    assert isinstance(first["top_2_probability"], float)
    score_shard(replace(job, kind="csv"), unit_of(0, 11, 13))
    with job.part(Shard(0, 0, 2)).with_suffix(".csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["n"] for row in rows] == ["5.5", "6.0"]
    assert rows[1]["reason"] == "line 13: no text"


def test_units_tell_their_rows_and_all_else(job):
    one, other = unit_of(0, 0, 10), Shard(0, 0, 10).unit({"what": "others"})
    assert one.name == "rows 1 to 10"
    assert len({one.key, other.key, unit_of(0, 0, 11).key, unit_of(1, 0, 10).key}) == 4


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"model": "/nowhere/model"}, "the model at /nowhere/model is not there on the machine"),
        ({"model_digest": "0" * 64}, "the model at .+ is another one on the machine"),
        ({"rows": "/nowhere/rows.parquet"}, "the data at /nowhere/rows.parquet is not there on"),
        ({"rows_size": 7}, "the data at .+ is another one on the machine '.+'; every machine that"),
        ({"run": "/nowhere/run"}, "the run at /nowhere/run is not there on the machine"),
        ({"run_digest": "0" * 64}, "the run at .+ is another one on the machine"),
        ({"top": 9}, "top"),
        ({"nearest": 10_000}, "nearest"),
    ],
)
def test_a_place_where_nothing_fits_ends_the_run(job, changes, told):
    with pytest.raises(UnusableNodeError, match=f"^{told}"):
        score_shard(replace(job, **changes), unit_of(0, 0, 5))
    assert list((job.part(Shard(0, 0, 5)).parent).iterdir()) == []
