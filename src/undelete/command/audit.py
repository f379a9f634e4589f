"""`undelete audit`: what two models, or a series of them, give away of who was deleted between them."""

from __future__ import annotations

import argparse
from pathlib import Path

from undelete.command.options import EPILOG, Commands, descent, natural, positive
from undelete.command.outcome import finish
from undelete.command.progress import Bar
from undelete.command.released import loss_of, ranked, released, schema_of_options
from undelete.command.shared_options import add_image, add_input, add_networks, add_offset, add_output, add_tables
from undelete.errors import InputError
from undelete.files import check_folder, unwritable


def add(commands: Commands) -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        "audit", help="what do two saved models give away of the record deleted between them?", epilog=EPILOG
    )
    parser.add_argument(
        "before",
        type=Path,
        metavar="BEFORE",
        nargs="?",
        help="the model with the record: .skops, .json, .npz, .safetensors, or .joblib, .pkl, .pt with --trust",
    )
    parser.add_argument("after", type=Path, nargs="?", metavar="AFTER", help="the model retrained without it")
    parser.add_argument(
        "later", type=Path, nargs="*", metavar="LATER",
        help="more versions, in order: each step between two is audited (or one folder in place of all files); also "
        "answers, .csv or .parquet",
    )  # fmt: skip
    add_networks(parser, "BEFORE and AFTER are")
    answers = parser.add_argument_group("in place of both models")
    answers.add_argument(
        "--answers-before", type=Path, metavar="FILE",
        help="the old model's answers to the public records, row by row: probabilities, decision values or predictions",
    )  # fmt: skip
    answers.add_argument("--answers-after", type=Path, metavar="FILE", help="the new model's")
    answers.add_argument("--model", type=Path, metavar="FILE", help="the old model, which says what both read")
    answers.add_argument(
        "--features", metavar="numeric,onehot", help="assume this where there is no model file: numbers and categories"
    )
    answers.add_argument("--digits", type=positive, metavar="N", help="decimals the answers were rounded to")
    parser.add_argument(
        "--public",
        type=Path,
        required=True,
        metavar="FILE",
        help="records like the training data, none of them: .csv or .parquet",
    )
    parser.add_argument("--target", metavar="COLUMN", help="the public column that the model predicts")
    parser.add_argument(
        "--truth", type=Path, metavar="FILE", help="the deleted record (one row), for scores; no attack is given it"
    )
    parser.add_argument(
        "--candidates", type=Path, metavar="FILE",
        help="people some of whom may have been deleted, with the target column: also ranks them, in candidates.csv",
    )  # fmt: skip
    parser.add_argument("--n", type=positive, metavar="N", help="number of training records of the first model")
    parser.add_argument(
        "--joined", type=natural, metavar="J", help="records that joined between the two (default: what the models say)"
    )
    parser.add_argument("--deleted", type=natural, metavar="G", help="records that left between the two, likewise")
    parser.add_argument(
        "--protection", type=Path, nargs="+", metavar="FILE",
        help="of protected models their protection.json (default: the ones beside BEFORE and AFTER)",
    )  # fmt: skip
    parser.add_argument(
        "--l2", type=float, metavar="L2", help="penalty in the summed objective, if the model files do not say it"
    )
    parser.add_argument(
        "--optimiser", type=descent, metavar="gd:steps=T,step=ETA,momentum=MU",
        help="of linear models that were stopped, not converged: the number of steps of gradient descent on the mean "
        "loss, from zero, and the learning rate; what comes back is read through them",
    )  # fmt: skip
    add_offset(parser)
    parser.add_argument(
        "--sample-weight", metavar="COLUMN",
        help="of models whose training records had weights the public table's column that says what its records would "
        "have weighed",
    )  # fmt: skip
    add_tables(parser)
    add_input(parser)
    add_image(parser)
    add_output(parser, "audit")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Do what was asked for and return the exit status."""
    if options.later or (options.after is None and options.before is not None and options.before.is_dir()):
        return _series(options)
    from undelete.auditing.audit import audit
    from undelete.auditing.statements import read_stated
    from undelete.auditing.tables import public_records
    from undelete.auditing.words import Words

    if options.candidates is not None and options.target is None:
        raise InputError("--candidates needs --target: how a record pulls on the model depends on what it predicts")
    check_folder(options.out, "--out")
    before, after, features = released(options)
    public, sampled = public_records(options.public, [before, after], options.target, options.sample_weight)
    shown = [options.before or options.answers_before, options.after or options.answers_after]
    words = Words(
        schema=schema_of_options(options, public),
        source=options.public.name,
        command=options.command_line,
        names=(shown[0].name, shown[1].name),
        notes=tuple(sampled),
    )
    with Bar("searching for these people", late=True) as bar:
        result = audit(
            before, after, public, features=features, target=options.target, truth=options.truth, n=options.n,
            l2=options.l2, weight_decay=options.weight_decay, loss=loss_of(options), rng=options.seed,
            trust=options.trust, words=words, deleted=options.deleted, joined=options.joined,
            protection=read_stated(options.protection, options.before, options.after), optimiser=options.optimiser,
            offset=options.offset, exposure=options.exposure, sample_weight=options.sample_weight, progress=bar,
        )  # fmt: skip
    return finish(result, options, None if options.candidates is None else ranked(options, before, after, public))


def _series(options: argparse.Namespace) -> int:
    from undelete.auditing.result import as_json
    from undelete.auditing.series import Series, audit_series, files_of
    from undelete.auditing.tables import public_records
    from undelete.auditing.words import Words
    from undelete.command.listings import series_lines

    of_two = ("truth", "candidates", "deleted", "joined", "protection", "architecture", "image", "optimiser")
    for option in (*of_two, "sample_weight"):
        if getattr(options, option, None) is not None:
            raise InputError(
                f"--{option.replace('_', '-')} is said of two versions, and this is a series: audit that step by itself"
            )
    check_folder(options.out, "--out")
    files = files_of([one for one in (options.before, options.after, *options.later) if one is not None])
    public, sampled = public_records(options.public, [None], options.target)  # all columns
    words = Words(schema=schema_of_options(options, public), source=options.public.name, command=options.command_line,
                  notes=tuple(sampled))  # fmt: skip
    features = options.model if options.features is None else options.features
    with Bar("auditing the steps") as bar:
        steps = audit_series(files, public, target=options.target, n=options.n, l2=options.l2, features=features,
                             rng=options.seed, trust=options.trust, words=words, offset=options.offset,
                             exposure=options.exposure, progress=bar)  # fmt: skip
    series = Series(steps, [one.name for one in files])
    try:
        document = series.save(options.out, redact=options.redact)
    except OSError as error:
        raise unwritable(options.out, error) from error
    stopped = [] if options.fail_above is None else [one.why_stopped(options.fail_above) for one in steps]
    stopped = [f"step {i + 1}: {why}" for i, why in enumerate(stopped) if why]
    text = as_json(document).rstrip() if options.json else "\n".join(series_lines(document, options.out, stopped))
    options.terminal.say(text)
    return int(bool(stopped))
