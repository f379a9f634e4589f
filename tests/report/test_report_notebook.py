"""What a notebook shows of an audit: a card of a few lines, and a figure."""

from __future__ import annotations

import copy
import json
import re
import runpy
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from undelete.errors import InputError
from undelete.report.card import ROWS, card
from undelete.report.plot import plot

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


@pytest.fixture
def one_record(build: Any) -> Any:
    return build("one without truth")


@pytest.fixture
def many_deletions(build: Any) -> Any:
    return build("demo")


def test_a_card_is_short_and_inert(one_record: Any, many_deletions: Any) -> None:
    for audit in (one_record, many_deletions):
        text = card(audit)
        assert audit["verdict"]["word"] in text
        assert audit["verdict"]["sentence"].split(" ")[0] in text
        assert len(text) < 20_000
        tags = _Tags()
        tags.feed(text)
        assert {tag for tag, _ in tags.seen} <= {
            "div", "p", "strong", "table", "caption", "thead", "tbody", "tr", "th", "td",
        }  # fmt: skip
        assert {name for _, attributes in tags.seen for name in attributes} <= {"style", "scope"}
    assert "The " in card(many_deletions)


def test_a_strangers_text_stays_text(one_record: Any) -> None:
    evil = "<script>alert(1)</script>\"'&\ud800"
    audit = copy.deepcopy(one_record)
    audit["verdict"]["sentence"] = evil
    audit["columns"][0]["label"] = evil
    for record in audit["records"]:
        record["columns"][0]["recovered"] = evil
    text = card(audit)
    assert "<script" not in text
    assert text.count("&lt;script&gt;") >= 3
    text.encode("utf-8")


def test_a_long_record_is_cut(one_record: Any) -> None:
    audit = copy.deepcopy(one_record)
    for record in audit["records"]:
        record["columns"] = record["columns"] * 12
    text = card(audit)
    assert text.count("<tr>") == ROWS + 1
    assert re.search(r"\d+ further columns not shown", text.replace("\u00a0", " "))


def test_the_figure_is_of_what_came_back(one_record: Any, many_deletions: Any) -> None:
    for audit, axis in ((many_deletions, "centred cosine with the true record"), (one_record, "")):
        figure = plot(audit)
        assert isinstance(figure, Figure)
        assert figure.axes[0].get_xlabel() == axis
        assert figure._repr_png_().startswith(b"\x89PNG")
    few = copy.deepcopy(many_deletions)
    few["question"]["deletions"] = 3
    assert [label.get_text() for label in plot(few).axes[0].get_yticklabels()] == [
        column["label"] for column in few["columns"]
    ]
    nothing = copy.deepcopy(one_record)
    nothing |= {"records": [], "exposure": None}
    with pytest.raises(InputError, match="nothing came back that could be drawn"):
        plot(nothing)


@pytest.mark.parametrize("name", ["one_deletion", "before_a_release"])
def test_the_examples_are_those_of_their_script_and_run(name: str) -> None:
    cells = runpy.run_path(str(EXAMPLES / "make.py"))["NOTEBOOKS"][name]
    stored = json.loads((EXAMPLES / f"{name}.ipynb").read_text())["cells"]
    assert [(cell["cell_type"], "".join(cell["source"])) for cell in stored] == cells
    code = [cell for cell in stored if cell["cell_type"] == "code"]
    assert all(out["output_type"] != "error" for cell in code for out in cell["outputs"])
    shown = [kind for cell in code for out in cell["outputs"] for kind in out["data"]]
    assert {"text/html", "image/png"} <= set(shown)
    known: dict[str, object] = {}
    for cell in code:
        exec("".join(cell["source"]).replace("deletions=60", "deletions=6"), known)
