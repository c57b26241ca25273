"""train/data/pets_pasted.py: a pet that is pasted has its own pixels, its mask and its border, where it fits."""

import pathlib
import runpy

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

SCRIPT = runpy.run_path(str(pathlib.Path(__file__).parents[2] / "train" / "data" / "pets_pasted.py"))
PET, BACKGROUND, BORDER, SIDE = (SCRIPT[name] for name in ("PET", "BACKGROUND", "BORDER", "SIDE"))


@pytest.fixture
def pet():
    """A red disc of 40 pixels' radius in the middle of its border, which is 12 wide, on blue; 200 x 160."""
    return disc((100, 80))


def disc(centre):
    rows, columns = np.mgrid[:200, :160]
    depth = 40 - np.hypot(rows - centre[0], columns - centre[1])
    mask = np.where(np.abs(depth) <= 6, BORDER, np.where(depth > 0, PET, BACKGROUND)).astype("uint8")
    image = np.where((depth > 0)[..., None], [200, 30, 30], [30, 30, 200]).astype("uint8")
    return SCRIPT["cut_out"](image, mask)


def pasted(pet, count=20, ground=(0, 120, 0)):
    rng = np.random.default_rng(1)
    ground = np.broadcast_to(np.array(ground, "uint8"), (150, 200, 3))
    return [made for made in (SCRIPT["paste"](pet, ground, rng) for _ in range(count)) if made is not None]


def test_a_cut_out_pet_knows_its_edge_and_border(pet):
    assert pet.depth[100, 80] > 6 and pet.depth[10, 10] < -6
    np.testing.assert_allclose(pet.depth[100, [37, 40, 43]], [-3, 0, 3], atol=0.6)  # in the border, in pixels
    assert pet.border * np.sqrt(200 * 160) == pytest.approx(6, rel=0.15)


@pytest.mark.parametrize("labels", [{BACKGROUND: BORDER}, {PET: BACKGROUND}, {BORDER: 255}])
def test_too_little_of_a_pet_is_none(pet, labels):
    """Much without a label, no ground, no pet."""
    mask = np.where(pet.depth > 6, PET, np.where(pet.depth < -6, BACKGROUND, BORDER))
    for label, other in labels.items():
        mask[mask == label] = other
    assert SCRIPT["cut_out"](pet.image, mask) is None


def test_a_pasted_pet_is_where_its_mask_says(pet):
    found = pasted(pet)
    assert len(found) > 10 and len({photo.tobytes() for photo, _ in found}) == len(found)
    for photo, mask in found:
        assert photo.shape == (*mask.shape, 3) and np.sqrt(mask.size) == pytest.approx(SIDE, rel=0.01)
        red = photo[..., 0].astype(int) - photo[..., 1] > 40
        assert red[mask == PET].all() and not red[mask == BACKGROUND].any()
        assert (photo[mask == BACKGROUND] == [0, 120, 0]).mean() > 0.95  # nothing blue came along
        assert 0.03 < (mask == PET).mean() < 0.8


def test_its_border_is_as_wide_as_in_photos_of_that_size(pet):
    masks = [mask for _, mask in pasted(pet, 60)]
    whole = [
        mask for mask in masks if all((edge == BACKGROUND).all() for edge in (mask[0], mask[-1], mask.T[0], mask.T[-1]))
    ]
    assert len(whole) > 5
    for mask in whole:
        middle = distance_transform_edt(mask == BORDER).max()
        assert middle == pytest.approx(pet.border * SIDE, abs=1.3)  # of steps of a pixel


def test_a_pet_that_its_photo_cuts_off_is_cut_off_again():
    """The disc lies across the lower edge of its own photo."""
    found = pasted(disc((190, 80)), 40)
    assert found and all((mask[-1] == PET).any() and not (mask[0] == PET).any() for _, mask in found)


def test_it_takes_on_some_of_the_grounds_brightness(pet):
    dark, light = (
        np.mean([photo[mask == PET].mean() for photo, mask in pasted(pet, 20, [level] * 3)]) for level in (5, 250)
    )
    own = pet.image[pet.depth > 0].mean()
    assert dark < 0.95 * own and light > 1.05 * own
