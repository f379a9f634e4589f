"""Results as tables in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from undelete.attacker.hrec import HREC
from undelete.paper.drawings.sheet import NAMES
from undelete.report import formatting


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *rows)] + [""]


def settings(panels: Sequence[dict[str, Any]]) -> list[str]:
    """Return how each panel's model came about."""
    head = ["panel", "records", "predicts", "n", "m", "d", "penalty", "changed", "share changed", "gradient"]
    rows = [
        [
            _panel(p), p["source"], _target(p), f"{p['n']:,}", f"{p['m']:,}", f"{p['d']:,}", f"{p['penalty']:.4g}",
            f"{p['changed']:,} of {p['deletions']:,}", _share(p, "share_changed"), f"{p['gradient_norm_largest']:.1e}",
        ]
        for p in panels
    ]  # fmt: skip
    if any("accuracy" in p for p in panels):  # images: every deletion changes the model
        head = [*head[:-3], "bandwidth", "accuracy", "gradient", "retraining", "peak memory"]
        rows = [
            [*row[:-3], _bandwidth(p), _accuracy(p), row[-1], _seconds(p["seconds_retraining_each"]),
             f"{p['peak_memory_gb']:.1f} GB"]
            for row, p in zip(rows, panels, strict=True)
        ]  # fmt: skip
    return _table(head, rows)


def scores(panels: Sequence[dict[str, Any]]) -> list[str]:
    """Return how similar each attack's reconstructions are."""
    images = any("accuracy" in p for p in panels)
    attacks = [(p, name, attack) for p in panels for name, attack in p["attacks"].items()]
    rows = [
        [
            _panel(p), NAMES.get(name, name), _cosine(attack["median_cosine"]),
            f"{_cosine(attack['q10_cosine'])} to {_cosine(attack['q90_cosine'])}",
            _share(attack, "share_above_.9"), _share(attack, "share_above_.99"),
        ]
        for p, name, attack in attacks
    ]  # fmt: skip
    if not images:
        head = ["panel", "attack", "median cosine (centred)", "10 % to 90 %", "above .9", "above .99"]
        uncentred = [_cosine(attack.get("median_uncentred")) for _, _, attack in attacks]
        return _table([*head, "median uncentred"], [[*row, u] for row, u in zip(rows, uncentred, strict=True)])
    head = [
        "panel", "attack", "median cosine", "10 % to 90 %", "above .9", "above .99", "median centred",
        "median embedding", "label right", "scale unsure", "a reconstruction",
    ]  # fmt: skip
    more = [
        [
            _cosine(a["median_centred"]),
            _cosine(a.get("median_embedding")),
            _share(a, "label"),
            str(a["direction_only"]),
            _seconds(a["seconds_each"]),
        ]
        for _, _, a in attacks
    ]
    return _table(head, [[*row, *rest] for row, rest in zip(rows, more, strict=True)])


def shown(grids: Sequence[dict[str, Any]]) -> list[str]:
    """Return the similarities under the pictures."""
    text = []
    for grid in grids:
        head = [f"{_panel(grid)}, n = {grid['n']:,}", *(str(label) for label in grid["labels"])]
        text += _table(
            head, [[NAMES.get(name, name), *map(_cosine, cosines)] for name, cosines in grid["cosines"].items()]
        )
    return text


def splits(others: Sequence[dict[str, Any]]) -> list[str]:
    """Return HRec's medians on other splits."""
    if not others:
        return []
    names = [_panel(p) for row in others[0]["rows"] for p in row["panels"]]
    rows = [
        [f"`{result['command']}`", *(_cosine(p["attacks"][HREC.name]["median_cosine"]) for p in panels)]
        for result in others
        for panels in [[p for row in result["rows"] for p in row["panels"]]]
    ]
    return ["HRec's median cosine on other splits:\n", *_table(["command", *names], rows)]


def cells(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return how well models predict, beside the paper's."""
    head = [
        "model",
        "records",
        "predicts",
        "n",
        "m",
        "penalty",
        "score",
        "here",
        "95 %",
        "paper",
        "difference",
    ]
    return _table(
        head,
        [
            [
                _panel(c), c["source"], _target(c), f"{c['n']:,}",
                f"{c['m']:,}", f"{c['penalty']:.4g}", c["score"], f"{c['value']:.4f}",
                f"{c['low']:.4f} to {c['high']:.4f}", f"{c['paper']:.4f}", f"{c['difference']:+.4f}",
            ]
            for c in rows
        ],
    )  # fmt: skip


def _panel(p: dict[str, Any]) -> str:
    return f"{p['sample']}, {p['model']}"


def _target(p: dict[str, Any]) -> str:
    return str(p["target"]).removeprefix("target").lstrip(" :")


def _bandwidth(p: dict[str, Any]) -> str:
    return f"{p['bandwidth']:.4g}" if "bandwidth" in p else formatting.MISSING


def _accuracy(p: dict[str, Any]) -> str:
    return f"{100 * p['accuracy']:.1f} % ({100 * p['accuracy_low']:.1f} to {100 * p['accuracy_high']:.1f} %)"


def _seconds(value: float) -> str:
    return f"{value:.2g} s"


def _cosine(value: float | None) -> str:
    return formatting.similarity(value).replace("\u00a0", " ")


def _share(row: dict[str, Any], name: str) -> str:
    """Return a share with its interval."""
    if row.get(name) is None:
        return formatting.MISSING
    interval = formatting.percent_range(row[f"{name}_low"], row[f"{name}_high"])
    return f"{formatting.percent(row[name])} ({interval})".replace("\u00a0", " ")
