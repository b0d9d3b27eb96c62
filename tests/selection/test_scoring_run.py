"""A run of shards: done once, gone on with, refused; with workers that are this process."""

from __future__ import annotations

import contextlib
import json
from concurrent.futures import Future

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gatewise.base.errors import ConfigError, DataError, ModelFileError
from gatewise.selection import scoring_run
from gatewise.selection.engines import UnusableNodeError
from gatewise.selection.scoring_run import ScoringRequest, score
from gatewise.selection.shards import PACKAGES, score_shard
from gatewise.text.tables import open_table
from gatewise.text.text_lines import open_texts

N_ROWS, SHARD_ROWS = 45, 10


class Here:
    """Does calls at once, in this process."""

    def __init__(self, job):
        self.job, self.shards = job, []

    def submit(self, function, *arguments):
        future = Future()
        self.shards.append(arguments[-1].facts["shard"][0])
        try:
            future.set_result(function(self.job, *arguments))
        except Exception as error:
            future.set_exception(error)
        return future

    def renew(self):
        pass


@pytest.fixture
def workers(monkeypatch):
    """Those that worked, one after the other."""
    found = []

    @contextlib.contextmanager
    def opened(engine, job, *, packages):
        assert packages == PACKAGES
        found.append(Here(job))
        yield found[-1]

    monkeypatch.setattr(scoring_run, "open_workers", opened)
    return found


@pytest.fixture
def data(make_tickets, tmp_path):
    texts = list(make_tickets(N_ROWS, seed=4)[0])
    texts[7] = "..."
    path = tmp_path / "texts.parquet"
    pq.write_table(pa.table({"id": range(N_ROWS), "text": texts}), path)
    return path


@pytest.fixture
def request_of(saved_model, data, tmp_path):
    def make(name="answers.parquet", *, table=None, **options):
        table = open_table(data) if table is None else table
        options = {"shard_rows": SHARD_ROWS, **options}
        return ScoringRequest(saved_model, table, tmp_path / name, **options)

    return make


def test_a_run_leaves_nothing_but_the_answers(workers, request_of, data, tmp_path):
    told = score(request_of())
    assert told[0] == "column 'text' is taken for the text"
    assert told[1] == "44 of 45 rows answered"
    assert told[-1] == "unusable 1: no word or number in the text, line 8"
    found = pq.read_table(tmp_path / "answers.parquet")
    assert found.select(["id", "text"]).equals(pq.read_table(data))
    assert workers[0].shards == [0, 1, 2, 3, 4]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["answers.parquet", "texts.parquet"]


def test_a_folder_of_parts(workers, request_of, tmp_path):
    whole, parts = request_of(), request_of("parts", run=tmp_path / "kept")
    score(whole)
    score(parts)
    assert len(list((tmp_path / "parts").iterdir())) == 5
    assert pq.read_table(tmp_path / "parts").equals(pq.read_table(whole.out))
    assert (tmp_path / "kept" / "run.json").exists()
    score(parts)
    assert workers[-1].shards == []


def test_what_is_done_is_not_done_again(workers, request_of, tmp_path, monkeypatch):
    request = request_of(run=tmp_path / "run")

    def half(job, unit):
        if unit.facts["shard"][0] in (2, 4):
            raise OSError("the disk is full")
        return score_shard(job, unit)

    monkeypatch.setattr(scoring_run, "score_shard", half)
    told = (
        r"^2 of 5 shards failed twice, the first rows 21 to 30 \(OSError: the disk is full\); what "
        rf"is done is kept in {tmp_path / 'run'}: type the same command again to go on$"
    )
    with pytest.raises(DataError, match=told):
        score(request)
    assert not request.out.exists()
    monkeypatch.undo()
    monkeypatch.setattr(scoring_run, "open_workers", lambda *_, **__: contextlib.nullcontext(here))
    # A file that was damaged since, one that is gone, and what a killed worker leaves.
    parts = tmp_path / "run" / "parts"
    (parts / "part-00000.parquet").write_bytes(b"?")
    (parts / "part-00001.parquet").unlink()
    (parts / ".part-00002.parquet.12ab.tmp").touch()
    here = Here(workers[0].job)
    score(request)
    assert here.shards == [0, 1, 2, 4]
    assert sorted(path.name for path in parts.iterdir()) == [
        f"part-0000{n}.parquet" for n in range(5)
    ]
    assert pq.ParquetFile(request.out).metadata.num_rows == N_ROWS


def test_a_file_is_the_same_whoever_wrote_it(workers, request_of, tmp_path):
    requests = [request_of(f"{name}.parquet", run=tmp_path / name) for name in "ab"]
    for request in requests:
        score(request)
    assert requests[0].out.read_bytes() == requests[1].out.read_bytes()
    ledgers = [sorted((tmp_path / name / "ledger").glob("*.json")) for name in "ab"]
    assert [path.read_bytes() for path in ledgers[0]] == [path.read_bytes() for path in ledgers[1]]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "txt"])
def test_other_tables_are_packed_first(workers, request_of, make_tickets, tmp_path, ending):
    texts = [*make_tickets(23, seed=2)[0], ""]
    source = tmp_path / f"in.{ending}"
    lines = {
        "csv": ["text,predicted", *(f'"{text}",{n}' for n, text in enumerate(texts))],
        "jsonl": [json.dumps({"text": text, "predicted": str(n)}) for n, text in enumerate(texts)],
        "txt": texts,
    }[ending]
    source.write_text("".join(f"{line}\n" for line in lines))
    request = request_of("answers.csv", table=open_texts(str(source)), run=tmp_path / "run")
    told = score(request)
    assert "23 of 24 rows answered" in told
    place = 25 if ending == "csv" else 24
    assert f"unusable 1: no text, line {place}" in told
    renamed = "column 'predicted' of the input is written as 'input_predicted'"
    assert (renamed in told) is (ending != "txt")
    rows = request.out.read_text().splitlines()
    assert len(rows) == 25
    assert rows[-1].endswith(f"abstain,line {place}: no text")
    assert (tmp_path / "run" / "rows.parquet").exists()


def test_what_was_read_in_another_way_is_done_again(workers, request_of, tmp_path):
    source = tmp_path / "in.csv"
    source.write_text("text\nmy card is stuck\nthe balance\n")
    for lines, n_rows in ((False, 2), (True, 3)):
        table = open_texts(str(source), lines=lines)
        score(request_of("answers.csv", table=table, run=tmp_path / "run", shard_rows=1))
        assert workers[-1].shards == list(range(n_rows))


def test_a_table_that_is_refused_half_way_leaves_nothing(workers, request_of, tmp_path):
    table = tmp_path / "bad.csv"
    lines = ["text", *["my card is lost"] * 30]
    table.write_text("\n".join([*lines, '"my card']))
    with pytest.raises(DataError, match=r"bad\.csv:32"):
        score(request_of(table=open_table(table)))
    assert not (tmp_path / "answers.parquet.run").exists()
    assert workers == []
    table.write_text("\n".join(lines))
    score(request_of(table=open_table(table)))
    assert pq.read_table(tmp_path / "answers.parquet").num_rows == 30


def test_another_question_wants_another_run(workers, request_of, tmp_path):
    score(request_of(run=tmp_path / "run"))
    with pytest.raises(
        ConfigError, match=r"run holds a run about something else: top differ; name"
    ):
        score(request_of(run=tmp_path / "run", top=2))
    with pytest.raises(ConfigError, match="something else: shard_rows differ"):
        score(request_of(run=tmp_path / "run", shard_rows=9))


def test_options_that_do_not_fit_the_model_end_it_at_once(workers, request_of, tmp_path):
    with pytest.raises(UnusableNodeError, match=r"^top is 9"):
        score(request_of(top=9))
    assert workers[0].shards[0] == 0
    assert not (tmp_path / "answers.parquet").exists()
    score(request_of(top=2))  # and not: the run is about something else


def test_data_that_change_meanwhile(workers, request_of, data, monkeypatch):
    def touching(job, unit):
        with data.open("ab") as stream:
            stream.truncate(data.stat().st_size)
        return score_shard(job, unit)

    monkeypatch.setattr(scoring_run, "score_shard", touching)
    with pytest.raises(DataError, match=r"texts\.parquet was changed while it was scored; delete"):
        score(request_of())


def test_a_damaged_model_is_found_first(workers, request_of, tmp_path):
    request = request_of()
    object.__setattr__(request, "model", tmp_path)
    with pytest.raises(ModelFileError, match=r"is not a saved model, because it has no manifest"):
        score(request)
    assert workers == []


@pytest.mark.parametrize("name", ["rows.parquet", "parts/thesis.txt", "notes.txt"])
def test_a_folder_that_is_no_run_is_left_alone(workers, request_of, name):
    request = request_of()
    mine = request.run_folder / name
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    with pytest.raises(ConfigError, match="holds something else than a run of gatewise"):
        score(request)
    assert mine.read_text() == "mine"
    assert [path for path in request.run_folder.rglob("*") if path.is_file()] == [mine]


def test_what_was_put_into_a_run_stays(workers, request_of, monkeypatch):
    request = request_of()

    def noting(job, unit):
        (request.run_folder / "notes.txt").touch()
        return score_shard(job, unit)

    monkeypatch.setattr(scoring_run, "score_shard", noting)
    score(request)
    assert [path.name for path in request.run_folder.iterdir()] == ["notes.txt"]


def test_what_killed_drivers_have_left_is_taken_away(workers, request_of, data, tmp_path):
    source = tmp_path / "in.jsonl"
    source.write_text('{"text": "my card is stuck"}\n')
    request = request_of(table=open_table(source))
    (request.run_folder / "ledger").mkdir(parents=True)
    folder = request.run_folder
    for name in (".run.json.0123456789ab.tmp", "../.answers.parquet.0123456789ab.tmp"):
        (folder / name).touch()
    score(request)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["answers.parquet", "in.jsonl", "texts.parquet"]


def test_answers_and_run_and_data_need_places_of_their_own(request_of, data, tmp_path):
    for options in ({"run": tmp_path / "a" / "run"}, {"run": tmp_path / "a"}):
        with pytest.raises(ConfigError, match="lie one in the other; give each a place of its own"):
            request_of("a", **options)
    (tmp_path / "run").mkdir()
    with pytest.raises(ConfigError, match="lie one in the other"):
        request_of("run/answers.csv", run=tmp_path / "run")
    (tmp_path / "link.parquet").symlink_to(data)
    with pytest.raises(ConfigError, match="cannot be both the data and the answers"):
        request_of("link.parquet")
    (tmp_path / "parts").mkdir()
    part = data.rename(tmp_path / "parts" / "part-00000.parquet")
    with pytest.raises(ConfigError, match=r"holds the data .* which would be replaced"):
        request_of("parts", table=open_table(part))


def test_requests_that_cannot_be(request_of, tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match=r"has an ending that is not known; allowed are"):
        request_of("answers.xlsx")
    with pytest.raises(ConfigError, match="shard-rows is 0"):
        request_of(shard_rows=0)
    with pytest.raises(ConfigError, match="there is no folder"):
        request_of("none/answers.csv")
    with pytest.raises(ConfigError, match=r"cannot be both the data and the answers; name another"):
        request_of("texts.parquet")
    table = open_table(tmp_path / "texts.parquet")
    object.__setattr__(table, "source", "standard input")
    with pytest.raises(
        ConfigError, match=r"^standard input cannot be scored by shards; give a file"
    ):
        request_of(table=table)
