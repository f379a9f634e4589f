"""Several people who left, or joined, between two models: what can be had of them, and how sure that is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from undelete.adapters.model import LinearModel
from undelete.adapters.targets import encode_target
from undelete.attacker.attack import Attack
from undelete.attacker.baselines import AVG, MAXDIFF
from undelete.attacker.groups.crowd import GROUP_ATTACK
from undelete.attacker.groups.group import UNLIKELY, Group, group, signs_of
from undelete.attacker.hrec import hrec
from undelete.auditing import truths
from undelete.auditing.diagnostics import FITS_PEOPLE, Diagnostic, diagnose
from undelete.auditing.examine import judged
from undelete.auditing.inputs import Table, as_records
from undelete.auditing.matching import matched
from undelete.auditing.order import Between
from undelete.auditing.people_told import told_of
from undelete.auditing.result import Audit
from undelete.auditing.setting import Setting
from undelete.auditing.stated_number import one_instead
from undelete.auditing.surveyed import refuse_weights
from undelete.errors import InputError
from undelete.release.reconstruction import Reconstruction
from undelete.release.release import Release
from undelete.scoring.truth import Truth

NUMBER = "Number of people"
_ALONE = 3  # people, up to which another number of them is tried beside
BESIDE: tuple[Attack, ...] = (AVG, MAXDIFF)


def audit_together(
    between: Between,
    setting: Setting,
    truth: Table | Mapping[str, Any] | None,
    names: tuple[str, ...],
    seeds: np.random.SeedSequence,
    warnings: Sequence[str],
    progress: Callable[[int, int], object] | None = None,
) -> Audit:
    """Return the audit of several records.

    Parameters
    ----------
    between : Between
        The models, and how many left and joined.
    setting : Setting
        For the report.
    truth : table or None
        The records, those who left first, for the scores.
    names : tuple of str
        The target columns.
    seeds : numpy.random.SeedSequence
        Of the search and of the intervals.
    warnings : sequence of str
        What is known already.
    progress : callable, optional
        Called as progress(done, total) while they are searched for.
    """
    pair, left, came = between.pair, between.left, between.joined
    old, new, release = pair.old, pair.new, pair.release
    refuse_weights(pair.counted)
    search, first, second = seeds.spawn(3)
    rng = np.random.default_rng(search)
    told, denied = told_of(old, new, release, left, came)
    one = group(release, left, came, rng, told=told, progress=progress)
    checks = [
        *_counted(between),
        *_contradicted(denied),
        *_other_number(between, one, release, rng, progress),
        *_fit(one, left + came),
        *(check for check in diagnose(release, hrec(release, rng), measured=truth is not None)
          if check.name not in OF_ONE),
    ]  # fmt: skip
    signs = signs_of(left, came)
    found: dict[str, Reconstruction] = {GROUP_ATTACK.name: one.found}
    record = None
    if truth is not None:
        record = _people(truth, old, one.release, names, len(signs), pair.kept)
        found = {name: matched(one.release, record, each, signs) for name, each in found.items()}
    return judged(
        one.release, [GROUP_ATTACK], found, record, setting, checks, (first, second),
        exposing=found[GROUP_ATTACK.name],
        warnings=[*warnings, *one_instead(between, one, release, rng), *_said(told, one, release, left, came)],
    )  # fmt: skip


OF_ONE = ("Credible record", "Recovered target", "Scale of the record")


def _people(
    truth: Table | Mapping[str, Any], old: LinearModel, release: Release, names: tuple[str, ...], t: int, kept: Any
) -> Truth:
    named = (*old.design.raw, *names)
    table: pd.DataFrame = pd.DataFrame(truth) if isinstance(truth, Mapping) else as_records(truth, named)
    if len(table) != t:
        raise InputError(
            f"the truth has {len(table)} record{'' if len(table) == 1 else 's'}, and {t} left or joined between the "
            "two models: give all of them, those who left first"
        )
    there = bool(names) and all(name in table for name in names)
    Y = encode_target(old, table[list(names)], ", ".join(names)) if there else None
    X = old.features(table)
    return Truth(X=X if kept is None else X[:, kept], Y=Y, **truths.own_columns(old, release, table))


def people(left: int, joined: int, *, turned: bool = False) -> str:
    """Return how many left and joined, in words.

    Examples
    --------
    >>> people(2, 1)
    '2 people left and 1 joined'
    >>> people(2, 0, turned=True)
    '2 people joined'
    """
    if turned:
        left, joined = joined, left
    if not left:
        return f"{joined:,} {'person' if joined == 1 else 'people'} joined"
    text = f"{left:,} {'person' if left == 1 else 'people'} left"
    return text + (f" and {joined:,} joined" if joined else "")


def _counted(between: Between) -> list[Diagnostic]:
    old, new = between.pair.old, between.pair.new
    if between.came:
        old, new = new, old
    said = people(between.left, between.joined, turned=between.came)
    if old.n is None or new.n is None or old.n == new.n:
        return []
    text = f"The two models differ by as many records as if {said}."
    return [Diagnostic("Number of records", f"{old.n:,} and {new.n:,}", True, text)]


def _contradicted(denied: Sequence[str]) -> list[Diagnostic]:
    if not denied:
        return []
    text = f"The {denied[0]} do not differ as by so many people: other records changed too."
    return [Diagnostic("Means of the scalers", f"{len(denied)} contradictions", False, text, blocking=True)]


def _fit(one: Group, t: int) -> list[Diagnostic]:
    if one.why:
        text = f"The people are not told apart: {one.why}. The one who stands out most is shown, if any does."
        return [Diagnostic(FITS_PEOPLE, "the check cannot be made", None, text, blocking=True)]
    fits = one.p_value >= UNLIKELY
    text = (
        f"The change of the model is what these {t} people make together, within the error bars." if fits
        else "The change of the model is not that of so many people of this population: others changed too, or the "
        "fits stopped early."
    )  # fmt: skip
    return [Diagnostic(FITS_PEOPLE, f"a worse misfit has probability {one.p_value:.2g}", fits, text, blocking=not fits)]


def _other_number(
    between: Between,
    one: Group,
    release: Release,
    rng: np.random.Generator,
    progress: Callable[[int, int], object] | None,
) -> list[Diagnostic]:
    """Compare the number of people with one more on either side, which the files count alike."""
    left, came = between.left, between.joined
    if between.asked or one.why or left + came > _ALONE:
        return []
    other_told, denied = told_of(between.pair.old, between.pair.new, release, left + 1, came + 1)
    if denied:
        return []
    other = group(release, left + 1, came + 1, rng, told=other_told, progress=progress)
    if other.why:
        return []
    share = 1 / (1 + np.exp(min(other.log_evidence - one.log_evidence, 700.0)))
    said, more = people(left, came, turned=between.came), people(left + 1, came + 1, turned=between.came)
    text = f"Given that either {said} or {more}, each as likely beforehand, the change of the model says so."
    return [
        Diagnostic(NUMBER, f"{said}: probability {share:.2f}", bool(share >= 0.5), text, blocking=bool(share < 0.5))
    ]


def _said(told: Mapping[int, Any], one: Group, release: Release, left: int, came: int) -> list[str]:
    """Say what the files give of the columns, and who is meant by the order."""
    text = []
    exact = [release.columns[j].name for j, each in told.items() if each.values is not None]
    sums = [release.columns[j].name for j, each in told.items() if each.values is None and not each.listed]
    some = [release.columns[j].name for j, each in told.items() if each.values is None and each.listed]
    if exact:
        text.append(
            f"The files give everybody's values of {', '.join(map(repr, exact))}, exactly, and not which of them "
            "belong together: that is told by the change of the parameters."
        )
    if sums:
        text.append(
            f"The files give the sum and the sum of squares of {', '.join(map(repr, sums))} over these people, exactly."
            + ("" if one.why else " What is shown of each is likeliest by itself, and need not add up to them.")
        )
    if some:
        text.append(
            f"Of {', '.join(map(repr, some))} the files give a value that nobody else has: one of these people's, "
            "exactly."
        )
    if left and came:
        text.append(f"The first {left:,} of the records shown left, the other {came:,} joined." if left > 1 or came > 1
                    else "The first of the records shown left, the second joined.")  # fmt: skip
    if not one.why and not told:
        text.append(
            "Only the sum of these people's gradients is in the change: several people share about what one "
            "person would give away."
        )
    return text


def refuse_unseen_offsets(release: Release, texts: bool = False) -> None:
    """Raise InputError where how hard each of several people pulled depends on offsets, or words, of their own."""
    if texts:
        raise InputError(
            "several people came between models that read text beside other columns: whose words are whose is not told "
            "apart; audit a step of one person (undelete scan BEFORE AFTER says what the files store of all of them)"
        )
    if release.offset_public is not None and release.target_kind == "class":
        raise InputError(
            "several people came between models of a class with an offset, or features that one of them left out: how "
            "hard each pulled depends on their own, which is not known; audit a step of one person, or name candidates "
            "(--candidates)"
        )


def question(between: Between) -> str:
    """Return what is asked of two models, by who came between them."""
    if between.several:
        said = people(between.left, between.joined, turned=between.came)
        return f"Between these two models {said}: who, and how much do the models give back of them?"
    which = "record joined" if between.came else "record was deleted"
    return f"Which {which} between these two models, and how much of it do they give back?"
