"""Makes `pets_pasted`: pets cut out and pasted on other photos, for `pets_multitask`. Run card: ../pets_multitask.md.

    python train/data/pets_pasted.py --data-dir DATA

After Ghiasi et al. 2021, "Simple copy-paste is a strong data augmentation method for instance segmentation". The pets
are those of `pets_sample` and `pets_self`, the grounds are the photos of `photos` and `photos_more` that are not in
`animals_pseudo`: a small or doubtful animal may be among them. SciPy is needed (`pip install -e '.[test]'`).
"""

import argparse
import dataclasses
import io
import pathlib

import numpy as np
from PIL import Image
from scipy.ndimage import distance_transform_edt, gaussian_filter

from tfcolor.data.sources import NO_LABEL, decode, open_source
from tfcolor.data.teachers import store_examples

PET, BACKGROUND, BORDER = 1, 2, 3
SIDE = 208  # pixels, the root of a ground's area
SHARE = (0.1, 0.6)  # of a ground that a pet is meant to cover
COVERED = (0.03, 0.8)  # and may cover, where some of it is cut off
MOST_ENLARGED = 1.5
UNKNOWN, LEAST = 0.04, 0.04  # of a photo: without a label at the most, and pet at the least, to be cut out


@dataclasses.dataclass
class Pet:
    """A pet with its photo.

    Attributes:
        image: uint8 [h, w, 3].
        depth: float [h, w], above 0 in the pet, below 0 outside; in its border the distance from the border's middle in
            pixels.
        border: half the border's width as a share of the photo's side, the root of its area.
    """

    image: np.ndarray
    depth: np.ndarray
    border: float


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", required=True)
    parser.add_argument("--count", type=int, default=5000, help="photos to make (default: 5000)")
    options = parser.parse_args()
    store_examples(
        pathlib.Path(options.data_dir) / "pets_pasted",
        "train",
        enumerate(_examples(options.count, options.data_dir)),
        ["pet", "background", "border"],
        "Dogs and cats pasted on other photos: to train with, never to test on.",
    )


def _examples(count, data_dir):
    pets, grounds = list(_pets(data_dir)), list(_grounds(data_dir))
    rng = np.random.default_rng(0)
    order, tried, made = rng.permutation(len(grounds)), 0, 0
    while made < count:
        ground = grounds[order[tried % len(grounds)]]
        pasted = paste(pets[rng.integers(len(pets))], np.asarray(Image.open(io.BytesIO(ground)).convert("RGB")), rng)
        tried += 1
        if pasted is None:
            continue
        made += 1
        file = io.BytesIO()
        Image.fromarray(pasted[0]).save(file, "JPEG", quality=88)
        yield {"image": file.getvalue(), "file_name": f"{made}.jpg", "segmentation_mask": pasted[1][..., None]}


def _pets(data_dir):
    for name in ("pets_sample", "pets_self"):
        for example in open_source(name, "train", data_dir=data_dir).encoded:
            photo = decode({"image": example["image"], "mask": example["mask"]})
            pet = cut_out(photo["image"].numpy(), photo["mask"].numpy()[..., 0])
            if pet is not None:
                yield pet


def _grounds(data_dir):
    """The files of the photos in which no animal was found."""
    animals = {one["name"].numpy().decode() for one in open_source("animals_pseudo", data_dir=data_dir).encoded}
    for name in ("photos", "photos_more"):
        for example in open_source(name, data_dir=data_dir).encoded:
            if f"{name}/{example['name'].numpy().decode()}" not in animals:
                yield example["image"].numpy()


def cut_out(image, mask):
    """A photo uint8 [h, w, 3] with its mask [h, w] -> a `Pet`, or None where there is not enough of one."""
    if (mask == NO_LABEL).mean() > UNKNOWN or (mask == PET).mean() < LEAST or not (mask == BACKGROUND).any():
        return None
    mask = np.where(mask == NO_LABEL, BORDER, mask)
    depth = (distance_transform_edt(mask != BACKGROUND) - distance_transform_edt(mask != PET)) / 2
    length = max(1, (np.abs(depth) < 0.75).sum() / 1.5)
    half = (mask == BORDER).sum() / length / 2
    return Pet(image, depth, half / np.sqrt(mask.size))


def paste(pet, ground, rng):
    """A pet at some place and size on a ground, uint8 [H, W, 3] -> (photo uint8 [h, w, 3], mask uint8 [h, w]).

    The border is drawn anew, as wide as in the pet's own photo; where that cuts the pet off, so does this one. A part
    of the way the pet takes on the ground's brightness. None where pet and ground do not fit.
    """
    ground = _resized(ground, SIDE / np.sqrt(ground.shape[0] * ground.shape[1])).astype("float32")
    height, width = ground.shape[:2]
    share = np.exp(rng.uniform(*np.log(SHARE)))
    scale = min(np.sqrt(share * height * width / (pet.depth > 0).sum()), MOST_ENLARGED)
    cut = _resized(pet.image, scale).astype("float32")
    inside = np.asarray(Image.fromarray(pet.depth.astype("float32")).resize(cut.shape[1::-1], Image.BILINEAR)) > 0
    if rng.random() < 0.5:
        cut, inside = cut[:, ::-1], inside[:, ::-1]
    if inside.sum() < 50:
        return None
    top, left = (_place(inside.any(axis=1 - axis), ground.shape[axis], rng) for axis in (0, 1))
    if top is None or left is None:
        return None

    photo, pasted = np.zeros_like(ground), np.zeros((height, width), bool)
    of_ground = tuple(slice(max(at, 0), at + side) for at, side in ((top, inside.shape[0]), (left, inside.shape[1])))
    of_cut = tuple(slice(max(-at, 0), room - at) for at, room in ((top, height), (left, width)))
    if min(pasted[of_ground].shape) < 8:
        return None
    photo[of_ground], pasted[of_ground] = cut[of_cut], inside[of_cut]
    if not COVERED[0] < pasted.mean() < COVERED[1]:
        return None
    gain = np.clip((ground.mean() + 20) / (photo[pasted].mean() + 20), 0.6, 1.6) ** rng.uniform(0, 0.6)
    depth = np.where(pasted, distance_transform_edt(pasted) - 0.5, 0.5 - distance_transform_edt(~pasted))
    alpha = gaussian_filter(1 / (1 + np.exp((0.3 - depth) / 0.5)), 0.4)[..., None]  # a soft edge, a little inside
    mixed = np.clip(np.round(ground * (1 - alpha) + gain * photo * alpha), 0, 255).astype("uint8")
    mask = np.where(np.abs(depth) <= pet.border * SIDE, BORDER, np.where(pasted, PET, BACKGROUND))
    return mixed, mask.astype("uint8")


def _place(covered, room, rng):
    """Along one axis: where a cut of which the pet has covered these lines begins in so much room; None: nowhere.

    An end that its own photo cuts off stays at the edge; any other lies where it comes, up to .15 of the pet outside.
    """
    lines = np.flatnonzero(covered)
    first, end = lines[0], lines[-1] + 1
    at_start, at_end = first <= 1, end >= len(covered) - 1
    if at_start and at_end:
        return -first if end - first >= room else None
    if at_start:
        return -first
    if at_end:
        return room - end
    over = 0.15 * (end - first)
    return round(rng.uniform(*sorted((-over - first, room - (end - first) + over - first))))


def _resized(image, scale):
    height, width = (max(8, round(side * scale)) for side in image.shape[:2])
    return np.asarray(Image.fromarray(image).resize((width, height), Image.LANCZOS))


if __name__ == "__main__":
    main()
