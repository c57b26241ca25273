"""Does a colouriser obey its label map? A region gets another label, and the colours in it and around it are compared.

What is measured is CIEDE2000 between the two colourings of one photo: far in the region, near 0 around it, if it obeys.
"""

import numpy as np

from tfcolor.data.labels import kindred
from tfcolor.measures import Measure, Picture, Table
from tfcolor.measures.chroma import ciede2000
from tfcolor.measures.measure import photo_mean
from tfcolor.photo import merge
from tfcolor.photo.label_maps import NO_LABEL

LEAST, MOST = 0.02, 0.6  # of a photo, for a region that is relabelled


def measure_edits(models, maps, photos, count, knobs, resamples, seed):
    """Relabels one region in each of the first photos that have one.

    Args:
        models: {row: Colorizer}, those that read labels.
        maps: function of (row, grays uint8 [1, N, N], [photo]) -> the label maps to start from, uint8 [1, N, N].
        photos: iterable of photos with `gray` uint8 [N, N].
        count: how many regions each model is to have relabelled at the most.
        knobs: of the decoding.
        resamples, seed: of the bootstrap; what is relabelled, and as what, depends on the seed and the photo alone.

    Returns:
        A `Table` of the rows: `edit_inside` and `edit_outside`, in units of CIEDE2000, means over the regions.
    """
    table = Table(models, resamples, seed)
    for number, photo in enumerate(photos):
        left = [row for row in models if table.photos(row) < count]
        if not left:
            break
        for row in left:
            model = models[row]
            labels = maps(row, photo.gray[None], [photo])[0]
            changed = relabelled(labels, model.classes, np.random.default_rng([seed, number]))
            if changed is None:
                continue
            before, after = (
                Picture(merge(photo.gray, model.chroma(photo.gray, given, **knobs), photo.gray.shape))
                for given in (labels, changed)
            )
            difference = ciede2000(before.lab, after.lab)
            inside = labels != changed
            table.add(row, EDIT_INSIDE, difference[inside])
            table.add(row, EDIT_OUTSIDE, difference[~inside])
    return table


def relabelled(labels, classes, generator):
    """A label map -> the same with one region, all that has one label, as something else that it might be.

    Args:
        labels: uint8 [h, w], 255 where nothing is known.
        classes: names of the labels.
        generator: a NumPy generator, which chooses the region and its new label (`data.labels.kindred`).

    Returns:
        uint8 [h, w]; None where no label covers between 2 and 60 % of the photo.
    """
    found, pixels = np.unique(labels, return_counts=True)
    share = pixels / labels.size
    fit = found[(found != NO_LABEL) & (share >= LEAST) & (share <= MOST)]
    if not fit.size:
        return None
    old = int(generator.choice(fit))
    new = classes.index(generator.choice(kindred(classes[old], classes)))
    return np.where(labels == old, np.uint8(new), labels)


def _measure(name, note):
    return Measure(name, lambda difference: float(difference.mean()), photo_mean, better="", digits=2, note=note)


EDIT_INSIDE = _measure("edit_inside", "CIEDE2000 between two colourings, where one region was given another label")
EDIT_OUTSIDE = _measure("edit_outside", "the same, in the rest of these photos")
