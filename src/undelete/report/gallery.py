"""The pictures of records that are images: recovered beside true beside what a guess would show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from undelete.attacker.baselines import AVG, MAXDIFF, NEAREST
from undelete.report import formatting
from undelete.report.facts import Audit, has_truth, headline, label_of
from undelete.report.pictures import is_png

LARGEST = 420_000  # characters of all pictures on a page

TROUBLE = {
    "given": "the files say it themselves",
    "unchanged": "the model did not change",
    "direction": "its strength is not known",
}
_DIRECTION = (
    "Where the strength is not known, the record came back up to a factor and is drawn as strong as public images are "
    "on average."
)
_CAPTIONS = {"true": "deleted", AVG.name: AVG.short, MAXDIFF.name: MAXDIFF.short, NEAREST.name: NEAREST.name}
_SPOKEN = {
    "true": "The deleted image",
    AVG.name: "The average public image, a guess",
    MAXDIFF.name: "The public image that moved most (MaxDiff), a guess",
    NEAREST.name: "The public image nearest to what was recovered",
}


@dataclass(frozen=True)
class Picture:
    """One picture; `src` is empty where there is none to show."""

    src: str
    alt: str
    caption: str
    value: str
    control: bool


@dataclass(frozen=True)
class Card:
    """The pictures of one deletion."""

    title: str
    label: str
    right: bool | None
    trouble: str
    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class Gallery:
    """All pictures that the page shows; width and height in pixels."""

    cards: tuple[Card, ...]
    average: Picture | None
    has_true: bool
    nearest: bool
    width: int
    height: int
    note: str


def gallery(audit: Audit) -> Gallery | None:
    """Return the pictures of the audit, as many as keep the page small; None when its records are no images."""
    pictures = audit.get("pictures")
    if not pictures:
        return None
    cards: list[Card] = []
    size = len(str(pictures["average"]))
    for item in pictures["items"]:
        size += sum(len(str(picture["png"])) for picture in item["pictures"])
        if cards and size > LARGEST:
            break
        cards.append(_card(audit, item))
    average = None
    if any(entry["name"] == AVG.name for entry in audit["attacks"]):
        row: Mapping[str, Any] = next((r for r in audit["summary"] if r["attack"] == AVG.name), {})
        average = _picture(
            audit, {"name": AVG.name, "png": pictures["average"], "cosine": row.get("median_cosine")}, "every deletion"
        )
    height, width = (int(side) for side in pictures["shape"][:2])
    return Gallery(
        cards=tuple(cards),
        average=average,
        has_true=has_truth(audit),
        nearest=any(entry["name"] == NEAREST.name for entry in audit["attacks"]),
        width=width,
        height=height,
        note=_note(audit, len(cards), pictures),
    )


def _note(audit: Audit, shown: int, pictures: Mapping[str, Any]) -> str:
    """Return which deletions are shown, and how their values became shades."""
    deletions, target = int(audit["question"]["deletions"]), audit.get("target")
    parts = []
    if shown < deletions:
        first = ": one of each class first, then any" if target and target["kind"] == "class" else ""
        parts.append(
            f"Shown are {shown} of {formatting.count(deletions, 'deletion')}, drawn at random{first}; none was chosen "
            "for how well it came back."
        )
    low, high = (formatting.number(pictures[end]) for end in ("low", "high"))
    shape = " × ".join(str(side) for side in pictures["shape"][:2])
    kind = "three colours each" if len(pictures["shape"]) == 3 else "shades of grey"
    guessed = " (guessed from the public data; --range sets it)" if pictures["guessed"] else ""
    parts.append(f"Images of {shape} pixels, {kind}; {low} is drawn darkest and {high} brightest{guessed}.")
    if has_truth(audit):
        parts.append("The number below a picture is its cosine similarity to the deleted one.")
    if any(item["status"] == "direction" for item in pictures["items"][:shown]):
        parts.append(_DIRECTION)
    return " ".join(parts)


def _card(audit: Audit, item: Mapping[str, Any]) -> Card:
    number = int(item["deletion"]) + 1
    row = "" if item.get("row") is None else f" (row {item['row']})"
    target, label = audit.get("target"), item["label"]
    words = ""
    if target and (audit["redacted"] or any(label.get(key) is not None for key in ("recovered", "true"))):
        shown = {
            key: formatting.value(formatting.target_value(label.get(key), target)) for key in ("recovered", "true")
        }
        said = shown["recovered"] if label.get("recovered") is not None else "not known"
        words = f"{target.get('label') or target['name']}: {said}"
        words += f", truly {shown['true']}" if label.get("true") is not None and not label.get("right") else ""
    return Card(
        title=f"Deletion {number}{row}",
        label=formatting.shorten(words),
        right=label.get("right") if audit["redacted"] or label.get("recovered") is not None else None,
        trouble=TROUBLE.get(item["status"], ""),
        pictures=tuple(_picture(audit, picture, f"deletion {number}") for picture in item["pictures"]),
    )


def _picture(audit: Audit, picture: Mapping[str, Any], of: str) -> Picture:
    """Return one picture with its caption; a control is told from the attack by its caption and by its grey."""
    name = str(picture["name"])
    ours = name == headline(audit)
    cosine = picture.get("cosine")
    value = "" if cosine is None else formatting.similarity(cosine)
    spoken = f"What {label_of(audit, name)} recovered" if ours else _SPOKEN.get(name, label_of(audit, name))
    return Picture(
        src=picture["png"] if is_png(picture["png"]) else "",
        alt=f"{spoken}, {of}" + (f"; cosine {value}" if value else ""),
        caption="recovered" if ours else _CAPTIONS.get(name, name),
        value=value,
        control=name != "true" and not ours,
    )
