"""How a command ends: a status that no accident changes into a verdict, one line, nothing left behind."""

from __future__ import annotations

import io
import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import undelete
from undelete import cli, files
from undelete.command.ending import Terminal, ended
from undelete.errors import InputError
from undelete.maintainer import sweep

COMMAND = [sys.executable, "-m", "undelete.cli"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Two pipelines of a made-up table, the table, and the record between them."""
    folder = tmp_path_factory.mktemp("endings")
    rng = np.random.default_rng(3)
    table = pd.DataFrame({"age": rng.integers(18, 80, 1200), "hours": rng.integers(1, 60, 1200)})
    table["pay"] = 3.0 * table["age"] + 5.0 * table["hours"] + rng.normal(size=1200)
    private, public = table.iloc[:600], table.iloc[600:]
    for name, rows in (("before", private), ("after", private.drop(index=17))):
        model = make_pipeline(StandardScaler(), Ridge(1.0)).fit(rows[["age", "hours"]], rows["pay"])
        undelete.save_model(model, folder / f"{name}.skops")
    middle = table["pay"].median() + rng.normal(0, 60, 1200)
    private = private.assign(rich=np.where(private["pay"] > middle[:600], "yes", "no"))
    public = public.assign(rich=np.where(public["pay"] > middle[600:], "yes", "no"))
    rich = LogisticRegression(tol=1e-10, max_iter=1000).fit(private[["age", "hours"]], private["rich"])
    undelete.save_model(rich, folder / "rich.skops")
    private.to_parquet(folder / "train.parquet")
    public.to_csv(folder / "public.csv", index=False)
    return folder


def arguments(place, out, *more):
    pair = [str(place / "before.skops"), str(place / "after.skops"), "--public", str(place / "public.csv")]
    return ["audit", *pair, "--target", "pay", "--out", str(out), *more]


def shell(line, **more):
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, **more)


def quoted(place, out, *more):
    return " ".join(f"'{word}'" for word in [*COMMAND, *arguments(place, out, *more)])


def told(err):
    """Return the one line that was said."""
    assert err.count("\n") == 1, err
    assert err.startswith("undelete: ")
    assert "Traceback" not in err
    return err


def test_a_reader_that_closes_leaves_the_gate_in_a_shell(place, tmp_path):
    line = quoted(place, tmp_path / "out", "--fail-above", "0.5", "--json")
    done = shell(f"{line} | true; exit ${{PIPESTATUS[0]}}")
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize(("limit", "tripped"), [("0.5", 1), ("1", 0)])
@pytest.mark.parametrize("form", [[], ["--json"]])
@pytest.mark.parametrize("stream", ["closed pipe", "full", "none"])
def test_no_stdout_changes_the_gate(place, tmp_path, monkeypatch, capsys, limit, tripped, form, stream):
    if stream == "closed pipe":
        reader, writer = os.pipe()
        os.close(reader)
        out = os.fdopen(writer, "w")
    elif stream == "full":
        if not os.path.exists("/dev/full"):
            pytest.skip("no /dev/full")
        out = open("/dev/full", "w")  # noqa: SIM115 - closed below
    else:
        out = None
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", out)
        status = cli.main(arguments(place, tmp_path / "out", "--fail-above", limit, *form))
        if out is not None:
            out.close()
    err = capsys.readouterr().err
    if stream == "full":
        assert status == (tripped or 2)  # the gate's word, or that something was lost: never 0
        assert "the output could not be printed (No space left on device)" in told(err)
    else:
        assert (status, err) == (tripped, "")


def test_the_gate_is_the_same_in_python(place):
    audit = undelete.audit(place / "before.skops", place / "after.skops", place / "public.csv", target="pay")
    assert audit.gate(0.5)
    assert not audit.gate(1.0)
    assert audit.why_stopped(0.5).endswith("is above 0.5")
    same = undelete.audit(place / "before.skops", place / "before.skops", place / "public.csv", target="pay")
    assert not same.gate(0.5)  # there is nothing to recover


@pytest.mark.parametrize("stream", ["full", "none"])
def test_no_stderr_changes_a_status(place, tmp_path, monkeypatch, capsys, stream):
    if stream == "full" and not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full")
    err = open("/dev/full", "w") if stream == "full" else None  # noqa: SIM115 - closed below
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", err)
        status = cli.main(["audit", "gone.skops", "gone.skops", "--public", "gone.csv", "--out", str(tmp_path)])
        if err is not None:
            err.close()
    assert status == 2
    assert capsys.readouterr().out == ""


def test_a_terminal_that_is_not_utf8_gets_escapes(place, tmp_path, monkeypatch):
    names = {"age": "Größe", "hours": "Стаж"}
    for name in ("before", "after"):
        undelete.save_model(_renamed(undelete.load_model(place / f"{name}.skops"), names), tmp_path / f"{name}.skops")
    pd.read_csv(place / "public.csv").rename(columns=names).to_csv(tmp_path / "public.csv", index=False)
    printed = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(printed, encoding="ascii"))
    assert cli.main(arguments(tmp_path, tmp_path / "out", "--fail-above", "0.5")) == 1
    assert b"Gr\\xf6\\xdfe" in printed.getvalue()


def _renamed(model, names):
    for step in model:
        if hasattr(step, "feature_names_in_"):
            step.feature_names_in_ = np.array(list(names.values()), dtype=object)
    return model


def test_a_fault_has_a_status_of_its_own_and_one_line(place, tmp_path, monkeypatch, capsys):
    def fault(*_, **__):
        raise KeyError("evuam"[::-1])

    monkeypatch.setattr("undelete.auditing.audit.audit", fault)
    assert cli.main(arguments(place, tmp_path / "out")) == 3
    assert "a fault in undelete, no verdict (KeyError: 'mauve')" in told(capsys.readouterr().err)
    assert cli.main(arguments(place, tmp_path / "out", "--debug")) == 3
    assert "Traceback (most recent call last)" in capsys.readouterr().err
    assert cli.main(arguments(place, tmp_path / "out", "--redact")) == 3
    assert "mauve" not in told(capsys.readouterr().err)
    assert cli.main(arguments(place, tmp_path / "out", "--redact", "--debug")) == 3
    assert "mauve" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (MemoryError("Unable to allocate 9 TiB"), 3, "not enough memory for this (Unable to allocate 9 TiB)"),
        (ModuleNotFoundError("No module named 'pyarrow'"), 3, "a package is missing or broken (No module named"),
        (OSError(28, "No space left on device"), 2, "No space left on device"),
        (PermissionError(13, "Permission denied", "/x/y"), 2, "'/x/y' (Permission denied)"),
        (KeyboardInterrupt(), 130, "stopped by SIGINT"),
        (InputError("a\nVerdict  NOT EXPOSED\x1b[2K"), 2, "a\\nVerdict  NOT EXPOSED\\x1b[2K"),
        (RecursionError("maximum recursion depth exceeded"), 3, "RecursionError"),
    ],
)
def test_each_accident_is_one_line(error, status, words, capsys):
    def work(_: Terminal) -> int:
        raise error

    assert ended(work) == status
    assert words in told(capsys.readouterr().err)


def handles(process, number):
    """Return whether a process has begun to see to a signal itself."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return bool(int(status.split("SigCgt:")[1].split()[0], 16) & 1 << (number - 1))


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="no /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_tidily(place, tmp_path, number):
    out = tmp_path / "out"
    words = ["simulate", place / "before.skops", "--train", place / "train.parquet", "--public", place / "public.csv"]
    line = [*COMMAND, *map(str, words), "--target", "pay", "--deletions", "600", "--out", str(out)]
    for wait in (0.0, 1.0):
        process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while process.poll() is None and not handles(process, signal.SIGTERM):
            time.sleep(0.01)
        time.sleep(wait)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
        if process.returncode == 0:  # a fast machine
            continue
        assert process.returncode == 128 + number, err
        assert number.name in told(err)
        assert not out.exists() or not any(path.name.startswith(".") for path in out.iterdir())


@pytest.mark.skipif(os.name == "nt", reason="no signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_amid_an_import_that_runs_text_ends_tidily(tmp_path, number):
    work = f"exec('import os; os.kill(os.getpid(), {int(number)})')"  # as data classes do: `python -m` remembers it
    text = f"from undelete.command.ending import ended, entry\nentry(lambda: ended(lambda _: {work}))\n"
    (tmp_path / "stopped_by_itself.py").write_text(text)
    line = [sys.executable, "-m", "stopped_by_itself"]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 128 + number, done.stderr
    assert number.name in told(done.stderr)


@pytest.mark.parametrize("option", ["--out", "--export"])
@pytest.mark.parametrize("kind", ["a file", "below a file", "too long"])
def test_a_place_that_cannot_be_written_to_is_refused_before_the_work(place, tmp_path, option, kind, capsys):
    (tmp_path / "file").touch()
    bad = {"a file": tmp_path / "file", "below a file": tmp_path / "file/x", "too long": tmp_path / ("x" * 300)}[kind]
    words = ["simulate", place / "gone.skops", "--train", place / "train.parquet", "--public", place / "public.csv"]
    out = [] if option == "--out" else ["--out", str(tmp_path / "out")]
    status = cli.main([*map(str, words), "--target", "pay", *out, option, str(bad)])
    assert status == 2
    assert f"choose another folder with {option}" in told(capsys.readouterr().err)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_private_files_are_private_before_the_first_byte(tmp_path, umask):
    seen = []

    def content(file):
        (beside,) = tmp_path.glob(".*")
        seen.append(stat.S_IMODE(beside.stat().st_mode))
        file.write(b"secret")

    before = os.umask(umask)
    try:
        files.write(tmp_path / "truth.npz", content)
    finally:
        os.umask(before)
    assert seen == [0o600]
    assert stat.S_IMODE((tmp_path / "truth.npz").stat().st_mode) == 0o600


def test_what_a_command_writes_is_private(place, tmp_path, capsys):
    before = os.umask(0)
    try:
        people = pd.read_csv(place / "public.csv").iloc[:5]
        people.to_csv(tmp_path / "people.csv", index=False)
        assert cli.main(arguments(place, tmp_path / "out", "--candidates", str(tmp_path / "people.csv"))) == 0
        words = ["simulate", place / "before.skops", "--train", place / "train.parquet"]
        more = ["--public", place / "public.csv", "--target", "pay", "--deletions", "3", "--out", tmp_path / "played"]
        assert cli.main([*map(str, [*words, *more, "--export", tmp_path / "apart"])]) == 0
    finally:
        os.umask(before)
    modes = {
        path.relative_to(tmp_path).as_posix(): stat.S_IMODE(path.stat().st_mode)
        for folder in ("out", "played", "apart")
        for path in (tmp_path / folder).iterdir()
    }
    private = ("out/audit.json", "out/report.html", "out/candidates.csv", "apart/truth.npz", "played/report.html")
    assert {modes[name] for name in private} == {0o600}
    assert modes["apart/release.npz"] == 0o666  # what an attacker may see
    assert len(modes) == 7


def test_a_disk_that_fills_up_leaves_nothing_and_changes_nothing(place, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    assert cli.main(arguments(place, out)) == 0
    old = {path.name: path.read_bytes() for path in out.iterdir()}
    real = files._opened

    def full(path, private):
        if len(list(out.glob(".*"))):  # the second file
            raise OSError(28, "No space left on device")
        return real(path, private)

    monkeypatch.setattr(files, "_opened", full)
    capsys.readouterr()
    assert cli.main(arguments(place, out, "--fail-above", "0.5")) == 2
    assert "No space left on device" in told(capsys.readouterr().err)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == old


def test_a_kill_between_the_two_files_never_leaves_them_of_two_runs(tmp_path, monkeypatch):
    places = {tmp_path / "audit.json": "old", tmp_path / "report.html": "old"}
    files.write_together(places)
    real = os.replace
    for after in range(2):
        files.write_together(places)
        moves = []

        def killed(self, target, moves=moves, after=after):
            if len(moves) == after:
                raise KeyboardInterrupt
            moves.append(target)
            real(self, target)

        with monkeypatch.context() as patched:
            patched.setattr("pathlib.Path.replace", killed)
            with pytest.raises(KeyboardInterrupt):
                files.write_together(dict.fromkeys(places, "new"))
        assert len({path.read_text() for path in tmp_path.iterdir()}) == 1


def test_the_page_and_the_numbers_are_of_one_run(place, tmp_path, capsys):
    assert cli.main(arguments(place, tmp_path / "out", "--json")) == 0
    printed = json.loads(capsys.readouterr().out)
    written = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert printed == written
    page = (tmp_path / "out" / "report.html").read_text()
    assert json.dumps(written["created"]) in page


def test_a_simulation_that_was_stopped_goes_on(place, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("undelete.maintainer.sweep.BLOCK_ROWS", 10)
    words = ["simulate", place / "rich.skops", "--train", place / "train.parquet", "--public", place / "public.csv"]
    common = [*map(str, words), "--target", "rich", "--deletions", "40", "--json"]
    assert cli.main([*common, "--out", str(tmp_path / "whole")]) == 0
    whole = json.loads(capsys.readouterr().out)

    played, run = [], sweep._run

    def stopped(job):
        if len(played) == 2:
            raise KeyboardInterrupt
        played.append(job.i)
        return run(job)

    line = [*common, "--out", str(tmp_path / "out"), "--resume"]
    with monkeypatch.context() as patched:
        patched.setattr(sweep, "_run", stopped)
        assert cli.main(line) == 130
    kept = sorted(path.name for path in (tmp_path / "out" / "deletions" / "output-0").glob("block-*"))
    assert len(kept) == 2
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "out" / "deletions" / "output-0").iterdir()}
    assert modes == {0o600}
    again = []

    def counted(job):
        again.append(job.i)
        return run(job)

    monkeypatch.setattr(sweep, "_run", counted)
    capsys.readouterr()
    assert cli.main(line) == 0
    found = json.loads(capsys.readouterr().out)
    assert sorted([*played, *again]) == [0, 1, 2, 3]
    assert found["scores"] == whole["scores"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["audit.json", "report.html"]


def test_another_simulations_deletions_are_not_gone_on_with(place, tmp_path, capsys):
    mine = tmp_path / "out" / "deletions" / "output-0" / "mine.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("keep")
    words = ["simulate", place / "rich.skops", "--train", place / "train.parquet", "--public", place / "public.csv"]
    line = [*map(str, words), "--target", "rich", "--deletions", "4", "--out", str(tmp_path / "out"), "--resume"]
    assert cli.main(line) == 2
    assert "is not empty and holds no sweep" in told(capsys.readouterr().err)
    assert mine.read_text() == "keep"
