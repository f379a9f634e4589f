"""The pages of docs/results on what the paper does not have, each with its question and its command."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Beyond:
    """One page.

    Parameters
    ----------
    title, page : str
        What it is called, and its file.
    asks : str
        The question that it answers.
    name : str
        Of its experiment; empty where another command made it.
    command : str
        That other command, or where the experiment is not in docs/results/numbers.json the experiment's.
    """

    title: str
    page: str
    asks: str
    name: str = ""
    command: str = ""


BEYOND = (
    Beyond("Models that were stopped", "stopped.md", "Figure 11 as people train: does the attack work before the "
           "optimum, and better for who knows the optimiser?", "stopped"),
    Beyond("Where it stops working", "sensitivity.md", "How many records, features, digits, how large a penalty, how "
           "early a stop, whose public records?", "sensitivity"),
    Beyond("A better decoder", "better.md", "`hrec+` beside the paper's decoder, on the same deletions.", "better",
           "undelete reproduce better --data DIR --deletions 400 --seed 0"),
    Beyond("Answers in place of models", "answers.md", "What comes back where only answers are seen, by their number "
           "and digits?", "answers"),
    Beyond("Answers of an image model", "answers.md#answers_images-answers-in-place-of-models-images",
           "What do answers give of an image, beside Updates-Leak?", "answers_images"),
    Beyond("Several people at once", "groups.md", "Does a group hide its members, and does who joins?", "groups"),
    Beyond("Several people, scalers refitted", "groups.md#refitted_groups-several-people-at-once-scalers-refitted",
           "And where the files sum their columns?", "refitted_groups"),
    Beyond("Several people among candidates", "groups.md#lists-several-people-among-candidates",
           "Which of a list of people left together?", "lists"),
    Beyond("Another population", "population.md", "What is lost with public records of another state, and is it "
           "noticed?", "population"),
    Beyond("Heads on frozen nets", "heads.md", "The last layer alone: the paper's Section 3.1.", "heads"),
    Beyond("Networks", "networks.md", "Any architecture: the paper's Section 3.2.", "mlp"),
    Beyond("What training leaves", "networks.md#conditions-what-training-leaves-of-a-deletion",
           "Under which trainings does a difference of networks say anything?", "conditions"),
    Beyond("Calibration", "calibration.md", "Is it right as often as it says, on tables it was not made on?",
           command="python benchmarks/calibration.py"),
    Beyond("Audits of each kind of model", "audits.md", "What does the command say of each kind of model and file?",
           command="python benchmarks/audits.py"),
    Beyond("Refitted files", "releases.md", "What does saved preprocessing give by itself?",
           command="python benchmarks/releases.py"),
    Beyond("Defences", "defences.md", "What does each leave, and cost?", "defences"),
    Beyond("Defences, two other states", "defences.md#defences_more-what-each-defence-leaves-and-costs-ny-tx",
           "And on people of New York and Texas?", "defences_more"),
    Beyond("Defences of image models", "defences.md#defences_images-what-each-defence-leaves-and-costs-images",
           "And on images, on pixels and on random features?", "defences_images"),
    Beyond("Defences of a network", "defences.md#defences_mlp-what-each-defence-leaves-and-costs-a-network",
           "And of a network, where only private training is proved?", "defences_mlp"),
    Beyond("Pictures under noise", "defences.md#noisy_images-what-noise-leaves-of-a-deleted-picture",
           "What does noise leave of a deleted picture?", "noisy_images"),
)  # fmt: skip
