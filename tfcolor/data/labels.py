"""One set of labels over many sources: names that a person uses, a colour for each, and what each source's classes are.

A class that the set has no name for, or that is a mixture (a photo's background, what is seen through a window), is
ignored: its pixels get 255 and weigh nothing. Where one source tells apart what another does not, both get the coarser
name (houses and their windows are "building"), except for the parts of people, whose colours differ most.
"""

import colorsys

import numpy as np

NO_LABEL = 255

# Name -> colour in maps. Kindred labels stand side by side, for networks that read a label as a number.
LABELS = {
    "sky": "#8fd0ff",
    "snow": "#f2f7fa",
    "water": "#1f6fd6",
    "sand": "#ecd58c",
    "ground": "#8a6a48",
    "mountain": "#6f7f8f",
    "grass": "#63d13e",
    "tree": "#14692a",
    "flower": "#ff5fc8",
    "fruit": "#ff8a00",
    "vegetable": "#8aa300",
    "food": "#cf8d68",
    "dishes": "#b9d9d0",
    "building": "#a8432f",
    "wall": "#d9c3ad",
    "floor": "#a98f80",
    "road": "#55525e",
    "pavement": "#a6a2b4",
    "fence": "#7d5a86",
    "pole": "#dcff57",
    "sign": "#ffd500",
    "thing": "#8fa37a",
    "furniture": "#5e3618",
    "book": "#00867d",
    "bag": "#6d1a4b",
    "shoe": "#33203f",
    "jeans": "#2b3f92",
    "cloth": "#9b46e0",
    "hat": "#d9a0ee",
    "person": "#ff3b3b",
    "skin": "#ffb99a",
    "lips": "#d1225a",
    "eye": "#00e0c6",
    "hair": "#3a1408",
    "dog": "#e0ad00",
    "cat": "#ff7a52",
    "cow": "#7a2020",
    "sheep": "#e8e0ff",
    "animal": "#a8731c",
    "bird": "#36b5c9",
    "car": "#0018b8",
    "bicycle": "#4a7a00",
    "boat": "#005a80",
    "aeroplane": "#8c96ff",
}
NAMES = list(LABELS)
PALETTE = np.array([list(bytes.fromhex(colour[1:])) for colour in LABELS.values()], "uint8")

# What may be taken for each other, or be in each other's place: a label may stand in several.
KINDRED = [
    names.split()
    for names in (
        "sky water snow",
        "snow water sand ground mountain grass road pavement floor",
        "grass tree flower vegetable",
        "fruit vegetable food",
        "building wall fence mountain",
        "pole sign thing furniture book bag dishes",
        "shoe jeans cloth hat bag furniture",
        "person skin cloth",
        "lips eye skin hair",
        "dog cat cow sheep animal bird",
        "car bicycle boat aeroplane",
    )
]

# Source -> {label: its classes, None: those that are ignored}. The names are those of the source's `classes`.
SOURCES = {
    "msrc": {
        "sky": "sky",
        "water": "water",
        "mountain": "mountain",
        "grass": "grass",
        "tree": "tree",
        "flower": "flower",
        "building": "building",
        "road": "road",
        "sign": "sign",
        "furniture": "chair",
        "book": "book",
        "person": "body",
        "skin": "face",
        "dog": "dog",
        "cat": "cat",
        "cow": "cow",
        "sheep": "sheep",
        "animal": "horse",
        "bird": "bird",
        "car": "car",
        "bicycle": "bicycle",
        "boat": "boat",
        "aeroplane": "aeroplane",
        None: "void",
    },
    "camvid": {
        "sky": "Sky",
        "tree": "Tree",
        "building": "Building",
        "road": "Road",
        "pavement": "Pavement",
        "fence": "Fence",
        "pole": "Pole",
        "sign": "SignSymbol",
        "person": "Pedestrian, Bicyclist",
        "car": "Car",
        None: "Unlabelled",
    },
    "coco_stuff": {
        "sky": "sky-other, clouds, fog",
        "snow": "snow",
        "water": "river, sea, water-other, waterdrops",
        "sand": "sand",
        "ground": "dirt, mud, gravel, ground-other, straw, railroad",
        "mountain": "mountain, hill, rock, stone",
        "grass": "grass, playingfield, moss",
        "tree": "tree, bush, leaves, branch, plant-other, potted plant",
        "flower": "flower",
        "fruit": "banana, apple, orange, fruit",
        "vegetable": "broccoli, carrot, vegetable, salad",
        "food": "sandwich, hot dog, pizza, donut, cake, food-other",
        "dishes": "bottle, plate, wine glass, cup, fork, knife, spoon, bowl, vase",
        "building": "building-other, house, skyscraper, roof, bridge, structural-other",
        "wall": "wall-brick, wall-concrete, wall-other, wall-panel, wall-stone, wall-tile, wall-wood, ceiling-other, "
        "ceiling-tile",
        "floor": "floor-marble, floor-other, floor-stone, floor-tile, floor-wood, carpet, rug, mat, stairs",
        "road": "road",
        "pavement": "pavement, platform",
        "fence": "fence, railing, net, cage",
        "sign": "street sign, stop sign, traffic light, banner",
        "thing": "fire hydrant, parking meter, eye glasses, frisbee, skis, snowboard, sports ball, baseball bat, "
        "baseball glove, skateboard, surfboard, tennis racket, toilet, tv, laptop, mouse, remote, keyboard, "
        "cell phone, microwave, oven, toaster, sink, refrigerator, blender, clock, scissors, teddy bear, hair drier, "
        "toothbrush, hair brush, cardboard, light, metal, paper, plastic, solid-other",
        "furniture": "bench, chair, couch, bed, dining table, desk, door, cabinet, counter, cupboard, desk-stuff, "
        "door-stuff, furniture-other, shelf, table, wood",
        "book": "book",
        "bag": "backpack, handbag, suitcase",
        "shoe": "shoe",
        "cloth": "umbrella, tie, kite, tent, blanket, cloth, clothes, curtain, napkin, pillow, textile-other, towel, "
        "window-blind",
        "hat": "hat",
        "person": "person",
        "dog": "dog",
        "cat": "cat",
        "cow": "cow",
        "sheep": "sheep",
        "animal": "horse, elephant, bear, zebra, giraffe",
        "bird": "bird",
        "car": "car, bus, truck",
        "bicycle": "bicycle, motorcycle",
        "boat": "boat",
        "aeroplane": "airplane",
        None: "unlabeled, train, mirror, mirror-stuff, window, window-other",
    },
    "oxford_iiit_pet": {"pet": "pet", None: "background, border"},  # which pet: see CATS
    "ccp": {
        "bag": "bag, purse, wallet",
        "shoe": "boots, clogs, flats, heels, loafers, pumps, sandals, shoes, sneakers, wedges",
        "jeans": "jeans",
        "cloth": "belt, blazer, blouse, bodysuit, bra, cape, cardigan, coat, dress, gloves, hoodie, intimate, jacket, "
        "jumper, leggings, panties, pants, romper, scarf, shirt, shorts, skirt, socks, stockings, suit, sweater, "
        "sweatshirt, swimwear, t-shirt, tie, tights, top, vest",
        "hat": "hat",
        "skin": "skin",
        "hair": "hair",
        None: "null, accessories, bracelet, earrings, glasses, necklace, ring, sunglasses, watch",
    },
    "labelmefacade": {
        "sky": "sky",
        "tree": "vegetation",
        "building": "building, door, window",
        "road": "road",
        "pavement": "pavement",
        "car": "car",
        None: "various",
    },
    "faces": {
        "cloth": "cloth",
        "hat": "hat",
        "skin": "skin, nose, l_ear, r_ear, neck",
        "lips": "u_lip, l_lip",
        "eye": "l_eye, r_eye",
        "hair": "hair, l_brow, r_brow",
        None: "background, eye_g, mouth, ear_r, neck_l",
    },
}
SOURCES["coco_stuff_sample"] = SOURCES["coco_stuff"]
SOURCES["pets_sample"] = SOURCES["oxford_iiit_pet"]

# The masks of Oxford-IIIT Pet say "pet", the photo's label which breed; the others of its breeds are dogs.
CATS = (
    "Abyssinian, Bengal, Birman, Bombay, British_Shorthair, Egyptian_Mau, Maine_Coon, Persian, Ragdoll, Russian_Blue, "
    "Siamese, Sphynx"
).split(", ")


def lookup(source, classes, labels=None):
    """Tables from a source's class indices to indices into `NAMES`.

    Args:
        source: a name in `SOURCES`.
        classes: names of its masks' values 0, 1, ..., as in `SourceInfo.classes`.
        labels: names of its photos' labels, as in `SourceInfo.labels`; wanted where the masks say "pet".

    Returns:
        uint8 [rows, 256], 255 where a value has no label. One row; or where only the photo's label tells what is in its
        mask, one for each of `labels` and a last one of 255 alone, for -1: a label that is not known.

    Raises:
        ValueError: an unknown source, a class that this file does not map, or pets without their breeds.
    """
    if source not in SOURCES:
        raise ValueError(f"no label is known for the classes of {source!r}; there are {', '.join(SOURCES)}")
    names = {name: label for label, those in SOURCES[source].items() for name in those.split(", ")}
    unknown = [name for name in classes if name not in names]
    if unknown:
        raise ValueError(
            f"{source}: class {unknown[0]!r} has no label yet; name it in SOURCES of tfcolor/data/labels.py"
        )
    if "pet" not in names:
        return _table([names[name] for name in classes])[None]
    if not labels:
        raise ValueError(f"{source}: its masks say 'pet' and only its photos' labels say which, and it has none")
    pets = ["cat" if label in CATS else "dog" for label in labels]
    rows = [[pet if name == "pet" else names[name] for name in classes] for pet in [*pets, None]]
    return np.stack([_table(row) for row in rows])


def merge(mask, table, label=-1):
    """A mask of a source -> the same in the merged labels.

    Args:
        mask: uint8 [...], the source's class indices, 255 = no label.
        table: of `lookup`.
        label: of the photo, where the table has a row for each; -1 where it is not known.

    Returns:
        uint8 [...], indices into `NAMES`, 255 = no label.
    """
    return table[label][mask]


def palette_of(classes):
    """A colour for each class, uint8 [classes, 3]: `PALETTE` for the merged labels, else evenly spread hues."""
    if list(classes) == NAMES:
        return PALETTE
    colours = [colorsys.hsv_to_rgb((i * 0.618) % 1.0, 0.75, 0.95 if i % 2 else 0.65) for i in range(len(classes))]
    return (np.array(colours).reshape(-1, 3) * 255).round().astype("uint8")


def kindred(label, classes):
    """Other classes that something of this one might be: those of `KINDRED`, of classes that are in no list all others.

    Args:
        label: one of `classes`.
        classes: at least two names.
    """
    near = {name for names in KINDRED if label in names for name in names}
    return [name for name in classes if name in near and name != label] or [name for name in classes if name != label]


def words(label):
    """What a search finds a label by: its name and those of all classes that it stands for, sorted."""
    found = {label}
    for classes in SOURCES.values():
        found.update(name.lower() for name in classes.get(label, "").split(", ") if name)
    return sorted(found)


def _table(labels):
    table = np.full(256, NO_LABEL, "uint8")
    for index, label in enumerate(labels):
        if label is not None:
            table[index] = NAMES.index(label)
    return table
