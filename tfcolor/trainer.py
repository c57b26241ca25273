"""The training loop: one step a batch, one checkpoint an epoch, and the same weights after any interruption.

On one device, on several, and on several machines it is the same loop and the same step.
"""

import collections
import contextlib
import csv
import dataclasses
import itertools
import json
import os
import pathlib
import sys
import time

import keras
import numpy as np
from keras import ops
from tqdm import tqdm

from tfcolor.color.ab_bins import BINS
from tfcolor.recipe import Recipe
from tfcolor.replicas import total
from tfcolor.tasks import TASKS, System, find_task
from tfcolor.workers import Workers

STATE = "state.npz"  # everything a training needs to go on, written whole after each epoch
PRIOR = "prior.npy"
SCENES = "scenes.json"  # their names, where the teacher's labels have some
LAST, BEST = "last.weights.h5", "best.weights.h5"


class Trainer:
    """A system, its optimiser and where it stands.

    Args:
        recipe: `Recipe`.
        workdir: run folder; None writes nothing.
        classes: class names of the segmentation head.
        prior: [313] shares of the colour bins, or None.
        steps: in an epoch.
        workers: `Workers` that train together, each on its part of every batch; None: this process alone.
        strategy: TensorFlow's `tf.distribute.Strategy` for them and their devices; None: one device.
    """

    def __init__(self, recipe, steps, workdir=None, classes=None, prior=None, workers=None, strategy=None):
        keras.utils.set_random_seed(recipe.seed)
        self.recipe, self.steps = recipe, steps
        self.workdir = pathlib.Path(workdir) if workdir else None
        self.workers = workers or Workers()
        self._scope = strategy.scope if strategy else contextlib.nullcontext
        with self._scope():
            self.system = System(recipe, classes, prior)
            if recipe.start:
                start_from(self.system.model, recipe.start)
            if strategy and strategy.num_replicas_in_sync > 1:
                _synchronise_batchnorm(self.system.model)
            encoder, others = self.system.split_variables()
            rates = [(recipe.learning_rate, others), (recipe.learning_rate * recipe.encoder_share, encoder)]
            self.optimizers = [(self._optimizer(rate, variables), variables) for rate, variables in rates if rate]
            self.step = _STEPS[keras.backend.backend()](self.system, self.optimizers)
            self.forward = _FORWARDS[keras.backend.backend()](self.system)
        self.validate = _VALIDATIONS[keras.backend.backend()](self.system)
        self.epoch, self.best, self.best_epoch = 0, float("inf"), 0
        self.mean = None  # of the weights after the epochs that are averaged, [array]

    def _optimizer(self, learning_rate, variables):
        """AdamW, its gradients clipped, for these variables: warmed up, then down a cosine to 0 unless averaged."""
        recipe = self.recipe
        schedule = keras.optimizers.schedules.CosineDecay(
            0.0,
            decay_steps=max(recipe.epochs * self.steps - recipe.warmup, 1),
            alpha=1.0 if recipe.average else 0.0,  # the share of the rate that is left at the end
            warmup_target=learning_rate,
            warmup_steps=recipe.warmup,
        )
        optimizer = SummedAdamW(schedule, weight_decay=recipe.weight_decay, global_clipnorm=recipe.clip_norm or None)
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        optimizer.build(variables)
        return optimizer

    def fit(self, training, validation, report=None):
        """Trains from `self.epoch` on, to the recipe's last epoch or the early stop.

        Weights that are averaged are in the run folder; the network itself goes on with its own.

        Args:
            training: function of the epoch -> an iterable of uint8 batches, the same for the same epoch; this worker's
                part of each.
            validation: function -> an iterable of uint8 batches; of several workers each has other ones.
            report: function of (trainer, row of the log) called after each epoch, by the chief.

        Returns:
            The rows of the log, a list of dicts.
        """
        rows = []
        while self.epoch < self.recipe.epochs and not self._stopped_early():
            started = time.monotonic()
            log = self._train_epoch(training(self.epoch))
            seconds = time.monotonic() - started
            self.epoch += 1
            if not np.isfinite(log["loss"]):
                raise ValueError(
                    f"the loss is {log['loss']} in epoch {self.epoch}: lower the rate, --set learning_rate="
                    f"{self.recipe.learning_rate / 3:g}, or train in float32; the last good epoch is in the run folder"
                )
            self._average()
            with self._averaged():
                log |= {f"val_{key}": value for key, value in self._validation(validation()).items()}
                if log["val_loss"] < self.best or self.recipe.average:  # a mean of more epochs is what counts
                    self.best, self.best_epoch = log["val_loss"], self.epoch
                row = {
                    "epoch": self.epoch,
                    "seconds": round(seconds, 1),
                    "photos_per_second": round(self.steps * self.recipe.batch / seconds, 1),
                } | log
                rows.append(row)
                if self.workers.index == 0:
                    if self.workdir:
                        self._write(row)
                    if report:
                        report(self, row)
            if self.workers.index == 0 and self.workdir:
                self._write_state()
        return rows

    def _train_epoch(self, batches):
        logs, recent = [], collections.deque(maxlen=self.recipe.precise_batchnorm)
        bar = tqdm(
            batches,
            total=self.steps,
            desc=f"epoch {self.epoch + 1}/{self.recipe.epochs}",
            leave=False,
            mininterval=1.0,
            disable=self.workers.index > 0 or None,
        )
        for number, batch in enumerate(bar):
            if number == self.steps:
                break
            logs.append(self.step(batch))
            recent.append(batch)
            if number % 20 == 0:
                bar.set_postfix(loss=f"{float(logs[-1]['loss']):.4f}")
        bar.close()
        if recent:
            self._recompute_batchnorm(recent)
        return _mean(logs)

    def _recompute_batchnorm(self, batches):
        """Mean and variance of every BatchNormalization that trains, over these batches under the weights as they are.

        Moving averages still hold some of where they started after a hundred steps, and are of weights that have since
        changed (Wu and Johnson 2021, "Rethinking 'Batch' in BatchNorm", section 3: PreciseBN).
        """
        layers = [layer for layer in _batchnorms(self.system.model) if layer.trainable]
        if not layers:
            return
        momenta = [layer.momentum for layer in layers]
        for layer in layers:
            layer.momentum = 0.0  # so that it keeps what it last saw, and nothing of before
        seen = []
        for batch in batches:
            self.forward(batch)
            seen.append([(_numpy(layer.moving_mean), _numpy(layer.moving_variance)) for layer in layers])
        for layer, momentum, of_layer in zip(layers, momenta, zip(*seen, strict=True), strict=True):
            means, variances = map(np.stack, zip(*of_layer, strict=True))
            layer.momentum = momentum
            with self._scope():
                layer.moving_mean.assign(means.mean(axis=0))
                layer.moving_variance.assign(variances.mean(axis=0) + means.var(axis=0))

    def _average(self):
        """Takes the weights after an epoch that is averaged into the mean (Izmailov et al. 2018, section 3.2).

        Statistics of BatchNormalization are averaged as weights are. Computing them anew, as the paper does, gained
        nothing where the encoder keeps its own (train/photos.md).
        """
        counted = self.epoch - (self.recipe.epochs - self.recipe.average)
        if self.recipe.average and counted >= 1:
            weights = [_numpy(weight) for weight in self.system.model.weights]
            means = weights if counted == 1 else self.mean
            self.mean = [mean + (own - mean) / counted for mean, own in zip(means, weights, strict=True)]

    @contextlib.contextmanager
    def _averaged(self):
        """The network with its mean weights, where there are any, and afterwards with its own again."""
        if self.mean is None:
            yield
            return
        weights = self.system.model.weights
        own = [_numpy(weight) for weight in weights]
        self._assign(weights, self.mean)
        try:
            yield
        finally:
            self._assign(weights, own)

    def _assign(self, variables, values):
        with self._scope():
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)

    def _validation(self, batches):
        """Means over all photos of the batches, the last of which may be smaller; of all workers' batches, in order."""
        logs = []
        for batch in batches:
            log = {key: float(value) for key, value in self.validate(batch).items()}
            logs.append((len(logs) * self.workers.count + self.workers.index, len(batch["image"]), log))
        logs = sorted(itertools.chain(*self.workers.gather(f"validation {self.epoch}", logs)), key=lambda log: log[0])
        return _mean([log for _, _, log in logs], [count for _, count, _ in logs])

    def _stopped_early(self):
        patience = self.recipe.early_stop
        return bool(patience) and self.epoch - self.best_epoch >= patience

    # The run folder -------------------------------------------------------------------------------------------------

    def _write(self, row):
        """Log and weights of the epoch just done."""
        if self.best_epoch == self.epoch:
            _whole(self.workdir / BEST, self.system.model.save_weights)
        _whole(self.workdir / LAST, self.system.model.save_weights)
        path = self.workdir / "log.csv"
        kept = [] if not path.exists() else [r for r in csv.DictReader(path.open()) if int(r["epoch"]) < self.epoch]
        _whole(path, lambda temporary: _write_csv(temporary, [*kept, row]))

    def _write_state(self):
        """What a resumed training goes on from; after all else of an epoch, since it says that all is there."""
        arrays = {f"v{index}": _numpy(v) for index, v in enumerate(self._variables())}
        arrays |= {f"m{index}": mean for index, mean in enumerate(self.mean or [])}
        progress = {"epoch": self.epoch, "best": self.best, "best_epoch": self.best_epoch}
        _whole(self.workdir / STATE, lambda temporary: np.savez(temporary, progress=json.dumps(progress), **arrays))

    def resume(self):
        """Goes back to the state of the last whole epoch in the run folder, if there is one. Returns the epoch."""
        path = self.workdir / STATE
        if path.exists():
            with np.load(path) as state:
                variables = self._variables()
                self._assign(variables, [state[f"v{index}"] for index in range(len(variables))])
                means = [name for name in state.files if name.startswith("m")]
                self.mean = [state[f"m{index}"] for index in range(len(means))] or None
                progress = json.loads(str(state["progress"]))
            self.epoch, self.best, self.best_epoch = progress["epoch"], progress["best"], progress["best_epoch"]
        return self.epoch

    def _variables(self):
        slots = [variable for optimizer, _ in self.optimizers for variable in optimizer.variables]
        return [*self.system.model.variables, *slots, self.system.seeds.state]


def load_run(workdir, weights=None, task=None):
    """The system of a run folder with its weights (the named file; else best, else last).

    `recipe.json` alone rebuilds the model.

    Args:
        workdir: the run folder.
        weights: a file in it.
        task: as another task's (`of_task`).

    Raises:
        ValueError: not a run folder, or one without weights, or it has not what that task wants.
    """
    workdir = pathlib.Path(workdir)
    if not (workdir / "recipe.json").is_file():
        raise ValueError(
            f"{str(workdir)!r} is no run folder: it has no recipe.json; `tfcolor train --workdir` makes one"
        )
    recipe = Recipe.from_json((workdir / "recipe.json").read_text("utf-8"))
    classes = json.loads((workdir / "classes.json").read_text("utf-8"))
    found = [workdir / name for name in ([weights] if weights else [BEST, LAST]) if (workdir / name).is_file()]
    if not found:
        raise ValueError(f"{str(workdir)!r} holds no {weights or 'weights yet'}: train for an epoch first")
    prior = np.load(workdir / PRIOR) if (workdir / PRIOR).is_file() else None
    scenes = json.loads((workdir / SCENES).read_text("utf-8")) if (workdir / SCENES).is_file() else None
    system = System(recipe.changed(["encoder_weights=none", "precision=float32"]), classes, prior, scenes)
    system.model.load_weights(found[0])
    return system if task is None else of_task(system, task)


def of_task(system, name):
    """The same network with fewer heads, those of another task: without what only guided its training.

    Its recipe is that of what is left: trained by it, the network would have had no guides.

    Raises:
        ValueError: no such task, or one of another network or with heads that this one has not (names those that fit).
    """
    task, recipe = find_task(name), system.recipe
    fitting = [other for other in TASKS if _is_part(TASKS[other], find_task(recipe.task))]
    if name not in fitting:
        raise ValueError(f"task {name} is no part of {recipe.task}; there are {', '.join(fitting)}")
    kept = {
        field: {head: value for head, value in getattr(recipe, field).items() if head in task.heads}
        for field in ("head_options", "loss_weights")
    }
    scenes = system.scenes if "scene" in task.heads else None
    part = System(dataclasses.replace(recipe, task=name, **kept), system.classes, system.prior, scenes)
    learnt = {weight.path: weight for weight in system.model.weights}
    for weight in part.model.weights:
        weight.assign(learnt[weight.path])
    return part


def _is_part(task, whole):
    """Whether a task has the network of another one and some of its very heads."""
    return task.network is whole.network and task.heads.items() <= whole.heads.items()


def start_from(model, name):
    """The weights of another training into every variable of the same path and shape; says how many fitted.

    Args:
        model: the network to start.
        name: run folder of the other training, a SavedModel of it, or the name of a shipped model.

    Raises:
        ValueError: no such model, one that was exported without its recipe, or not one variable fits.
    """
    from tfcolor.colorizer import find_model

    folder = find_model(name)
    system = load_run(folder) if (folder / "recipe.json").is_file() else load_exported(folder)
    others = {variable.path: variable for variable in system.model.variables}
    fitting = [v for v in model.variables if v.path in others and v.shape == others[v.path].shape]
    if not fitting:
        raise ValueError(f"start {str(name)!r}: not one layer of it fits this network")
    for variable in fitting:
        variable.assign(others[variable.path])
    print(f"start: {len(fitting)} of {len(model.variables)} variables are those of {name}", file=sys.stderr)


def load_exported(folder):
    """The system of a SavedModel that `tfcolor export` wrote, with its weights, from its card and its variables.

    Its prior is none that was counted: a SavedModel keeps that only within its functions.

    Raises:
        ValueError: its card has no recipe.
    """
    from tfcolor.colorizer import read_card
    from tfcolor.serving import restore

    card = read_card(folder)
    if "recipe" not in card:
        raise ValueError(f"{folder} was exported without its recipe, by an older tfcolor: start from its run folder")
    recipe = Recipe(**card["recipe"]).changed(["encoder_weights=none", "precision=float32"])
    system = System(recipe, card["classes"], np.full(BINS, 1 / BINS), card.get("scenes"))
    restore(system, folder)
    return system


# Steps, one for each backend ----------------------------------------------------------------------------------------


def _tensorflow_step(system, optimizers):
    import tensorflow as tf

    strategy = tf.distribute.get_strategy()  # that of the scope; without one, TensorFlow's default of a single replica
    variables = [own for _, own in optimizers]

    def replica_step(batch):
        with tf.GradientTape() as tape:
            loss, log = system.losses(batch, training=True)
        gradients, log = total((tape.gradient(loss, variables), log))
        for (optimizer, own), of_own in zip(optimizers, gradients, strict=True):
            optimizer.apply(of_own, own)
        return log

    # Nothing in a step asks tensors in Python (it runs under JAX too): converting its code would take seconds.
    @tf.function(autograph=False)
    def step(batch):
        log = strategy.run(replica_step, args=(batch,))
        return {key: strategy.experimental_local_results(value)[0] for key, value in log.items()}  # alike in all

    rows = system.recipe.batch // strategy.num_replicas_in_sync
    return lambda batch: step(_parts(batch, rows, strategy))


def _parts(batch, rows, strategy):
    """A worker's batch, shared out among its devices: so many rows to each."""
    devices = len(batch["image"]) // rows
    if devices == 1:
        return batch

    def part(context):
        first = context.replica_id_in_sync_group % devices * rows
        return {key: value[first : first + rows] for key, value in batch.items()}

    return strategy.experimental_distribute_values_from_function(part)


def _tensorflow_forward(system):
    """A step that learns nothing: what it leaves behind are the statistics of the batch."""
    import tensorflow as tf

    strategy = tf.distribute.get_strategy()
    rows = system.recipe.batch // strategy.num_replicas_in_sync

    def replica_forward(batch):
        system.losses(batch, training=True)

    @tf.function(autograph=False)
    def forward(batch):
        strategy.run(replica_forward, args=(batch,))

    return lambda batch: forward(_parts(batch, rows, strategy))


def _tensorflow_validation(system):
    import tensorflow as tf

    return tf.function(lambda batch: system.losses(batch, training=False)[1], autograph=False)


def _jax_step(system, optimizers):
    import jax

    trainable = [own for _, own in optimizers]
    others = [*system.model.non_trainable_variables, system.seeds.state]
    slots = [optimizer.variables for optimizer, _ in optimizers]

    def loss_of(values, other_values, batch):
        mapping = list(zip(others, other_values, strict=True))
        for variables, own in zip(trainable, values, strict=True):
            mapping += zip(variables, own, strict=True)
        with keras.StatelessScope(state_mapping=mapping) as scope:
            loss, log = system.losses(batch, training=True)
            changed = [scope.get_current_value(variable) for variable in others]
        return loss, (log, changed)

    @jax.jit
    def pure_step(values, other_values, slot_values, batch):
        (_, (log, other_values)), gradients = jax.value_and_grad(loss_of, has_aux=True)(values, other_values, batch)
        applied = [
            optimizer.stateless_apply(slot, gradient, value)
            for (optimizer, _), slot, gradient, value in zip(optimizers, slot_values, gradients, values, strict=True)
        ]
        return [value for value, _ in applied], other_values, [slot for _, slot in applied], log

    def step(batch):
        state = (
            [[v.value for v in own] for own in trainable],
            [v.value for v in others],
            [[v.value for v in own] for own in slots],
        )
        values, other_values, slot_values, log = pure_step(*state, batch)
        for variables, new in zip([*trainable, others, *slots], [*values, other_values, *slot_values], strict=True):
            for variable, value in zip(variables, new, strict=True):
                variable.assign(value)
        return log

    return step


def _jax_forward(system):
    return lambda batch: system.losses(batch, training=True)


def _jax_validation(system):
    return lambda batch: system.losses(batch, training=False)[1]


_STEPS = {"tensorflow": _tensorflow_step, "jax": _jax_step}
_FORWARDS = {"tensorflow": _tensorflow_forward, "jax": _jax_forward}
_VALIDATIONS = {"tensorflow": _tensorflow_validation, "jax": _jax_validation}


class SummedAdamW(keras.optimizers.AdamW):
    """AdamW of gradients that are sums over all replicas already, so that it clips these and sums nothing itself."""

    def _all_reduce_sum_gradients(self, grads_and_vars):
        return list(grads_and_vars)


def _synchronise_batchnorm(model):
    """Every BatchNormalization takes its mean and variance over the whole batch."""
    for layer in _batchnorms(model):
        layer.synchronized = True


def _batchnorms(model):
    """Every BatchNormalization of a model and of the models in it."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            yield layer
        elif isinstance(layer, keras.Model):
            yield from _batchnorms(layer)


# Small things -------------------------------------------------------------------------------------------------------


def _numpy(variable):
    return np.asarray(ops.convert_to_numpy(variable))


def _mean(logs, weights=None):
    return {key: float(np.average([float(log[key]) for log in logs], weights=weights)) for key in logs[0]}


def _whole(path, write):
    """Writes to a temporary neighbour and renames it, so that the file under its own name is always whole."""
    temporary = path.with_name(f".writing-{path.name}")
    write(temporary)
    os.replace(temporary, path)


def _write_csv(path, rows):
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[-1]), extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
