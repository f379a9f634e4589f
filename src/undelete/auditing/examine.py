"""From a release to a judgement: run the attacks, score them where the truth is known, weigh the evidence."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from undelete.adapters.design.polynomial import Category
from undelete.adapters.stored.statistic import TARGET
from undelete.attacker.attack import Attack
from undelete.attacker.attacks import ATTACKS, leading, run_attack
from undelete.attacker.gradient.scale import at_public_length
from undelete.attacker.hrec import HREC, hrec
from undelete.attacker.hrec_plus import HREC_PLUS, hrec_plus
from undelete.auditing.deletion_checks import COUNT
from undelete.auditing.diagnostics import ERROR, FITS_ONE, FITS_PEOPLE, NEAR, Diagnostic, diagnose
from undelete.auditing.evidence import Case, gather
from undelete.auditing.exposure import Exposure, exposure, lift, similar_only
from undelete.auditing.given_away import gain
from undelete.auditing.one_record import one_deletion
from undelete.auditing.result import Audit
from undelete.auditing.retold import joining, of_several, worded
from undelete.auditing.setting import Setting
from undelete.auditing.stated import hidden as hidden_by_noise
from undelete.auditing.stated import noise_check
from undelete.auditing.text_told import Documents, TextTold
from undelete.auditing.verdict import decide
from undelete.auditing.with_given import with_exact, with_target
from undelete.maths.arrays import Floats
from undelete.maths.threads import for_products
from undelete.release.reconstruction import Reconstruction
from undelete.release.release import Release
from undelete.release.seen import Seen
from undelete.report.pictures import PICTURED, one_a_label
from undelete.scoring.table import score, summarise
from undelete.scoring.truth import Truth


def examine(
    release: Release,
    attacks: Sequence[Attack],
    truth: Truth | None,
    setting: Setting,
    seeds: np.random.SeedSequence,
    *,
    remaining: Floats | None = None,
    diagnostics: Sequence[Diagnostic] = (),
    warnings: Sequence[str] = (),
    leaks: Sequence[str] = (),
    notes: Sequence[str] = (),
    exact: Mapping[str, Category] = MappingProxyType({}),
    given: str = "",
    documents: Sequence[Documents] = (),
    progress: Callable[[int, int], None] | None = None,
) -> Audit:
    """Attack a release and judge the result.

    Parameters
    ----------
    release : Release
        What the attacker sees.
    attacks : sequence of Attack
        What to run. HRec runs in any case, for the diagnostics.
    truth : Truth or None
        For the scores only: no attack is given it.
    setting : Setting
        Words for the report.
    seeds : numpy.random.SeedSequence
        Spawns one stream for the attacks and one for the intervals.
    remaining : array (b, d, k), optional
        The remaining records' gradients, handed to the informed bound and to nothing else.
    diagnostics, warnings : sequences
        What is known already.
    leaks : sequence of str
        What the preprocessing gives away by itself.
    notes : sequence of str
        What the models say of their own fits.
    exact : mapping of str to value
        Raw columns, and the target, whose value the preprocessing gives away exactly: the record shown has it.
    given : str
        Where the files give most of the record away by themselves, the sentence that says so.
    documents : sequence of mapping
        What is told of each deletion's columns of text.
    progress : callable, optional
        Called as progress(done, total), in deletions times attacks.
    """
    attack_seed, score_seed, picture_seed = seeds.spawn(3)
    total, done = len(attacks) * release.deletions, 0

    def moved(count: int) -> None:
        nonlocal done
        done += count
        if progress is not None:
            progress(done, total)

    found = {}
    names = list(dict.fromkeys((*ATTACKS, *(attack.name for attack in attacks))))
    streams = dict(zip(names, attack_seed.spawn(len(names)), strict=True))  # whatever the order of the names
    for attack in attacks:
        seen = release
        if attack.role == "bound":
            seen = dataclasses.replace(release, remaining_gradient=remaining)
        found[attack.name] = run_attack(attack, seen, np.random.default_rng(streams[attack.name]), moved)
    if release.tolerance == np.inf:  # the fits are not the optimum, by an amount that nobody can tell
        found = {name: one.without_promises() for name, one in found.items()}
    placed = not release.columns
    if placed:
        found = {name: at_public_length(release, one) for name, one in found.items()}
    base = found.get(HREC.name) or hrec(release, np.random.default_rng(attack_seed))
    tested = release.deletions == 1 or HREC_PLUS.name in found  # many deletions were played: that they are is known
    plus = base if not tested else found.get(HREC_PLUS.name) or hrec_plus(release, np.random.default_rng(attack_seed))
    if (release.given is not None or release.within is not None) and HREC_PLUS.name in found:
        without = hrec_plus(dataclasses.replace(release, given=None, within=None), np.random.default_rng(attack_seed))
        warnings = [*warnings, *gain(release, plus, without, truth)]
        plus = dataclasses.replace(plus, lead_over_two=without.lead_over_two)  # that it is one is asked of the models
    if tested and release.embedding is None:  # a scale that hrec+ finds drowned is none
        base = dataclasses.replace(base, status=plus.status)
    checks = [*diagnostics, *diagnose(release, base, measured=truth is not None)]
    counted = any(check.name == COUNT and check.ok for check in diagnostics)
    stated = noise_check(release)
    checks += [] if stated is None else [stated[0]]
    with for_products(release.X_public.shape[1]):
        checks += one_deletion(release, base, plus, counted=counted, notes=notes)
    exposing = plus if release.embedding is not None else base  # behind one, the error bars are the most probable's
    return judged(
        release, attacks, found, truth, setting, checks, (score_seed, picture_seed),
        exposing=exposing, warnings=warnings, leaks=leaks, exact=exact, given=given, documents=documents,
        placed=placed, hidden="" if stated is None else hidden_by_noise(stated[1], checks),
    )  # fmt: skip


def judged(
    release: Seen,
    attacks: Sequence[Attack],
    found: dict[str, Reconstruction],
    truth: Truth | None,
    setting: Setting,
    checks: Sequence[Diagnostic],
    seeds: tuple[np.random.SeedSequence, np.random.SeedSequence],
    *,
    exposing: Reconstruction | None = None,
    warnings: Sequence[str] = (),
    leaks: Sequence[str] = (),
    exact: Mapping[str, Category] = MappingProxyType({}),
    given: str = "",
    documents: Sequence[Documents] = (),
    placed: bool = False,
    hidden: str = "",
) -> Audit:
    """Score what attacks said where the truth is known, and weigh the evidence; of any kind of model.

    Parameters
    ----------
    release : Release, or another that can be seen likewise
        What the attacker sees.
    attacks : sequence of Attack
        What was run.
    found : dict of str to Reconstruction
        What each attack said.
    truth, setting, warnings, leaks, exact, given, documents
        As of `examine`.
    checks : sequence of Diagnostic
        All of them.
    seeds : two of numpy.random.SeedSequence
        Of the intervals, and of the pictures.
    exposing : Reconstruction, optional
        Whose error bars say the exposure without a truth; by default the main attack's.
    placed : bool
        Whether directions were given a length.
    hidden : str
        Where noise of a known law hides everybody, the sentence that says so.
    """
    main = leading(attacks).name
    unfit = (check for check in checks if check.name in (FITS_ONE, FITS_PEOPLE, NEAR, ERROR) and check.ok is False)
    if any(check.blocking for check in unfit):  # all that is promised is of records that fit, by errors that hold
        found = {name: one.without_promises() for name, one in found.items()}
    if exact:
        found[main] = with_exact(release, found[main], exact)
    if TARGET in exact and setting.target is not None:
        found[main] = with_target(found[main], setting.target.coded(exact[TARGET]))
    rng = np.random.default_rng(seeds[0])
    scored = {} if truth is None else {name: score(release, truth, one, placed=placed) for name, one in found.items()}
    ranked = sorted(scored, key=[*ATTACKS, *scored].index)  # an interval's draws do not depend on the order of names
    summaries = {name: summarise(scored[name], found[name].confidence, rng) for name in ranked}
    exposed = exposure(release, exposing or found[main], scored.get(main), found[main])
    if release.columns and all(column.name in exact for column in release.columns):
        exposed = Exposure(np.ones(1), np.ones(1))
    lead = lift(scored, main, "centred_cosine" if similar_only(release) else "exact_columns", rng)
    target = "" if setting.target is None else setting.target.name
    texts = TextTold.of(documents, release.deletions)
    evidence = gather(Case(release, found, main, truth, scored, lead, exposed, target, texts), rng)
    if evidence is not None and evidence.best_column[0]:
        column, gain = evidence.best_column
        label = setting.schema[column].label
        if setting.target is not None and column == target:
            label = setting.target.label
        evidence = dataclasses.replace(evidence, best_column=(label, gain))
    return Audit(
        setting=setting,
        attacks={attack.name: attack for attack in attacks},
        release=release,
        found=found,
        truth=truth,
        verdict=worded(
            decide(evidence, checks, leaks, given=given, hidden=hidden), joined=setting.joined, people=setting.people
        ),
        diagnostics=[_spoken(check, setting) for check in checks],
        warnings=[joining(text) if setting.joined else text for text in (*warnings, *leaks)],
        exposure=exposed.value,
        scored=scored,
        summaries={name: summaries.get(name, {"n": release.deletions}) for name in found},
        lift=lead,
        documents=documents,
        pictured=None if setting.readout is None else _pictured(release, truth, np.random.default_rng(seeds[1])),
    )


def _spoken(check: Diagnostic, setting: Setting) -> Diagnostic:
    """Return a check in the words of who joined, or of several people."""
    words = [joining] * setting.joined + [of_several] * (setting.people > 1)
    for said in reversed(words):
        check = dataclasses.replace(check, name=said(check.name), value=said(check.value), text=said(check.text))
    return check


def _pictured(release: Seen, truth: Truth | None, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw the deletions whose pictures are shown, one of each class first."""
    labels = None
    if truth is not None and truth.Y is not None and release.target_kind == "class":
        labels = truth.Y.argmax(axis=1) if truth.Y.shape[1] > 1 else (truth.Y[:, 0] > 0).astype(np.int64)
    return one_a_label(labels, PICTURED, rng, count=release.deletions)
