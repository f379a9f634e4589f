"""Groups of people who leave and join together, played before any does: whom would that expose?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from undelete.adapters.weights import BALANCED
from undelete.attacker.attack import Attack
from undelete.attacker.attacks import one_after_another, run_attack
from undelete.attacker.groups.crowd import GROUP_ATTACK
from undelete.attacker.groups.ends import in_common
from undelete.attacker.groups.group import UNLIKELY, Group, group, signs_of
from undelete.attacker.hrec import hrec
from undelete.auditing import truths
from undelete.auditing.diagnostics import FITS_PEOPLE, Diagnostic, diagnose
from undelete.auditing.examine import judged
from undelete.auditing.matching import matched
from undelete.auditing.own_weights import refuse_own_weights
from undelete.auditing.problem import Problem
from undelete.auditing.result import Audit
from undelete.auditing.setting import Setting
from undelete.auditing.together import BESIDE, OF_ONE
from undelete.errors import InputError
from undelete.maintainer.fit import fit, gradient_norm
from undelete.maintainer.game import released
from undelete.maintainer.groups import Groups, drawn, retrain_groups
from undelete.maths.arrays import Floats
from undelete.release.public import Public
from undelete.release.release import Release, repeated
from undelete.scoring.truth import Truth

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Played:
    """Groups that were played.

    Parameters
    ----------
    problem : Problem
        The records and the old model, without those who join.
    groups : Groups
        Who left and joined.
    release : Release
        Of b deletions, each of a group.
    targets : array (n, k)
        Everybody's targets.
    worst : float
        The largest gradient per record of the models.
    """

    problem: Problem
    groups: Groups
    release: Release
    targets: Floats
    worst: float


def played(
    problem: Problem,
    chosen: Any,
    left: int,
    joined: int,
    view: Public,
    rng: np.random.Generator,
    *,
    tol: float,
    progress: Progress | None = None,
) -> Played:
    """Draw groups, retrain, and release.

    Parameters
    ----------
    problem : Problem
        All records, fitted.
    chosen : int or array (b, left + joined) of int
        How many groups, or who they are: those who leave before those who join.
    left, joined : int
        People of each.
    view : dict
        The fields of `Release` that the attacker has anyhow.
    rng : numpy.random.Generator
        Draws the groups.
    tol : float
        As of `undelete.simulate`.
    progress : callable, optional
        Called as progress(done, total).
    """
    model, whole = problem.model, problem.objective
    refuse_own_weights(whole, "groups are not played")
    if model.class_weights == BALANCED or model.l1 is not None:
        raise InputError(
            "groups are played for models without balanced class weights and without an l1 penalty: give the class "
            "weights as numbers, or play single deletions"
        )
    if model.offset is not None and model.classes is not None:
        raise InputError(
            "groups are not played of models of a class with an offset, which is not known of each: play single "
            "deletions"
        )
    groups = _groups(chosen, whole.n, left, joined, rng)
    _refuse_last_of_class(problem, groups)
    n = len(groups.base)
    objective = replace(whole.take(groups.base), l2=np.asarray(model.summed(n).l2))
    W = problem.W
    if joined:
        W = np.asarray(fit(objective, tol=1e-10, start=W, has_constant=model.has_constant).W)
    after = np.asarray(model.summed(n - left + joined).l2)
    W_after, worst = retrain_groups(
        whole, W, groups, after, tol=tol, has_constant=model.has_constant, progress=progress
    )
    release, moved = released(objective, W, W_after, view), objective.l2 - after
    if np.abs(moved).max() > 1e-12 * max(np.abs(objective.l2).max(), 1e-300):
        release = replace(release, penalty_change=moved[:, None] * W_after)
    own = Problem(model, objective, W, gradient_norm(objective, W))
    return Played(own, groups, release, np.asarray(whole.Y), worst)


def _groups(chosen: Any, n: int, left: int, joined: int, rng: np.random.Generator) -> Groups:
    if isinstance(chosen, int | np.integer):
        return drawn(n, int(chosen), left, joined, rng)
    rows = np.asarray(chosen)
    if rows.ndim != 2 or rows.shape[1] != left + joined or rows.dtype.kind not in "iu" or not rows.size:
        raise InputError(
            f"deletions must be a number of groups, or the rows of each: {left + joined} whole numbers a group"
        )
    if rows.min() < 0 or rows.max() >= n or any(len(set(row)) < len(row) for row in rows.tolist()):
        raise InputError(f"the rows of a group are different ones from 0 to {n - 1}")
    came = rows[:, left:]
    base = np.setdiff1d(np.arange(n), came)
    if not np.isin(rows[:, :left], base).all():
        raise InputError("who joins with one group is not in the old model, so nobody of them can leave with another")
    return Groups(base, rows[:, :left].astype(np.int64), came.astype(np.int64))


def _refuse_last_of_class(problem: Problem, groups: Groups) -> None:
    if problem.model.classes is None:
        return
    member = problem.objective.Y > 0
    member = np.hstack([~member, member]) if member.shape[1] == 1 else member
    for i in range(len(groups.left)):
        rest = member[groups.after(i)].any(axis=0) & member[groups.base].any(axis=0)
        if not rest.all():
            raise InputError(
                f"without group {i} class {problem.model.classes[int(np.flatnonzero(~rest)[0])]!r} is gone, and the "
                "model has another shape: leave it out"
            )


def examine_together(
    game: Played,
    train: pd.DataFrame,
    setting: Setting,
    seeds: np.random.SeedSequence,
    *,
    attacks: Sequence[Attack] = (),
    warnings: Sequence[str] = (),
    diagnostics: Sequence[Diagnostic] = (),
    progress: Progress | None = None,
) -> Audit:
    """Attack what was played, and judge it.

    Parameters
    ----------
    game : Played
        The groups.
    train : DataFrame
        The private records, raw, for the truth.
    setting : Setting
        Words; how many left and joined.
    seeds : numpy.random.SeedSequence
        Of the search and of the intervals.
    attacks : sequence of Attack
        More to run beside; the guesses Avg and MaxDiff run in any case.
    warnings, diagnostics : sequences
        What is known.
    progress : callable, optional
        Called as progress(done, total), in groups.
    """
    search, beside, first, second = seeds.spawn(4)
    release, left, joined = game.release, setting.left, setting.came
    signs, rng = signs_of(left, joined), np.random.default_rng(search)
    ones: list[Group] = []
    for i in range(release.deletions):
        ones.append(group(release.take(slice(i, i + 1)), left, joined, rng))
        if progress is not None:
            progress(i + 1, release.deletions)
    whole, people = in_common(repeated(release, len(signs)), [(one.release, one.found) for one in ones])
    rows = game.groups.rows.ravel()
    model, own_rows = game.problem.model, train.iloc[rows]
    truth = Truth(
        X=model.features(own_rows), Y=game.targets[rows], rows=rows, **truths.own_columns(model, whole, own_rows)
    )
    found = {GROUP_ATTACK.name: one_after_another(people)}
    rng = np.random.default_rng(beside)
    others = [*BESIDE, *(a for a in attacks if a.role == "baseline" and a.name not in {b.name for b in BESIDE})]
    for attack in others:
        found[attack.name] = run_attack(attack, whole, rng)
    found = {name: matched(whole, truth, one, signs) for name, one in found.items()}
    checks = [
        *diagnostics,
        *_fits(ones),
        *(check for check in diagnose(release, hrec(release, rng)) if check.name not in OF_ONE),
    ]
    return judged(
        whole, [GROUP_ATTACK, *others], found, truth, setting, checks, (first, second),
        exposing=found[GROUP_ATTACK.name], warnings=warnings,
    )  # fmt: skip


def _fits(ones: Sequence[Group]) -> list[Diagnostic]:
    told = [one for one in ones if not one.why]
    if not told:
        return [Diagnostic(FITS_PEOPLE, "not told apart", None, f"{ones[0].why[:1].upper()}{ones[0].why[1:]}.")]
    bad = sum(one.p_value < UNLIKELY for one in told)
    value = f"{bad} of {len(told)} changes are unlikely for such people"
    text = "Each change is what the people that were found make together, within the error bars."
    return [Diagnostic(FITS_PEOPLE, value, bad <= 0.02 * len(told), text if bad <= 0.02 * len(told) else
                       "The search did not find people who explain each of the changes.")]  # fmt: skip


def people_together(group: int, joined: int, *, additions: bool, texts: bool, alike: bool) -> bool:
    """Return whether several people are played together; InputError where that is not done."""
    for name, number, least in (("group", group, 0), ("joined", joined, 0)):
        if not isinstance(number, int | np.integer) or isinstance(number, bool) or number < least:
            raise InputError(f"{name} is {number!r}: it is a number of people")
    if group + joined < 1:
        raise InputError("group=0 and joined=0: nobody leaves and nobody joins, so there is nothing to play")
    together = (group, joined) != (1, 0)
    if together and additions:
        raise InputError(
            "additions plays single people who join: with group and joined say how many do, and leave it out"
        )
    if together and (texts or not alike):
        raise InputError(
            "groups are played for records that all count alike, without columns of text: leave out "
            f"{'sample_weight' if not alike else 'the text'}, or group and joined"
        )
    return together
