"""`undelete simulate`: whom of the training data a deletion would expose."""

from __future__ import annotations

import argparse
from pathlib import Path

from undelete.command.options import EPILOG, Commands, natural, positive
from undelete.command.outcome import finish
from undelete.command.progress import Bar
from undelete.command.released import loss_of, preprocessing, schema_of_options
from undelete.command.shared_options import add_image, add_input, add_networks, add_offset, add_output, add_tables
from undelete.errors import InputError
from undelete.files import check_folder, unwritable


def add(commands: Commands) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("simulate", help="whom of your training data would a deletion expose?", epilog=EPILOG)
    parser.add_argument(
        "model", type=Path, metavar="MODEL",
        help="the fitted model: .skops, .json, .npz, .safetensors, or .joblib, .pkl, .pt with --trust",
    )  # fmt: skip
    parser.add_argument(
        "--train", type=Path, required=True, metavar="FILE", help="its training records: .csv or .parquet"
    )
    parser.add_argument("--public", type=Path, required=True, metavar="FILE", help="other records of the same kind")
    parser.add_argument("--target", required=True, metavar="COLUMN", help="the column that the model predicts")
    parser.add_argument(
        "--deletions", type=positive, metavar="N", help="how many to play (default: 200; of groups and networks 20)"
    )
    parser.add_argument(
        "--group", type=natural, default=1, metavar="G", help="how many people leave together each time (default: 1)"
    )
    parser.add_argument(
        "--joined", type=natural, default=0, metavar="J", help="how many join at the same time (default: none)"
    )
    parser.add_argument(
        "--additions", action="store_true", help="play that these people joined the others, and were not deleted"
    )
    parser.add_argument(
        "--sample-weight",
        metavar="COLUMN",
        help="the training records' column that says how much each counted in the fit, and if the public table has it "
        "too what its records would have",
    )
    parser.add_argument(
        "--resume", action="store_true",
        help="keep the deletions that are retrained in DIR/deletions, and go on with those of a run that was stopped",
    )  # fmt: skip
    parser.add_argument("--export", type=Path, metavar="DIR", help="also write release.npz and truth.npz, apart")
    add_networks(parser, "MODEL is")
    parser.add_argument(
        "--l2", type=float, metavar="L2", help="of a network the penalty in the summed objective, instead"
    )
    parser.add_argument(
        "--protection", type=Path, nargs="+", metavar="FILE",
        help="what undelete protect measured of this model, for the report's advice (default: the one beside MODEL)",
    )  # fmt: skip
    add_offset(parser)
    add_tables(parser)
    add_input(parser)
    add_image(parser)
    add_output(parser, "simulate")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Do what was asked for and return the exit status."""
    from undelete.auditing.inputs import target_columns
    from undelete.auditing.network_reading import is_network, opened
    from undelete.auditing.simulate import simulate
    from undelete.auditing.statements import read_stated
    from undelete.auditing.tables import columns_read, public_records, training_records, weights_of
    from undelete.auditing.words import Words
    from undelete.data.table import column_names
    from undelete.maintainer.sweep import forget

    check_folder(options.out, "--out")
    if options.export is not None:
        if options.redact:
            raise InputError("--export writes the deleted records themselves: leave out --export or --redact")
        check_folder(options.export, "--export")
    model = opened(options.model, options.architecture, trust=options.trust)
    if is_network(model) and options.resume:
        raise InputError("--resume keeps deletions of a linear model, and this is a network: leave it out")
    train = training_records(options.train, model, options.target)
    if options.sample_weight is not None:
        weights = weights_of(options.train, options.sample_weight)
        if options.sample_weight in (columns_read([model]) or ()):
            raise InputError(
                f"--sample-weight names {options.sample_weight!r}, which the model reads as a record's column: name "
                "the column that says how much each record counted"
            )
        train = train.assign(**{options.sample_weight: weights})
    also = None
    if options.sample_weight is not None and options.sample_weight in column_names(options.public):
        also = options.sample_weight
    public, sampled = public_records(options.public, [model], options.target, also)
    words = Words(
        schema=schema_of_options(options, public), source=options.public.name, command=options.command_line,
        names=(options.model.name, None), notes=tuple(sampled),
    )  # fmt: skip
    targets = list(target_columns(train, options.target))
    target = targets[0] if len(targets) == 1 else targets
    checkpoint = options.out / "deletions" if options.resume else None
    with Bar("deleting and reconstructing") as bar:
        result = simulate(
            model, train.drop(columns=target), train[target], public.drop(columns=target), public[target],
            deletions=options.deletions, group=options.group, joined=options.joined, additions=options.additions,
            sample_weight=options.sample_weight, loss=loss_of(options), l2=options.l2,
            weight_decay=options.weight_decay, offset=options.offset, exposure=options.exposure,
            features=preprocessing(options), rng=options.seed, words=words, checkpoint=checkpoint,
            protection=read_stated(options.protection, options.model, None), progress=bar,
        )  # fmt: skip
    if options.export is not None and result.truth is not None:
        try:
            result.release.save(options.export / "release.npz")
            result.truth.save(options.export / "truth.npz")
        except OSError as error:
            raise unwritable(options.export, error, "--export") from error
    status = finish(result, options)
    if checkpoint is not None:
        forget(checkpoint)
    return status
