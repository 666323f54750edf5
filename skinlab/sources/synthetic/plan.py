"""Seed and patient number -> everything that is known of a patient before a pixel is drawn.

Each patient has a generator of its own, so that a larger set begins with the smaller one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from skinlab.sources.synthetic.appearance import Category, Traits
from skinlab.sources.synthetic.categories import CATEGORIES

COUNTS = frozenset({"lentigines", "satellites", "moles", "waxy", "angiomas"})
DEEPEST_MM = 10.0
SKIN_TYPE_SHARES = (0.14, 0.24, 0.26, 0.16, 0.12, 0.08)
# A category's look borrows up to this share from another one: the irreducible error of the set.
BORROWED = 0.5
CLIP_EVERY = 16


@dataclass(frozen=True)
class Device:
    """An invented phone.

    Attributes:
        name: As in the manifest and in EXIF ``Model``.
        size: Long side as a share of the largest one.
        cast: Gain of red, green and blue, as logarithms.
        saturation: Factor of the chroma.
        softness: Blur of the lens in thousandths of the long side.
        quality: Of the JPEG.
    """

    name: str
    size: float
    cast: tuple[float, float, float]
    saturation: float
    softness: float
    quality: int


DEVICES = (
    Device("Kiso P1", 1.0, (0.02, 0.0, -0.02), 1.00, 0.7, 90),
    Device("Kiso P2 mini", 0.75, (0.09, 0.0, -0.11), 1.08, 0.8, 88),
    Device("Tamar A5", 5 / 6, (-0.08, 0.01, 0.09), 0.90, 1.0, 85),
    Device("Tamar A7", 1.0, (0.00, 0.05, -0.03), 1.05, 0.7, 92),
    Device("Orrin Lite", 2 / 3, (0.14, -0.02, -0.16), 0.85, 1.5, 80),
    Device("Orrin Max", 5 / 6, (-0.04, -0.03, 0.06), 1.15, 0.8, 88),
    Device("Sable 3", 0.75, (-0.13, 0.03, 0.12), 1.10, 1.2, 82),
    Device("Sable 4", 2 / 3, (0.06, -0.05, 0.03), 0.95, 1.0, 85),
)


@dataclass(frozen=True)
class Photograph:
    """One picture of a lesion: camera, light and what lies on the skin.

    Attributes:
        magnification: ``weak`` or ``strong``.
        field_mm: Width of the long side on the skin.
        angle: Turn of the camera in radians.
        tilt: Foreshortening of one direction, 1 is none.
        center: Of the lesion, as fractions of width and height.
        portrait: Whether the upright photograph is taller than wide.
        orientation: EXIF orientation under which its pixels are stored.
        light: Logarithmic gains of red, green and blue.
        defocus: Gaussian blur, thousandths of the long side.
        motion: Length of motion blur, thousandths of the long side.
        hair: Density of hair, 0 to 1.
        ink: Whether a pen mark was made.
        ruler: Whether a ruler lies in the field.
    """

    magnification: str
    field_mm: float
    angle: float
    tilt: float
    center: tuple[float, float]
    portrait: bool
    orientation: int
    light: tuple[float, float, float]
    defocus: float
    motion: float
    hair: float
    ink: bool
    ruler: bool

    @property
    def distance_mm(self) -> float:
        """Distance of a phone whose picture is as wide as 0.45 of the distance (2x lens)."""
        return self.field_mm / 0.45


@dataclass(frozen=True)
class Lesion:
    """A lesion: its category, its own look, its photographs and whether it was filmed."""

    number: int
    category: Category
    traits: Traits
    depth_mm: float | None
    site: str
    photographs: tuple[Photograph, ...]
    filmed: bool


@dataclass(frozen=True)
class Patient:
    """A patient.

    Attributes:
        seed: Of the whole set.
        number: Counted from 0.
        age: Years.
        sex: ``female`` or ``male``.
        skin_type: Fitzpatrick I to VI as 1 to 6.
        melanin: Of the skin, in the units of a lesion's.
        blood: Redness of the skin.
        device: The phone.
        lesions: One to three.
    """

    seed: int
    number: int
    age: int
    sex: str
    skin_type: int
    melanin: float
    blood: float
    device: Device
    lesions: tuple[Lesion, ...]

    @property
    def name(self) -> str:
        """Return the ``patient_id``."""
        return f"p{self.number:05d}"


def plan_patient(seed: int, number: int) -> Patient:
    """Draw a patient; the first lesions of consecutive patients go round all categories."""
    rng = np.random.default_rng([seed, number])
    first = CATEGORIES[number % len(CATEGORIES)]
    count = 1 + int(rng.choice(3, p=(0.5, 0.33, 0.17)))
    age = int(np.clip(rng.normal(first.age, 12), 16, 95))
    skin_type = 1 + int(rng.choice(6, p=SKIN_TYPE_SHARES))
    skin = 0.05 + 0.19 * (skin_type - 1) + rng.uniform(-0.08, 0.08)
    habits = rng.random(2)  # how much sun and how many moles: shared by the lesions of a patient
    # Most of the light belongs to the room, so that a model meets few of them: a cast learned by
    # heart does not help with the next patient, and augmentation of color does.
    room = _light(rng, 1.0)
    lesions = []
    for index in range(count):
        category = first if index == 0 else _further(rng)
        lesions.append(_lesion(rng, index, category, habits, room))
    return Patient(
        seed=seed,
        number=number,
        age=age,
        sex=str(rng.choice(("female", "male"))),
        skin_type=skin_type,
        melanin=max(0.0, float(skin)),
        blood=float(rng.uniform(0.05, 0.3)),
        device=DEVICES[int(rng.integers(len(DEVICES)))],
        lesions=(
            replace(lesions[0], filmed=number % CLIP_EVERY == 0),
            *lesions[1:],
        ),
    )


def _further(rng: np.random.Generator) -> Category:
    weights = np.array([category.frequency for category in CATEGORIES])
    return CATEGORIES[int(rng.choice(len(CATEGORIES), p=weights / weights.sum()))]


def _lesion(
    rng: np.random.Generator,
    number: int,
    category: Category,
    habits: NDArray[np.float64],
    room: NDArray[np.float64],
) -> Lesion:
    other = CATEGORIES[int(rng.integers(len(CATEGORIES)))]
    borrowed = BORROWED * float(rng.beta(1.3, 2.5))
    mean = category.traits.mix(other.traits, borrowed)
    mean = replace(
        mean,
        actinic=mean.actinic + 0.25 * (float(habits[0]) - 0.5),
        moles=mean.moles * (0.4 + 1.2 * float(habits[1])),
    )
    depth = None
    if category.depth_mm is not None:
        drawn = category.depth_mm * math.exp(0.7 * float(rng.standard_normal()))
        depth = round(min(drawn, DEEPEST_MM), 2)
    traits = grown(mean.changed(lambda name, value: _own(rng, name, value)), depth)
    site = category.sites[int(rng.choice(4, p=(0.4, 0.3, 0.2, 0.1)))]
    return Lesion(
        number=number,
        category=category,
        traits=traits,
        depth_mm=depth,
        site=site,
        photographs=_photographs(rng, category, traits, room),
        filmed=False,
    )


def _own(rng: np.random.Generator, name: str, mean: float) -> float:
    """Draw one trait of one lesion around the mean of its category."""
    if name in COUNTS:
        # Over-dispersed: in a quarter of the patients the cue is missing altogether.
        return float(rng.poisson(mean) * (rng.random() < 0.75))
    if name == "diameter":
        return float(np.clip(mean * math.exp(0.28 * rng.standard_normal()), 3.0, 17.0))
    return max(0.0, float(mean * math.exp(0.35 * rng.standard_normal()) + rng.normal(0, 0.05)))


def grown(traits: Traits, depth_mm: float | None) -> Traits:
    """Return how a lesion looks at a depth of invasion: wider, higher, darker, bluer, open.

    Every change is monotone in the depth; pigmented tumors turn blue, the others red.
    """
    if not depth_mm:
        return traits
    severity = math.log1p(depth_mm) / math.log1p(DEEPEST_MM)
    pigment = min(1.0, traits.melanin)
    return replace(
        traits,
        diameter=min(traits.diameter * (1 + 0.25 * severity), 19.0),
        melanin=traits.melanin * (1 + 0.35 * severity),
        blue=traits.blue + 0.8 * severity * pigment,
        blood=traits.blood + 0.35 * severity * (1 - pigment),
        height=traits.height + 0.6 * severity,
        ulcer=traits.ulcer + 0.9 * max(0.0, severity - 0.35),
        halo=traits.halo + 0.2 * severity,
    )


def _light(rng: np.random.Generator, strength: float) -> NDArray[np.float64]:
    """Draw exposure, temperature and tint; return logarithmic gains of red, green and blue."""
    exposure, temperature, tint = strength * rng.normal(0, (0.15, 0.13, 0.045))
    return np.array([exposure + temperature, exposure + tint, exposure - temperature])


def _photographs(
    rng: np.random.Generator, category: Category, traits: Traits, room: NDArray[np.float64]
) -> tuple[Photograph, ...]:
    count = 1 + int(rng.choice(3, p=(0.5, 0.38, 0.12)))
    first = int(rng.integers(2))
    held = rng.uniform(0, 2 * math.pi)  # a lesion is photographed from about the same side
    shots = []
    for index in range(count):
        shot = _photograph(rng, ("weak", "strong")[(first + index) % 2], category, traits.diameter)
        red, green, blue = room + _light(rng, 0.35)
        angle = float((held + rng.normal(0, 0.25)) % (2 * math.pi))
        shots.append(replace(shot, angle=angle, light=(float(red), float(green), float(blue))))
    return tuple(shots)


def _photograph(
    rng: np.random.Generator, magnification: str, category: Category, diameter: float
) -> Photograph:
    strong = magnification == "strong"
    field = rng.uniform(19, 27) if strong else rng.uniform(42, 60)
    field = max(float(field), 1.7 * diameter)
    spread = 0.09 if strong else 0.2
    blurred = rng.random()
    return Photograph(
        magnification=magnification,
        field_mm=field,
        angle=0.0,
        tilt=float(rng.uniform(0.86, 1.0)),
        center=(
            0.5 + float(np.clip(rng.normal(0, spread), -0.3, 0.3)),
            0.5 + float(np.clip(rng.normal(0, spread), -0.3, 0.3)),
        ),
        portrait=bool(rng.random() < 0.45),
        orientation=int(rng.choice((1, 3, 6, 8), p=(0.6, 0.08, 0.22, 0.1))),
        light=(0.0, 0.0, 0.0),
        defocus=float(rng.uniform(1.5, 5.0)) if blurred < 0.2 else 0.0,
        motion=float(rng.uniform(4.0, 14.0)) if blurred > 0.88 else 0.0,
        hair=float(rng.random() ** 2) if rng.random() < 0.35 else 0.0,
        # A known shortcut: what looks suspicious is marked and measured a little more often.
        ink=bool(rng.random() < (0.26 if category.malignant else 0.16)),
        ruler=bool(rng.random() < (0.16 if category.malignant else 0.1)),
    )
