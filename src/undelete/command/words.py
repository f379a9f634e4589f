"""`undelete words`: which words had the document that was deleted between two models of text."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from undelete.command.options import EPILOG, Commands, positive
from undelete.command.progress import Bar
from undelete.command.shared_options import add_input, add_tables
from undelete.errors import InputError
from undelete.files import check_folder, unwritable


def add(commands: Commands) -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        "words", help="which words had the document deleted between two models of text?", epilog=EPILOG
    )
    parser.add_argument(
        "before",
        type=Path,
        metavar="BEFORE",
        help="the pipeline with the document: .skops, or .joblib/.pkl with --trust",
    )
    parser.add_argument(
        "after", type=Path, nargs="?", metavar="AFTER",
        help="the pipeline fitted without it; left out with --train, which deletes documents to see what would be told",
    )  # fmt: skip
    parser.add_argument(
        "--public", type=Path, required=True, metavar="FILE", help="documents like the training ones, none of them"
    )
    parser.add_argument(
        "--train", type=Path, metavar="FILE", help="the training documents: what if one of them is deleted?"
    )
    parser.add_argument(
        "--deletions", type=positive, default=20, metavar="N", help="with --train: how many to play (default: 20)"
    )
    parser.add_argument(
        "--refit", action="store_true", help="with --train: the vectoriser is fitted anew with each deletion, too"
    )
    parser.add_argument("--seed", type=int, default=0, help="with --train: which documents are drawn (default: 0)")
    parser.add_argument("--target", required=True, metavar="COLUMN", help="the column that the model predicts")
    parser.add_argument(
        "--candidates", type=Path, metavar="FILE",
        help="documents one of which may have been deleted, with the target: also ranks them, in candidates.csv",
    )  # fmt: skip
    parser.add_argument("--text", metavar="COLUMN", help="the column of text (default: the only other one)")
    parser.add_argument(
        "--n", type=positive, metavar="N", help="number of training documents of the first model; --train counts them"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("words"), metavar="DIR",
        help="where to write words.csv and words.json (default: words/)",
    )  # fmt: skip
    add_tables(parser)
    add_input(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Do what was asked for and return the exit status."""
    from undelete.auditing.documents import Document, deleted_words
    from undelete.auditing.played_documents import PlayedDocuments, simulate_words
    from undelete.auditing.who_documents import which_document
    from undelete.command.listings import candidate_lines, played_lines, word_lines
    from undelete.files import write_together

    check_folder(options.out, "--out")
    if (options.after is None) == (options.train is None) or (options.after is not None and options.n is None):
        raise InputError("give two models and --n, or one model and --train, which plays what if")
    if options.candidates is not None and options.train is not None:
        raise InputError("--candidates asks which of some documents lies between two models: leave it out with --train")
    documents, targets = _documents(options, options.public)
    found: Document | PlayedDocuments
    listed = None
    if options.train is None:
        found = deleted_words(
            options.before, options.after, documents, targets, n=options.n, trust=options.trust
        )  # fmt: skip
        lines = word_lines(found, options.out)
        if options.candidates is not None:
            listed = which_document(
                options.before, options.after, (documents, targets), _documents(options, options.candidates),
                n=options.n, trust=options.trust,
            )  # fmt: skip
            lines += candidate_lines(listed, options.out / "candidates.csv")
    else:
        with Bar("deleting documents") as bar:
            found = simulate_words(
                options.before, *_documents(options, options.train), documents, targets, deletions=options.deletions,
                refit=options.refit, rng=options.seed, trust=options.trust, progress=bar,
            )  # fmt: skip
        lines = played_lines(found, options.out)
    try:
        found.save(options.out)
        if listed is not None:
            write_together({options.out / "candidates.csv": listed.to_csv(index_label="row")})
    except OSError as error:
        raise unwritable(options.out, error) from error
    options.terminal.say("\n".join(lines))
    return 0


def _documents(options: argparse.Namespace, place: Path) -> tuple[list[str], Any]:
    """Return the texts of a table, and their targets."""
    from undelete.auditing.document_changes import text_column, texts_in
    from undelete.auditing.inputs import target_columns
    from undelete.data.table import read_table

    table = read_table(place)
    (target,) = target_columns(table, [options.target])
    options.text = text_column(table, target, options.text, str(place))  # of the other tables too
    if table.attrs.get("read_as"):
        options.terminal.say(table.attrs["read_as"])
    return texts_in(table, options.text), table[target]
