"""The verb `train`: from data to weights. `python -m tfcolor.train --task multitask`."""

import json
import os
import pathlib
import sys

from tfcolor import __version__
from tfcolor.command import Parser, verb
from tfcolor.quiet import import_tensorflow
from tfcolor.workers import DISTRIBUTE, find_workers, open_strategy


@verb("train")
def main(argv):
    """Runs `tfcolor train`; returns the exit code."""
    options = _parser().parse_args(argv)
    workers = find_workers(options.distribute, os.environ.get("TF_CONFIG"))
    import_tensorflow(start=workers.count == 1)
    with workers:
        return _train(options, workers)


def _train(options, workers):
    """The training itself, by this process and the `workers` that it is one of."""
    from tfcolor.recipe import Recipe, read_recipe

    if options.recipe:
        recipe, name = read_recipe(options.recipe)
    else:
        from tfcolor.tasks import find_task

        name = options.task or "multitask"
        recipe = Recipe(task=name, **find_task(name).defaults)
    if options.smoke:
        recipe = recipe.changed(SMOKE)
        if recipe.changed(options.set).encoder == "mobilenet_v2":
            recipe = recipe.changed(["encoder_options={'alpha': 0.35}"])
    recipe = recipe.changed(options.set)
    workers.meet(_facts(recipe))
    strategy = open_strategy(options.distribute, workers)
    replicas = strategy.num_replicas_in_sync if strategy else 1
    if recipe.batch % replicas:
        near = recipe.batch // replicas * replicas
        raise ValueError(
            f"batch={recipe.batch} is no multiple of {replicas}, the devices that share it out: --set "
            f"batch={near + replicas}" + (f" or batch={near}" if near else "")
        )

    from tfcolor.data.batches import Mixture, sources_of

    validated = recipe.validation_data or "+".join(sources_of(recipe.data))
    where = {
        "data_dir": options.data_dir,
        "labels": recipe.labels,
        "labels_dir": recipe.labels_dir,
        "cache": recipe.cache,
    }
    held_out = sources_of(validated)
    ours = {"worker": (workers.index, workers.count)}
    training = Mixture(recipe.data, "train", held_out=held_out, **where, **ours)
    if training.size < recipe.batch:
        raise ValueError(f"{recipe.data}: {training.size} photos, fewer than a batch of {recipe.batch}; --set batch=N")
    validation = Mixture(validated, "validation", classes=training.classes, **where, **ours)
    steps = training.steps(recipe.batch)
    steps = min(steps, recipe.epoch_steps) if recipe.epoch_steps else steps
    labels = {source: path.name for source, path in training.scene_files.items()}
    found = {"photos": training.size, "validation photos": validation.size, "scenes": labels}
    workers.agree(found | {"classes": training.classes})
    workdir = pathlib.Path(options.workdir or f"runs/{name}{'-smoke' if options.smoke else ''}")
    with workers.chief_first("run folder"):
        _claim(workdir, recipe, training, workers)
        every = training if not training.by_file else Mixture(recipe.data, "train", held_out=held_out, **where)
        prior = _prior(recipe, workdir, every, workers)

    from tfcolor.trainer import Trainer

    trainer = Trainer(recipe, steps, workdir, training.classes, prior, workers, strategy)
    resumed = trainer.resume()
    workers.agree({"last epoch": resumed})

    report = None
    if workers.index == 0:
        from tfcolor.pictures import TrainingPictures

        for source, path in training.scene_files.items():
            print(f"scenes of {source}: {path}", file=sys.stderr)
        if resumed:
            print(f"resumed {workdir} after epoch {trainer.epoch}", file=sys.stderr)
        on = f" on {workers.count} workers" if workers.count > 1 else ""
        on += f", {replicas} devices" if replicas > workers.count else ""
        print(
            f"{recipe.task}: {training.size} photos, {steps} steps an epoch, {recipe.epochs} epochs{on} -> {workdir}",
            file=sys.stderr,
        )
        report = TrainingPictures(workdir, validation.evaluation_batches(8, recipe.size))
    trainer.fit(
        lambda epoch: training.training_batches(
            recipe.batch, recipe.size, recipe.crop_area, recipe.seed, epoch, recipe.crop_aspect, recipe.rotation
        ),
        lambda: validation.evaluation_batches(recipe.batch, recipe.size),
        report,
    )
    if workers.index == 0:
        info = validation.sources[0].info
        unseen = [split for split in ("test", "validation") if split in info.splits]
        split = unseen[0] if unseen else f"'train[-{validation.sources[0].size}:]'"
        where = f" --data-dir {options.data_dir}" if options.data_dir else ""
        print(
            f"done. Next: tfcolor evaluate {workdir} --data {info.name} --split {split}{where}; "
            f"tfcolor export {workdir} -o saved_models/NAME"
        )
    return 0


def _facts(recipe):
    """What must be the same in all workers before they start."""
    import dataclasses

    import tensorflow as tf

    versions = {"tfcolor": __version__, "TensorFlow": tf.__version__}
    gpus = len(tf.config.list_physical_devices("GPU"))
    return {"version": versions, "recipe": json.loads(json.dumps(dataclasses.asdict(recipe))), "number of GPUs": gpus}


# A training of seconds that goes through everything.
SMOKE = [
    "data=synthetic",
    "validation_data=",
    "labels=",
    "size=32",
    "batch=8",
    "epochs=1",
    "epoch_steps=2",
    "average=0",
    "encoder_weights=none",
    "start=",
]


def _parser():
    parser = Parser("tfcolor train", description="Trains a colouriser; the same command again resumes.")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--task", help="what to learn, with its own defaults (default: multitask)")
    which.add_argument(
        "--recipe", metavar="FILE", help="an experiment: train/photos.py, train/guides.py:sample_reg_soft"
    )
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="change a field of the recipe")
    parser.add_argument("--workdir", help="run folder (default: runs/ and the name of recipe or task)")
    parser.add_argument("--data-dir", help="where prepared TFDS data sets are (default: ~/tensorflow_datasets)")
    parser.add_argument(
        "--distribute",
        choices=DISTRIBUTE,
        default="auto",
        help="; ".join(f"{how}: {text}" for how, text in DISTRIBUTE.items()) + " (default: auto)",
    )
    parser.add_argument("--smoke", action="store_true", help="seconds instead of hours, on made-up data: does it run?")
    return parser


def _claim(workdir, recipe, training, workers):
    """Makes the run folder its own, where no other training has finished an epoch in it; the chief does it for all.

    What a training that never came so far has left, for a wrong setting say, is written anew.
    """
    from tfcolor.recipe import Recipe
    from tfcolor.trainer import PRIOR, SCENES, STATE

    path = workdir / "recipe.json"
    if (workdir / STATE).exists() and path.exists():
        if Recipe.from_json(path.read_text("utf-8")).to_json() != recipe.to_json():  # it may lack newer fields
            raise ValueError(f"{workdir} holds a training of another recipe; give another --workdir or remove it")
        return
    if workers.index:
        if not path.exists() or Recipe.from_json(path.read_text("utf-8")).to_json() != recipe.to_json():
            raise _not_shared(workdir, workers)
        return
    workdir.mkdir(parents=True, exist_ok=True)
    (workdir / PRIOR).unlink(missing_ok=True)
    (workdir / "classes.json").write_text(json.dumps(training.classes) + "\n", "utf-8")
    (workdir / SCENES).write_text(json.dumps(training.scenes) + "\n", "utf-8")
    path.write_text(recipe.to_json(), "utf-8")


def _not_shared(workdir, workers):
    return ValueError(
        f"worker {workers.index} does not find in {workdir} what the chief has written there: --workdir must be one "
        "folder that all workers see"
    )


def _prior(recipe, workdir, training, workers):
    """The run folder's prior, made once as the recipe says, by the chief; None where no head of the task wants one."""
    import numpy as np

    from tfcolor.tasks import find_task
    from tfcolor.trainer import PRIOR

    path = workdir / PRIOR
    if path.is_file():
        return np.load(path)
    if "ab_bins" not in find_task(recipe.task).heads:
        return None
    if workers.index:
        raise _not_shared(workdir, workers)
    if recipe.prior == "data":
        from tfcolor.data.prior import colour_prior, prior_warnings

        prior, gray = colour_prior(training.photos())
        for warning in prior_warnings(prior, training.size, gray):
            print(f"prior: warning: {warning}", file=sys.stderr)
    elif not pathlib.Path(recipe.prior).is_file():
        raise ValueError(f"prior {recipe.prior!r}: no such file; 'data', or a .npy of `tfcolor datasets prior`")
    else:
        prior = np.load(recipe.prior)
    temporary = path.with_name(f".writing-{PRIOR}")
    np.save(temporary, prior)
    temporary.replace(path)
    return prior


if __name__ == "__main__":
    sys.exit(main())
