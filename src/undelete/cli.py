"""The command line: parse, call one function, write files; `undelete.command.ending` says how it ends."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from undelete.command.arguments import parser, version
from undelete.command.ending import Terminal, ended, entry
from undelete.command.progress import Bar
from undelete.errors import InputError
from undelete.files import check_folder, unwritable
from undelete.limits import lifted
from undelete.plain_text import escaped

if TYPE_CHECKING:
    import pandas as pd

    from undelete.auditing.result import Audit
from undelete.command.released import loss_of, preprocessing, ranked, released, schema_of_options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)

    def work(terminal: Terminal) -> int:
        options = parser().parse_args(given)
        options.command_line = shlex.join(["undelete", *given])
        options.terminal = terminal
        terminal.debug, terminal.redact = options.debug, getattr(options, "redact", False)
        with lifted(getattr(options, "limits", 1.0)), _tables(options):
            return _RUN[options.command](options)

    return ended(work)


def _tables(options: argparse.Namespace) -> AbstractContextManager[None]:
    """Read tables as the options say that they are written."""
    if not hasattr(options, "separator"):
        return nullcontext()
    from undelete.data.dialect import Dialect, reading

    labels = {}
    for one in options.label:
        cell, mark, name = one.rpartition("=")
        if not mark or not cell:
            raise InputError(f"--label is {one!r}: give CELL=CLASS, such as '<=50K=0'")
        labels[cell] = name
    separator = {"\\t": "\t", "tab": "\t"}.get(options.separator, options.separator)
    encoding = options.encoding or "utf-8-sig"
    return reading(Dialect(separator, options.decimal, encoding, tuple(options.missing), labels, options.target))


def process() -> NoReturn:
    """Run the command line as the process that it is: the entry point."""
    entry(main)


def _demo(options: argparse.Namespace) -> int:
    from undelete.demo import demo

    check_folder(options.out, "--out")
    with Bar("deleting and reconstructing") as bar:
        result = demo(deletions=options.deletions, seed=options.seed, progress=bar)
    return _finish(result, options)


def _audit_series(options: argparse.Namespace) -> int:
    from undelete.auditing.result import as_json
    from undelete.auditing.series import Series, audit_series, files_of
    from undelete.auditing.tables import public_records
    from undelete.auditing.words import Words
    from undelete.command.listings import series_lines

    for option in ("truth", "candidates", "deleted", "joined", "protection", "architecture", "image", "optimiser"):
        if getattr(options, option, None) is not None:
            raise InputError(f"--{option} is said of two versions, and this is a series: audit that step by itself")
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


def _audit(options: argparse.Namespace) -> int:
    if options.later or (options.after is None and options.before is not None and options.before.is_dir()):
        return _audit_series(options)
    from undelete.auditing.audit import audit
    from undelete.auditing.statements import read_stated
    from undelete.auditing.tables import public_records
    from undelete.auditing.words import Words

    if options.candidates is not None and options.target is None:
        raise InputError("--candidates needs --target: how a record pulls on the model depends on what it predicts")
    check_folder(options.out, "--out")
    before, after, features = released(options)
    public, sampled = public_records(options.public, [before, after], options.target)
    shown = [options.before or options.answers_before, options.after or options.answers_after]
    words = Words(
        schema=schema_of_options(options, public),
        source=options.public.name,
        command=options.command_line,
        names=(shown[0].name, shown[1].name),
        notes=tuple(sampled),
    )
    result = audit(
        before, after, public, features=features, target=options.target, truth=options.truth, n=options.n,
        l2=options.l2, weight_decay=options.weight_decay, loss=loss_of(options), rng=options.seed, trust=options.trust,
        words=words, deleted=options.deleted, joined=options.joined,
        protection=read_stated(options.protection, options.before, options.after), optimiser=options.optimiser,
        offset=options.offset, exposure=options.exposure,
    )  # fmt: skip
    return _finish(result, options, None if options.candidates is None else ranked(options, before, after, public))


def _simulate(options: argparse.Namespace) -> int:
    from undelete.auditing.inputs import target_columns
    from undelete.auditing.network_reading import is_network, opened
    from undelete.auditing.simulate import simulate
    from undelete.auditing.statements import read_stated
    from undelete.auditing.tables import public_records, training_records, weights_of
    from undelete.auditing.words import Words
    from undelete.maintainer.sweep import forget

    check_folder(options.out, "--out")
    if options.export is not None:
        if options.redact:
            raise InputError("--export writes the deleted records themselves: leave out --export or --redact")
        check_folder(options.export, "--export")
    model = opened(options.model, options.architecture, trust=options.trust)
    if is_network(model) and options.resume:
        raise InputError("--resume keeps deletions of a linear model, and this is a network: leave it out")
    train, weights = training_records(options.train, model, options.target), None
    if options.sample_weight is not None:
        weights = weights_of(options.train, options.sample_weight)
        train = train.drop(columns=options.sample_weight, errors="ignore")
    public, sampled = public_records(options.public, [model], options.target)
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
            sample_weight=weights, loss=loss_of(options), l2=options.l2, weight_decay=options.weight_decay,
            offset=options.offset, exposure=options.exposure,
            features=preprocessing(options), rng=options.seed, words=words, checkpoint=checkpoint,
            protection=read_stated(options.protection, options.model, None), progress=bar,
        )  # fmt: skip
    if options.export is not None and result.truth is not None:
        try:
            result.release.save(options.export / "release.npz")
            result.truth.save(options.export / "truth.npz")
        except OSError as error:
            raise unwritable(options.export, error, "--export") from error
    status = _finish(result, options)
    if checkpoint is not None:
        forget(checkpoint)
    return status


def _scan(options: argparse.Namespace) -> int:
    from undelete.auditing.scan import as_text, scan
    from undelete.command.listings import scan_lines

    check_folder(options.out, "--out")
    result = scan(options.file, options.later, trust=options.trust)
    try:
        result.save(options.out)
    except OSError as error:
        raise unwritable(options.out, error) from error
    text = as_text(result.document()).rstrip() if options.json else "\n".join(scan_lines(result, options.out))
    options.terminal.say(text)
    return 0


def _words(options: argparse.Namespace) -> int:
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


def _protect(options: argparse.Namespace) -> int:
    from undelete.adapters.model import LinearModel
    from undelete.adapters.torch import is_module
    from undelete.auditing.inputs import target_columns
    from undelete.auditing.network_reading import opened
    from undelete.auditing.protect import protect
    from undelete.auditing.rows import Rows
    from undelete.auditing.tables import public_records, training_records
    from undelete.command.protection import lines
    from undelete.report import frontier, ladders

    check_folder(options.out, "--out")
    model = opened(options.model, options.architecture, trust=options.trust)
    train = training_records(options.train, model, options.target)
    public, _ = public_records(options.public, [model], options.target)
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
    document = found.document()
    ending = ".safetensors" if is_module(model) else ".json" if isinstance(model, LinearModel) else ".skops"
    place = options.out / f"protected{ending}"
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        found.save(options.out if found.model is None else place)
        frontier.write(document, options.out / "frontier")
        ladders.write(document, options.out / "distributions")
    except OSError as error:
        raise unwritable(options.out, error) from error
    if kept is not None:
        Rows(kept, "").forget()
    said = None if found.model is None else str(place)
    options.terminal.say("\n".join(map(escaped, lines(document, said))))
    return 0


def _reproduce(options: argparse.Namespace) -> int:
    from undelete.command.reproduction import reproduce

    check_folder(options.out, "--out")
    return reproduce(options)


def _data(options: argparse.Namespace) -> int:
    from undelete.data.openml import download

    for name in options.names:
        download(name, options.out, say=lambda line: options.terminal.say(escaped(line)))
    return 0


def _finish(result: Audit, options: argparse.Namespace, ranked: pd.DataFrame | None = None) -> int:
    """Write the files, apply the gate, and print the summary: what is printed changes no status."""
    from undelete.auditing.result import as_json
    from undelete.command.listings import candidate_lines
    from undelete.command.terminal import summary

    listed = None if options.redact or ranked is None else ranked.to_csv(index_label="row")
    try:
        document = result.save(options.out, redact=options.redact, candidates=listed)
    except OSError as error:
        raise unwritable(options.out, error) from error
    stopped = "" if options.fail_above is None else result.why_stopped(options.fail_above)
    if options.json:
        options.terminal.say(as_json(document).rstrip())
    else:
        options.terminal.say(summary(result, document, version(), options.out, stopped))
        if ranked is not None:
            place = None if listed is None else options.out / "candidates.csv"
            options.terminal.say("\n".join(candidate_lines(ranked, place)))
    return int(bool(stopped))


_RUN = {
    "demo": _demo, "audit": _audit, "simulate": _simulate, "protect": _protect, "scan": _scan, "words": _words,
    "reproduce": _reproduce, "data": _data,
}  # fmt: skip
if __name__ == "__main__":
    process()
