"""The main job: `audit` two models that were released, or `simulate` deletions before any is.

From `Release` on they are the same: the attacks see only the release, the scores see both sides.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from undelete.adapters.files.networks import Architecture
from undelete.adapters.leaks import between as between_files
from undelete.adapters.leaks import exact_values, ranges
from undelete.adapters.offset import named_offset
from undelete.adapters.onnx import is_onnx, with_loss
from undelete.adapters.torch_loss import LossLike
from undelete.attacker.attack import Attack
from undelete.attacker.attacks import chosen
from undelete.attacker.implied import estimated
from undelete.auditing import cautions, given_away, grid, inputs, truths
from undelete.auditing.answers import Answers
from undelete.auditing.beyond import reached
from undelete.auditing.deletion_checks import COUNT, MEANS, told
from undelete.auditing.examine import examine
from undelete.auditing.heads import read_heads
from undelete.auditing.inputs import Table
from undelete.auditing.network_reading import Training, is_network, opened
from undelete.auditing.network_stated import StatedNetworks
from undelete.auditing.networks import audit_networks
from undelete.auditing.old_features import Features
from undelete.auditing.order import ordered
from undelete.auditing.protection import digest_of
from undelete.auditing.released import Model, Pair, read_pair
from undelete.auditing.result import Audit
from undelete.auditing.setting import Setting
from undelete.auditing.stated import protected
from undelete.auditing.statements import Statement, measured, read_stated
from undelete.auditing.stepped import refuse_steps, stepped
from undelete.auditing.tables import all_columns, public_records
from undelete.auditing.text_told import leaks, with_true
from undelete.auditing.together import audit_together, question, refuse_unseen_offsets
from undelete.auditing.unnamed_weights import unsure_of_weights
from undelete.auditing.words import DEFAULT, Words, described, seeds, target_words
from undelete.data.census import schema_of
from undelete.errors import InputError
from undelete.maths.descent import Descent


def audit(
    before: Model | Answers,
    after: Model | Answers,
    public: Table,
    *,
    features: Features | None = None,
    target: str | Sequence[str] | None = None,
    truth: Table | Mapping[str, Any] | None = None,
    n: int | None = None,
    deleted: int | None = None,
    joined: int | None = None,
    l2: float | Mapping[str, float] | None = None,
    weight_decay: float | Mapping[str, float] | None = None,
    loss: LossLike | None = None,
    architecture: Architecture | None = None,
    protection: Statement | Sequence[Statement] | None = None,
    optimiser: Descent | None = None,
    offset: str | Sequence[str] | None = None,
    exposure: str | None = None,
    sample_weight: str | None = None,
    attacks: Sequence[str | Attack] = DEFAULT,
    rng: int = 0,
    trust: bool = False,
    progress: Callable[[int, int], object] | None = None,
    words: Words | None = None,
) -> Audit:
    """Audit two models: what do they and public data give away of the record, or the records, between them?

    Parameters
    ----------
    before, after : estimator, LinearModel or path
        The model with and without the record: a fitted scikit-learn estimator or Pipeline, or a file
        (.skops, .json, .npz; .joblib and .pkl only with `trust`). A refitted preprocessing is folded into the
        coefficients, or where that cannot be the models' answers are compared. Or two `Answers`: the models' answers
        to the public records. Or two torch modules of one architecture, or .safetensors files of their parameters with
        `architecture` (what torch.save wrote, .pt, with `trust`), with `loss` and `n`; or scikit-learn's MLPClassifier
        and MLPRegressor, with `n`.
    public : DataFrame, array or path
        Records like the training data but none of them: the raw columns that the pipeline reads.
    features : estimator, LinearModel, path or "numeric,onehot", optional
        With `Answers`: what the models read, as the old model says, or assumed. With modules: how the table becomes
        their records, a fitted scikit-learn preprocessing or a function of the table; by default its columns in order.
    target : str or sequence of str, optional
        The public column that the model predicts, or of several outputs the columns. Needed for the squared hinge loss.
    truth : DataFrame, mapping or path, optional
        The deleted record, one row, if you have it: adds scores. No attack is given it. Of several people a row each,
        those who left first.
    n : int, optional
        Number of training records of the first model. Gives back the target of a regression.
    deleted, joined : int, optional
        How many records left and joined between the two; by default what the models say, or one that left. One that
        joined is reconstructed as one that left is; of up to five together each is, as far as their sum says who they
        are, ten where the files sum most columns, and of more the one who stands out most.
    l2 : float, optional
        The penalty in the summed objective, maths (1), if the model files do not say it. `hrec+` and the
        checks use it, the paper's attack does not. Of a module one number, or numbers by its parameters' names.
    weight_decay : float or mapping, optional
        Of modules, in place of `l2`: the penalty of the mean objective, as torch's optimisers have it.
    loss : str or callable, optional
        Of modules: "cross_entropy", "bce", "mse", "poisson_nll", a loss of torch's, or a function of outputs and
        targets whose mean or sum over records was minimised. Of ONNX graphs of counts: "poisson", ...
    architecture : str or callable, optional
        Of files that hold a network's parameters: "FILE.py:FUNCTION", whose code is run, or a function that returns
        the module.
    protection : path, mapping, or several of them, optional
        Of models that `undelete protect` made, the protection.json of one or of each: the attack then knows the
        defence, and the verdict what its noise hides. One beside a model file is found by itself.
    optimiser : Descent, optional
        Of linear models that were stopped, not converged, or of a network's last layer: the steps of gradient descent
        that made both from zero. The attack then undoes them, maths (40), which takes n and one record's deletion.
    offset, exposure : str, optional
        The public table's column that each record's prediction is shifted by, or whose logarithm it is: of models that
        were fitted with one, where their files do not name it.
    sample_weight : str, optional
        Where training records had weights, the public table's column that says what its records would have weighed.
    attacks : sequence of str or Attack
        Names of attacks and baselines.
    rng : int
        Seed of the attacks and of the intervals.
    trust : bool
        Whether model files may be unpickled, which runs code they contain.
    progress : callable, optional
        Called as progress(done, total) while several people are searched for, which takes a minute and more.
    words : Words, optional
        What the report calls things.

    Returns
    -------
    Audit
        One deletion, or a row for each of several people: those who left before those who joined.

    Raises
    ------
    InputError
        When the input cannot be used: one line that says what was seen, why it matters, what to do.
    """
    words = words or Words()
    first, second = (opened(model, architecture, trust=trust) for model in (before, after))
    heads, training = None, Training(loss, n, l2, weight_decay)
    if is_network(first) and is_network(second):
        records = public_records(public, [first], target)[0]
        image = None if words.schema is None else words.schema.image
        heads = read_heads(first, second, records, training, features=features, target=target, image=image)
    if heads is not None:
        first, second, features, loss, l2, weight_decay = heads.before, heads.after, None, None, None, None
    if is_network(first) or is_network(second):
        refuse_steps(optimiser, "here more of a network moved than its last layer")
        if joined is not None or deleted is not None:
            raise InputError("deleted and joined are not said of networks: give the model that has the record first")
        if any(one is not None for one in (offset, exposure, sample_weight)):
            raise InputError("offset, exposure and sample_weight are said of linear models, and these are networks")
        said = StatedNetworks.of(first, second, read_stated(protection, before, after))
        return audit_networks(first, second, public, training, features=features, target=target, truth=truth,
                              attacks=attacks, seed=seeds(rng), words=words, stated=said)  # fmt: skip
    first, second = (with_loss(model, loss) for model in (first, second))
    if (loss is not None and not is_onnx(first)) or weight_decay is not None or isinstance(l2, Mapping):
        raise InputError("loss, weight_decay and penalties by name are said of networks, and these are none")
    asked = chosen(attacks)
    table, sampled = public_records(public, [first, second], target, sample_weight)
    schema = words.schema or schema_of(all_columns(public, table))
    names = inputs.target_columns(table, target)
    stated, own_offset = read_stated(protection, before, after), named_offset(offset, exposure)

    def read(*, joined: int) -> Pair:
        models, number = ((second, first), None if n is None else n + joined) if joined else ((first, second), n)
        pair = read_pair(*models, table, target=names, n=number, l2=l2, trust=trust, image=schema.image,
                         features=features, offset=own_offset, sample_weight=sample_weight)  # fmt: skip
        release, said = protected(pair.old, pair.new, pair.release, stated)
        release = release if optimiser is None else stepped(release, optimiser)
        return dataclasses.replace(pair, release=release, warnings=[*pair.warnings, *said])

    between = ordered(read, deleted, joined)
    pair, how = between.pair, between.notes
    old, new, release = pair.old, pair.new, pair.release
    names = old.own_targets(names)
    if release.n is None and not between.several and (size := estimated(release)) is not None:
        release = dataclasses.replace(release, n=size[0], n_error=size[1], l2=old.summed(size[0]).l2)
    network = {} if heads is None else heads.described
    setting = Setting(
        kind="audit",
        text=question(between),
        joined=between.came,
        left=between.left,
        came=between.joined,
        model=described(old, pair.counted.records, words) | network,
        target=target_words(old, names, words, schema),
        schema=schema,
        readout=pair.readout,
        public_source=words.source,
        back=None if old.target_map is None else old.target_map.back,
        command=words.command,
        protection=measured(stated, [digest_of(old), digest_of(new)]),
    )
    noted = [
        *words.notes,
        *([] if heads is None else [*heads.notes, *training.unsaid(heads.pair.network.module)]),
        *how,
        *sampled,
        *pair.warnings,
        *(cautions.number_taken(release) if pair.release.n is None else []),
        *dict.fromkeys([*old.notes, *new.notes]),
        *cautions.of_what_is_seen(old, pair.gapless, release),
    ]
    if between.several:
        refuse_steps(optimiser, "several records came between these models")
        refuse_unseen_offsets(release, bool(old.texts))
        return audit_together(between, setting, truth, names, seeds(rng), noted, progress)
    checks = [*told(old, new, release), *pair.checks, *([] if heads is None else heads.checks(release))]
    said_who = deleted is not None or joined is not None or any(check.name in (COUNT, MEANS) for check in checks)
    noted += cautions.which_has_it(release, "" if setting.target is None else setting.target.label, counted=said_who)
    one = not any(check.name in (COUNT, MEANS) and check.ok is False for check in checks)  # else it is not one record's
    release = reached(release)
    alone = given_away.of_nobody(release, old, new) if one else {}
    stored = exact_values(old, new) if one else {}
    used = grid.on_grid(release, stored, between_files(old, new).proven)
    exact = alone | given_away.as_fitted(old, used)
    release = given_away.told(release, exact)
    ends = ranges(old, new, None if release.n_error else release.n) if one else {}
    release, bounded = given_away.within(release, ends)
    asked, unsaid = (asked, []) if old.offset is not None else unsure_of_weights(asked, release, pair.counted)
    record = None if truth is None else truths.true_record(truth, old, release, names)
    documents = {} if pair.texts is None else dict(pair.texts.documents)
    if truth is not None and documents:
        documents = with_true(documents, old, truths.one_record(truth, (*old.design.raw, *documents, *names)))
    if record is not None and pair.kept is not None:
        record = dataclasses.replace(record, X=record.X[:, pair.kept])
    told_all = [*cautions.leaks(old, new, record, stored.keys() - used), *cautions.of_nobody(alone), *leaks(documents)]
    return examine(
        release, asked, record, setting, seeds(rng), diagnostics=checks,
        warnings=[
            *noted, *unsaid, *bounded, *given_away.not_used(stored, used), *given_away.of_somebody(release, old, new),
        ],
        leaks=told_all if one else [],
        notes=[*old.notes, *new.notes],
        exact=exact,
        documents=[documents] if documents else (),
        given=given_away.mostly(old, new, release, exact, record) if one else "",
    )  # fmt: skip
