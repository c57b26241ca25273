"""Pictures of a training: gray, prediction, truth and mask after each epoch, in the run folder and TensorBoard."""

import keras
import numpy as np
from keras import ops
from PIL import Image

from tfcolor.color import spaces
from tfcolor.data.labels import palette_of


class TrainingPictures:
    """Called after each epoch: writes the log's numbers and a picture sheet to TensorBoard, the sheet as PNG too.

    Args:
        workdir: run folder.
        batches: iterable of uint8 batches; the first is shown.
    """

    def __init__(self, workdir, batches):
        self.workdir = workdir
        self.batch = next(iter(batches))
        self.writer = None
        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            self.writer = tf.summary.create_file_writer(str(workdir / "tensorboard"))

    def __call__(self, trainer, row):
        sheet = prediction_sheet(trainer.system, self.batch)
        unfinished = self.workdir / ".writing-samples.png"
        Image.fromarray(sheet).save(unfinished)
        unfinished.replace(self.workdir / "samples.png")
        if self.writer is None:
            return
        import tensorflow as tf

        with self.writer.as_default(step=row["epoch"]):
            for name, value in row.items():
                tf.summary.scalar(name, value)
            tf.summary.image("gray | prediction | truth | mask", sheet[None])
        self.writer.flush()


def prediction_sheet(system, batch):
    """A uint8 batch -> uint8 [H, W, 3]: a row a photo of gray, prediction, truth and, where there is one, masks.

    The predicted mask where the network segments, then the true one, which a network that reads labels has seen.
    """
    image = ops.convert_to_tensor(batch["image"])
    gray = spaces.rgb_to_gray(spaces.from_uint8(image))
    outputs = system.outputs(gray, batch["mask"] if system.reads_labels else None)
    uv = system.chroma(outputs, gray)
    height, width = ops.shape(image)[1:3]
    uv = ops.image.resize(uv, (height, width), interpolation="bilinear")
    columns = [ops.repeat(spaces.to_uint8(gray), 3, axis=-1), spaces.to_uint8(spaces.merge_yuv(gray, uv)), image]
    columns = [ops.convert_to_numpy(column) for column in columns]
    head = system.segmentation_head
    palette = _palette(system.classes or ())
    if head:
        found = ops.image.resize(
            ops.cast(head.segment(outputs[head.name]), "float32")[..., None], (height, width), interpolation="nearest"
        )
        columns.append(palette[ops.convert_to_numpy(found)[..., 0].astype("int32")])
    if head or system.reads_labels:
        columns.append(palette[np.asarray(batch["mask"])[..., 0]])
    return np.concatenate([np.concatenate(list(column), axis=0) for column in columns], axis=1)


def _palette(classes):
    """uint8 [256, 3]: a colour for each class index; black for 255, no label."""
    colours = np.zeros((256, 3), "uint8")
    colours[: len(classes)] = palette_of(classes)
    return colours
