"""What there is to see: traits of a lesion and of the skin around, and a category's means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

Change = Callable[[str, float], float]


@dataclass(frozen=True)
class Traits:
    """How strong each sign is; 0 is absent and about 1 is marked, unless a unit is given.

    Attributes:
        diameter: Of the lesion in mm.
        melanin: Brown pigment.
        blood: Redness of the lesion.
        blue: Deep pigment, seen blue-gray.
        irregular: Notches and bays of the border.
        asymmetry: Pigment heavier on one side.
        mottle: Several colors within the lesion.
        soft_edge: Border that fades; small is sharp.
        network: Brown mesh.
        streaks: Dark radial lines at the border.
        dots: Dark globules.
        cysts: White, milia-like cysts.
        scale: White-yellow flakes on the lesion.
        ulcer: Red, crusted center.
        vessels: Telangiectasia.
        height: Elevation over the skin.
        verrucous: Rough, warty surface.
        shine: Pearly highlights.
        halo: Redness around the lesion.
        actinic: Sun-damaged, blotchy skin around.
        lentigines: Number of flat brown spots around.
        satellites: Number of small dark spots close by.
        moles: Number of small regular nevi around.
        waxy: Number of small waxy, tan plaques around.
        angiomas: Number of cherry-red spots around.
        flaking: Scale on the skin around.
    """

    diameter: float
    melanin: float = 0.0
    blood: float = 0.0
    blue: float = 0.0
    irregular: float = 0.15
    asymmetry: float = 0.1
    mottle: float = 0.2
    soft_edge: float = 0.15
    network: float = 0.0
    streaks: float = 0.0
    dots: float = 0.0
    cysts: float = 0.0
    scale: float = 0.0
    ulcer: float = 0.0
    vessels: float = 0.0
    height: float = 0.1
    verrucous: float = 0.0
    shine: float = 0.1
    halo: float = 0.0
    actinic: float = 0.2
    lentigines: float = 2.0
    satellites: float = 0.0
    moles: float = 1.0
    waxy: float = 0.5
    angiomas: float = 0.5
    flaking: float = 0.0

    def mix(self, other: Traits, weight: float) -> Traits:
        """Return these traits with a share `weight` (0 to 1) of another category's."""
        return self.changed(lambda name, value: value + weight * (getattr(other, name) - value))

    def changed(self, change: Change) -> Traits:
        """Return the traits with `change(name, value)` in the place of each value."""
        names = [field.name for field in fields(self)]
        return replace(self, **{name: change(name, getattr(self, name)) for name in names})


@dataclass(frozen=True)
class Category:
    """A fine category of the label tree.

    Attributes:
        name: As in ``data_manifests/labels/synthetic.yaml``.
        traits: The mean look.
        age: Mean age in years.
        sites: Where it sits, most frequent first.
        frequency: Relative, among the further lesions of a patient.
        depth_mm: Median depth of invasion; 0 is in situ, None is benign.
    """

    name: str
    traits: Traits
    age: float
    sites: tuple[str, ...]
    frequency: float
    depth_mm: float | None = None

    @property
    def malignant(self) -> bool:
        """Whether the category is malignant."""
        return self.depth_mm is not None
