"""A verdict in the words of who joined, and of several people together."""

from __future__ import annotations

from dataclasses import replace

from undelete.auditing.verdict import Verdict

_ADDED = (
    ("A deletion", "An addition"), ("a deletion", "an addition"), ("Deleting", "Adding"), ("deleting", "adding"),
    ("deletions", "additions"), ("the deletion", "the addition"), ("one deletion", "one addition"),
    ("was deleted", "joined"),
    ("a deleted record", "an added record"), ("deleted record", "added record"),
)  # fmt: skip
_SEVERAL = (
    ("A deletion gives back most of the person's record", "The change gives back most of these people's records"),
    ("Deleting a record reveals part of it", "The change reveals part of these people's records"),
    ("Deleting a record gives back part of what sets it apart", "The change gives back part of what sets them apart"),
    ("Deleting a record gives back most of what sets it apart", "The change gives back most of what sets them apart"),
    ("Deleting a record reveals what sets it apart", "The change reveals what sets these people apart"),
    ("A deletion moves the parameters", "Each person moves the parameters"),
    ("give no more of a deleted record", "give no more of these people's records"),
    (" deletions are too few", " people are too few"), (" deletions;", " people;"), (" deletions (", " people ("),
)  # fmt: skip


def worded(verdict: Verdict, *, joined: bool, people: int = 1) -> Verdict:
    """Return a verdict in the words of who joined, where the records did, and of several people together."""
    told = [joining, *([of_several] if people > 1 else [])] if joined else [of_several] if people > 1 else []
    for words in reversed(told):
        verdict = replace(verdict, sentence=words(verdict.sentence), reason=words(verdict.reason))
    return verdict


def of_several(text: str) -> str:
    """Return what is said of deletions, a record each, as it is said of people who came between two models together.

    Examples
    --------
    >>> of_several("A deletion gives back most of the person's record.")
    "The change gives back most of these people's records."
    """
    for old, new in _SEVERAL:
        text = text.replace(old, new)
    return text


def joining(text: str) -> str:
    """Return what is said of a deletion as it is said of an addition.

    Examples
    --------
    >>> joining("Deleting this record reveals it.")
    'Adding this record reveals it.'
    """
    for old, new in _ADDED:
        text = text.replace(old, new)
    return text
