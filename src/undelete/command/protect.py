"""`undelete protect`: which defence keeps a deletion from exposing anybody, and what it costs."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from undelete.command.options import EPILOG, Commands, above_zero, natural, positive, share
from undelete.command.progress import Bar
from undelete.command.released import loss_of, preprocessing, schema_of_options
from undelete.command.shared_options import add_image, add_input, add_networks, add_tables
from undelete.files import check_folder, unwritable
from undelete.plain_text import escaped


def add(commands: Commands) -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        "protect", help="which defence keeps a deletion from exposing anybody, and what does it cost?", epilog=EPILOG
    )
    parser.add_argument(
        "model", type=Path, metavar="MODEL",
        help="the fitted model: .skops, .json, .npz, .safetensors, or .joblib, .pkl, .pt with --trust",
    )  # fmt: skip
    parser.add_argument(
        "--train", type=Path, required=True, metavar="FILE", help="its training records: .csv or .parquet"
    )
    parser.add_argument(
        "--public", type=Path, required=True, metavar="FILE",
        help="other records of the same kind: the attack works from them, and the loss is measured on them",
    )  # fmt: skip
    parser.add_argument("--target", required=True, metavar="COLUMN", help="the column that the model predicts")
    parser.add_argument(
        "--defence", action="append", metavar="NAME",
        help="one to play, several times for several: noisy_moments, output_perturbation, objective_perturbation, "
        "certified_removal, rounded_answers, refitting (linear models), private_training (networks), instance_noise, "
        "repeated, rounding, penalty, batch, joined (both); default: all",
    )  # fmt: skip
    parser.add_argument("--deletions", type=positive, default=200, metavar="N", help="how many to play (default: 200)")
    parser.add_argument(
        "--max-exposure", type=share, default=0.1, metavar="X", help="largest mean centred cosine (default: 0.1)"
    )
    parser.add_argument(
        "--max-loss", type=share, default=0.01, metavar="X", help="largest loss of R2 or accuracy (default: 0.01)"
    )
    parser.add_argument(
        "--epsilon",
        type=above_zero,
        metavar="E",
        help="only defences that prove differential privacy with at most this",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("undelete-protect"), metavar="DIR",
        help="where to write the protected model, protection.json and pictures of both (default: undelete-protect/)",
    )  # fmt: skip
    parser.add_argument(
        "--resume", action="store_true",
        help="keep the rows that are played in DIR/rows, and go on with those of a run that was stopped",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=natural, default=0, help="seed of what is played; the model handed out has none (default: 0)"
    )
    add_networks(parser, "MODEL is")
    parser.add_argument(
        "--l2", type=float, metavar="L2", help="of a network the penalty in the summed objective, instead"
    )
    add_tables(parser)
    add_input(parser)
    add_image(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Do what was asked for and return the exit status."""
    from undelete.adapters.model import LinearModel
    from undelete.adapters.torch import is_module
    from undelete.auditing.inputs import target_columns
    from undelete.auditing.network_reading import opened
    from undelete.auditing.protect import protect
    from undelete.auditing.rows import Rows
    from undelete.auditing.tables import public_records, training_records
    from undelete.command.protection import lines
    from undelete.report import defended_pictures, frontier, ladders

    check_folder(options.out, "--out")
    model = opened(options.model, options.architecture, trust=options.trust)
    train = training_records(options.train, model, options.target)
    public, noted = public_records(options.public, [model], options.target)
    targets = list(target_columns(train, options.target))
    target = targets[0] if len(targets) == 1 else targets
    kept = options.out / "rows" if options.resume else None
    with Bar("defending and attacking") as bar:
        found = protect(
            model, train.drop(columns=target), train[target], public.drop(columns=target), public[target],
            deletions=options.deletions, defences=options.defence, max_exposure=options.max_exposure,
            max_loss=options.max_loss, epsilon=options.epsilon, image=schema_of_options(options, public).image,
            loss=loss_of(options), l2=options.l2, weight_decay=options.weight_decay, features=preprocessing(options),
            rng=options.seed, checkpoint=kept, progress=bar,
        )  # fmt: skip
    found = replace(found, warnings=(*noted, *found.warnings))
    document = found.document()
    ending = ".safetensors" if is_module(model) else ".json" if isinstance(model, LinearModel) else ".skops"
    place = options.out / f"protected{ending}"
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        found.save(options.out if found.model is None else place)
        frontier.write(document, options.out / "frontier")
        ladders.write(document, options.out / "distributions")
        if (seen := found.pictures) is not None:
            defended_pictures.write(document["table"], seen.heads, seen.deleted, seen.rows, options.out / "pictures")
    except OSError as error:
        raise unwritable(options.out, error) from error
    if kept is not None:
        Rows(kept, "").forget()
    said = None if found.model is None else str(place)
    options.terminal.say("\n".join(map(escaped, lines(document, said))))
    return 0
