"""Tables come back as they were written, and each unusable file is refused in one clear line."""

import decimal
import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import undelete
from undelete.adapters.design.cells import place
from undelete.adapters.model import LinearModel
from undelete.data import read_table
from undelete.data.dialect import Dialect, reading
from undelete.data.table import column_names
from undelete.errors import InputError


def written(folder: Path, name: str, content: bytes) -> Path:
    file = folder / name
    file.write_bytes(content)
    return file


def refusal(file: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_table(file)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(str(file))
    return message.removeprefix(str(file))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "parquet"])
def test_a_table_survives_writing_and_reading(tmp_path: Path, suffix: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "age": rng.integers(17, 95, 50),
            "income": np.exp(rng.normal(10, 1, 50)),  # all digits must survive
            "état": rng.choice(["New York", 'say "TX"', "a, b"], 50),
            "missing": np.where(rng.random(50) < 0.3, np.nan, rng.normal(size=50)),
        }
    )
    file = tmp_path / f"table.{suffix}"
    if suffix == "parquet":
        table.to_parquet(file)
    else:
        table.to_csv(file, index=False)
    pd.testing.assert_frame_equal(read_table(file), table, check_exact=True)


def test_words_stay_words_and_marks_of_missing_numbers_become_nan(tmp_path: Path) -> None:
    text = b"country,sex,hours,note\nNA,None,NA,x\nDE,null,3.5,\nFR,nan,7,NA\n"
    table = read_table(written(tmp_path, "t.csv", text))
    assert table["country"].tolist() == ["NA", "DE", "FR"]
    assert table["sex"].tolist() == ["None", "null", "nan"]
    np.testing.assert_array_equal(table["hours"], [np.nan, 3.5, 7.0])
    assert table["note"].isna().tolist() == [False, True, False]
    assert table["note"][2] == "NA"


def test_a_column_with_one_word_among_numbers_stays_text(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "t.csv", b"age\n34\nunknown\n"))
    assert table["age"].tolist() == ["34", "unknown"]


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_digits_with_a_leading_zero_are_codes(tmp_path: Path, suffix: str) -> None:
    lines = ["zip,quoted,gap,age,share,signed,zero"]
    lines += ['00501,"007",01,34,0.5,-05,0', "90210,123,,7,00.25,3,10", "10001,5,NA,8,1,2,0"]
    text = "\n".join(lines).encode()
    table = read_table(written(tmp_path, f"t{suffix}", gzip.compress(text) if suffix.endswith("gz") else text))
    assert table["zip"].tolist() == ["00501", "90210", "10001"]
    assert table["quoted"].tolist() == ["007", "123", "5"]
    assert table["gap"].isna().tolist() == [False, True, True]
    assert table["gap"][0] == "01"
    assert table["share"].tolist() == [0.5, 0.25, 1.0]  # no column of digits
    assert table["signed"].tolist() == [-5, 3, 2]
    assert (table["age"].dtype, table["zero"].dtype) == (np.int64, np.int64)


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    assert list(read_table(written(tmp_path, "t.csv", b"\xef\xbb\xbfage,sex\n1,2\n"))) == ["age", "sex"]


def test_a_column_without_a_name_has_the_one_that_pandas_gives_it(tmp_path: Path) -> None:
    """As of an index that was written with the table."""
    table = read_table(written(tmp_path, "t.csv", b",age,\n0,31,x\n1,44,y\n"))
    assert table.to_dict("list") == {"Unnamed: 0": [0, 1], "age": [31, 44], "Unnamed: 2": ["x", "y"]}


def test_parquet_storage_types_are_undone(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "byte": np.array([200, 2], np.uint8),
            "half": np.array([1.5, 2.0], np.float32),
            "category": pd.Categorical(["a", "b"]),
            "code": pd.Categorical([7, 5]),
            "nullable": pd.array([1, None], dtype="Int64"),
            "flag": pd.array([True, False], dtype="boolean"),
        },
        index=[10, 11],
    )
    table.to_parquet(tmp_path / "t.parquet")
    read = read_table(tmp_path / "t.parquet")
    assert (read["byte"] ** 2).tolist() == [40000, 4]
    assert read["half"].dtype == np.float64
    assert read["category"].tolist() == ["a", "b"]
    assert not isinstance(read["category"].dtype, pd.CategoricalDtype)
    assert read["code"].tolist() == [7, 5]
    assert read["code"].dtype == np.int64
    np.testing.assert_array_equal(read["nullable"], [1.0, np.nan])
    assert read["flag"].dtype == np.bool_
    assert read.index.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("t.xlsx", b"PK", " is not named .csv, .csv.gz or .parquet"),
        ("t.csv", b"", " is empty (0 bytes)"),
        ("t.parquet", b"", " is empty (0 bytes)"),
        ("t.csv", b"\n\n", " is empty (no column names)"),
        ("t.csv", b"age,sex\n", " has column names but no rows"),
        ("t.csv", b"age,sex,age\n1,2,3\n", " has more than one column named 'age': rename one"),
        ("t.csv", b"age,sex\n1,2,3\n", " has rows with more cells than the header has names (line 2 has 3 "),
        ("t.csv", b"age,sex\n1,2\n1,2,3\n", " cannot be read as CSV (line 3 has 3 cells, and the header 2 names)"),
        (
            "t.csv",
            b'age,sex\n\n1,"2\n2"\n1,2,3\n',
            " cannot be read as CSV (line 5 has 3 cells, and the header 2 names)",
        ),
        ("t.csv", b'age,sex\n1,"2\n', " cannot be read as CSV (the quote opened in line 2 is never closed)"),
        ("t.csv", "âge,sex\n1,2\n".encode("latin-1"), " is not text in UTF-8"),
        ("t.csv", b"age\x00,sex\n1,2\n", " cannot be read as CSV (it holds zero bytes"),
        ("t.csv.gz", b"age,sex\n1,2\n", " cannot be read as CSV (Not a gzipped file"),
        ("t.csv.gz", gzip.compress(b"age,sex\n1,2\n", mtime=0)[:-9], " cannot be read as CSV (Compressed file ended"),
        ("t.parquet", b"age,sex\n1,2\n", " cannot be read as Parquet (Parquet magic bytes not found"),
    ],
)
def test_an_unusable_file_is_refused(tmp_path: Path, name: str, content: bytes, text: str) -> None:
    assert refusal(written(tmp_path, name, content)).startswith(text)


def test_a_row_is_named_by_its_line_in_the_file(tmp_path: Path) -> None:
    file = written(tmp_path, "t.csv", b'age,note\n1,"two\nlines"\n\n2,x\n3,y\n')
    table = read_table(file).iloc[:2].assign(more=1)
    lines = table.attrs["lines"]
    found = [lines.place(row, "age", row + 1) for row in range(3)]
    assert found == ["line 2 of t.csv", "line 5 of t.csv", "line 6 of t.csv"]
    assert place(table["age"], "age", 1, lines) == "line 5 of t.csv"
    assert place(table["age"].iloc[1:], "age", 0, lines) == "line 5 of t.csv"
    assert place(table["age"][::-1], "age", 0, lines) == "row 0"  # sorted otherwise
    assert place(table["age"][1:].reset_index(drop=True), "age", 0, lines) == "row 0"  # the file has 1 there
    assert lines.place(9, "age", 1) is None
    file.unlink()
    assert place(table["age"], "age", 1, lines) == "row 1"


def test_messages_about_cells_of_a_file_name_its_line(tmp_path: Path) -> None:
    file = written(tmp_path, "t.csv", b"age,pay\n\n1,2\n2,x\n")
    model = LinearModel([1.0], 0.0, "squared", ["age"])
    with pytest.raises(InputError, match=r"target 'pay' has 'x' in line 4 of t.csv"):
        undelete.audit(model, model, file, target="pay", n=9)
    model = LinearModel([1.0, 2.0], 0.0, "squared", ["age", "pay"])
    with pytest.raises(InputError, match=r"column 'pay' has 'x' in line 4 of t.csv"):
        undelete.audit(model, model, file, n=9)


def test_decimals_of_parquet_are_numbers_and_flags_with_gaps_stay_flags(tmp_path: Path) -> None:
    def decimals(*cells: str | None) -> pa.Array:
        return pa.array([cell and decimal.Decimal(cell) for cell in cells], pa.decimal128(12, 2))

    columns = {"price": decimals("1.50", None, "3.25"), "count": decimals("1", "2", "3"), "flag": [True, None, False]}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    read = read_table(tmp_path / "t.parquet")
    np.testing.assert_array_equal(read["price"], [1.5, np.nan, 3.25])
    assert read["price"].dtype == np.float64
    assert read["count"].dtype == np.int64
    assert read["count"].tolist() == [1, 2, 3]
    assert read["flag"].tolist()[::2] == [True, False]
    assert np.isnan(read["flag"][1])


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "t.csv").startswith(" does not exist")
    assert refusal(tmp_path).startswith(" is a directory")


def test_a_parquet_file_with_one_name_twice_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table([pa.array([1]), pa.array([2])], names=["age", "age"]), tmp_path / "t.parquet")
    assert refusal(tmp_path / "t.parquet").startswith(" has more than one column named 'age'")


def test_a_damaged_parquet_file_is_refused(tmp_path: Path) -> None:
    pd.DataFrame({"age": range(100)}).to_parquet(tmp_path / "t.parquet")
    content = bytearray((tmp_path / "t.parquet").read_bytes())
    content[4:40] = b"\xff" * 36  # the first page's header; the footer stays whole
    assert refusal(written(tmp_path, "t.parquet", bytes(content))).startswith(" cannot be read as Parquet (")


def test_a_parquet_file_without_rows_is_refused(tmp_path: Path) -> None:
    pd.DataFrame({"age": []}).to_parquet(tmp_path / "t.parquet")
    assert refusal(tmp_path / "t.parquet").startswith(" has column names but no rows")


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "parquet"])
def test_blocks_make_no_difference(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a column is, is decided by all of its cells, wherever a block ends."""
    rows = 5000
    table = pd.DataFrame({"whole": range(rows), "late": [str(i) for i in range(rows)], "gap": np.arange(rows) / 2})
    table.loc[rows - 1, "late"] = "unknown"
    table.loc[3, "gap"] = np.nan
    table["zip"] = [f"{i:05d}" if i == rows - 2 else str(i + 10_000) for i in range(rows)]
    table["NA"] = np.where(np.arange(rows) % 1500 == 0, "NA", np.arange(rows).astype(str))
    file = tmp_path / f"t.{suffix}"
    if suffix == "parquet":
        table.to_parquet(file, row_group_size=700)
    else:
        table.to_csv(file, index=False)
    whole = read_table(file)
    monkeypatch.setattr("undelete.data.comma_separated._CELLS", 1)  # blocks of 1024 rows
    monkeypatch.setattr("undelete.data.parquet._CELLS", 1)
    pd.testing.assert_frame_equal(read_table(file), whole)
    assert whole["late"].tolist() == table["late"].tolist()
    assert whole["zip"].tolist() == table["zip"].tolist()
    assert (whole["whole"].dtype, whole["gap"].dtype) == (np.int64, np.float64)
    if suffix != "parquet":
        assert whole["NA"].isna().sum() == 4
    pd.testing.assert_frame_equal(read_table(file, ["gap", "zip", "not there"]), whole[["gap", "zip"]])


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_sample_is_the_same_from_a_file_and_from_a_table(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from undelete.data.thinning import thinned

    table = pd.DataFrame({"a": range(9000), "b": np.arange(9000) * 0.5})
    file = tmp_path / f"t.{suffix}"
    table.to_parquet(file) if suffix == "parquet" else table.to_csv(file, index=False)
    sample = thinned(table, 1000)
    assert 500 <= len(sample) <= 1000
    assert abs(sample["a"].mean() / 4500 - 1) < 0.1
    for cells in (1, 10_000, 10**7):
        monkeypatch.setattr("undelete.data.comma_separated._CELLS", cells)
        monkeypatch.setattr("undelete.data.parquet._CELLS", cells)
        read = read_table(file, most=1000)
        pd.testing.assert_frame_equal(read, sample.reset_index(drop=True), check_flags=False)
        assert read.attrs["rows"] == 9000
    assert len(read_table(file, most=9000)) == 9000


def test_a_comma_too_many_is_seen_in_a_column_that_is_not_read(tmp_path: Path) -> None:
    file = written(tmp_path, "t.csv", b"name,age\nLee, Ann,41\nBob,30\n")
    with pytest.raises(InputError, match="more cells than the header has names"):
        read_table(file, ["age"])


def test_columns_are_found_whatever_blanks_are_around_their_names(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("age, work , age2\n39, private, 1\n41, state, 2\n")
    assert read_table(file, {"age", "work", "none"}).columns.tolist() == ["age", "work"]
    assert read_table(file, {"age ", " work "}).columns.tolist() == ["age ", " work "]
    assert read_table(file).columns.tolist() == ["age", " work ", " age2"]
    file.write_text("work, work\na,b\n")
    assert read_table(file, {"work"}).work.tolist() == ["a"]


def test_text_that_parquet_has_as_bytes_is_text(tmp_path):
    held = pa.table({"town": pa.array(["Köln".encode(), None, b"Ely"]), "age": [1, 2, 3]})
    pq.write_table(held, tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet").town.fillna("").tolist() == ["Köln", "", "Ely"]


def test_other_peoples_csv_is_read_as_said_or_as_it_shows(tmp_path):
    file = tmp_path / "people.csv"
    file.write_text("age;pay;town;y\n30;1.234,5;Köln ; <=50K\n41;7,25;?;>50K\n", encoding="latin-1")
    with pytest.raises(InputError, match="say which encoding it has"):
        read_table(file)
    labels = {"<=50K": "0", ">50K": "1"}
    with reading(Dialect(encoding="latin-1", missing=("?",), labels=labels, target="y")):
        table = read_table(file)
        assert column_names(file) == ["age", "pay", "town", "y"]
        assert read_table(file, ["pay"]).pay.tolist() == [1234.5, 7.25]
    assert table.town.tolist()[0] == "Köln"
    assert table.town.isna().tolist() == [False, True]
    assert table.y.tolist() == [0, 1]
    assert table.attrs["read_as"].startswith("The table was read with cells separated by ';'; decimal commas; encoding")
    file.write_text("age\ttown\n30\tKöln\n41\tBrühl\n", encoding="utf-16")  # as Excel writes its Unicode text
    assert read_table(file).town.tolist() == ["Köln", "Brühl"]
    assert read_table(file).attrs["read_as"] == "The table was read with cells separated by tab; encoding utf-16."
    file.write_text("pay;rate\n1,5;-2,5e-08\n2,25;+1,0E3\n,5;4\n")  # as programs write small numbers, and no zero
    assert read_table(file).rate.tolist() == [-2.5e-8, 1000.0, 4.0]
    assert read_table(file).pay.tolist() == [1.5, 2.25, 0.5]
    file.write_text("a\tb\n1\tx, y\n")
    assert read_table(file).b.tolist() == ["x, y"]
    file.write_text("a,b\n1,2\n")
    assert read_table(file).attrs["read_as"] == ""
    for bad, why in (({"separator": ";;"}, "one character"), ({"encoding": "klingon"}, "is not known"),
                     ({"labels": labels}, "name it"), ({"decimal": "x"}, "it is . or ,")):  # fmt: skip
        with pytest.raises(InputError, match=why):
            Dialect(**bad)
