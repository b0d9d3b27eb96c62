"""Files of shards become answers, if each of them is what was written."""

from __future__ import annotations

import gzip
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gatewise.base.errors import ConfigError, DataError
from gatewise.base.files import sha256_file
from gatewise.selection import scored_parts
from gatewise.selection.scored_parts import check_out, is_whole, put_together
from gatewise.selection.shards import PARTS, ScoringJob, Shard

SHARDS = [Shard(0, 0, 3), Shard(1, 3, 6), Shard(2, 6, 7)]
OWN = {"predicted": "x", "probability": 0.5, "in_scope": None, "decision": "x", "reason": None}
HEAD = "text,input_reason,predicted,probability,in_scope,decision,reason\n"


@pytest.fixture
def job(tmp_path):
    rows = pa.table({"text": [f"t{n}" for n in range(7)], "reason": range(7)})
    pq.write_table(rows, tmp_path / "rows.parquet", row_group_size=4)
    (tmp_path / "run" / PARTS).mkdir(parents=True)
    places = {"rows": str(tmp_path / "rows.parquet"), "run": str(tmp_path / "run")}
    nothing = dict.fromkeys(("model", "model_digest", "run_digest"), "")
    return ScoringJob(
        **places, **nothing, rows_size=0, packed=False, text_column="text", kind="parquet",
        top=1, nearest=0, threads=1,
    )  # fmt: skip


def write(job):
    """Write the files of all shards; return their results."""
    for shard in SHARDS:
        numbers = range(shard.start, shard.stop)
        if job.kind == "parquet":
            table = pa.table({"text": [f"t{n}" for n in numbers], "input_reason": numbers})
            for name, cell in OWN.items():
                table = table.append_column(name, pa.array([cell] * len(numbers), kind_of(name)))
            pq.write_table(table, job.part(shard))
        else:
            lines = "".join(f"t{n},{n},x,0.5,,x,\n" for n in numbers)
            job.part(shard).write_text(HEAD + lines if job.kind == "csv" else lines)
    return [result_of(job, shard) for shard in SHARDS]


def kind_of(name):
    return pa.float64() if name in ("probability", "in_scope") else pa.string()


def result_of(job, shard):
    path = job.part(shard)
    counts = {"rows": shard.stop - shard.start, "sha256": sha256_file(path)}
    return {**counts, "bytes": path.stat().st_size}


def test_parquet_files_become_one(job, tmp_path):
    put_together(job, SHARDS, write(job), tmp_path / "out.parquet", is_folder=False)
    found = pq.read_table(tmp_path / "out.parquet")
    assert found.column("text").to_pylist() == [f"t{n}" for n in range(7)]
    assert found.column("input_reason").to_pylist() == list(range(7))


@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz", "out.jsonl"])
def test_text_becomes_one_with_one_head(job, tmp_path, name):
    object.__setattr__(job, "kind", name.split(".")[1])
    put_together(job, SHARDS, write(job), tmp_path / name, is_folder=False)
    content = (tmp_path / name).read_bytes()
    text = (gzip.decompress(content) if name.endswith("gz") else content).decode()
    assert text == HEAD * ("csv" in name) + "".join(f"t{n},{n},x,0.5,,x,\n" for n in range(7))


@pytest.mark.parametrize("links", [True, False])
def test_a_folder_has_all_of_them(job, tmp_path, monkeypatch, links):
    if not links:
        monkeypatch.setattr(os, "link", lambda *paths: os.stat("/nowhere"))
    out = tmp_path / "out"
    for _ in range(2):  # the second time it is there
        check_out(out, is_folder=True)
        put_together(job, SHARDS, write(job), out, is_folder=True)
    names = sorted(path.name for path in out.iterdir())
    assert names == [shard.name("parquet") for shard in SHARDS]
    assert (out / names[0]).samefile(job.part(SHARDS[0])) is links
    assert pq.read_table(out / names[2]).column("text").to_pylist() == ["t6"]


def test_a_file_is_whole_or_not(job):
    first, *_ = write(job)
    assert is_whole(job, SHARDS[0], first)
    assert not is_whole(job, SHARDS[1], first)
    path = job.part(SHARDS[0])
    content = path.read_bytes()
    path.write_bytes(content[:-9] + b"?" + content[-8:])
    assert not is_whole(job, SHARDS[0], first)
    path.unlink()
    assert not is_whole(job, SHARDS[0], first)


def test_what_is_not_as_it_was_written_is_not_put_together(job, tmp_path):
    results, out = write(job), tmp_path / "out.parquet"

    def check(told):
        with pytest.raises(DataError, match=rf"part-00001\.parquet {told}; delete it and type"):
            put_together(job, SHARDS, results, out, is_folder=False)
        assert not out.exists()

    path = job.part(SHARDS[1])
    pq.write_table(pq.read_table(path).slice(0, 2), path)
    check("is not what was written")
    results[1] = {**result_of(job, SHARDS[1]), "rows": 2}
    check("has 2 rows instead of 3")
    results[1]["rows"] = 3
    check("has other texts than the input")
    pq.write_table(pq.read_table(job.part(SHARDS[0])), path)
    results[1] = result_of(job, SHARDS[1])
    check("has other texts than the input")


def test_where_answers_may_go(tmp_path):
    out = tmp_path / "out"
    check_out(out, is_folder=True)
    check_out(tmp_path / "out.csv", is_folder=False)
    out.mkdir()
    (out / "part-00000.csv").touch()
    check_out(out, is_folder=True)
    (out / "notes.txt").touch()
    with pytest.raises(ConfigError, match=r"out holds 'notes.txt', and would be replaced; name a"):
        check_out(out, is_folder=True)
    with pytest.raises(ConfigError, match=r"notes.txt is a file; give a folder, or a name"):
        check_out(out / "notes.txt", is_folder=True)
    with pytest.raises(ConfigError, match=r"cannot be written: there is no folder '.+/none'$"):
        check_out(tmp_path / "none" / "out", is_folder=False)


def test_the_texts_are_read_alone(job, monkeypatch, tmp_path):
    """A look at the order must not read the whole table again."""
    asked = []
    block = scored_parts.ParquetRows.block
    monkeypatch.setattr(
        scored_parts.ParquetRows, "block", lambda *given: asked.append(given[1:]) or block(*given)
    )
    put_together(job, SHARDS, write(job), tmp_path / "out.parquet", is_folder=False)
    assert asked == [(0, 3, "text"), (3, 6, "text"), (6, 7, "text")]
