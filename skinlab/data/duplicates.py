"""Manifests -> near-duplicate photographs, within and across data sets, as ``duplicate_group``.

The signature is that of a perceptual hash (Zauner 2010) before it is cut to bits: the low DCT
frequencies of a small gray copy. Each is multiplied by its frequency, since the spectrum of
photographs falls as 1/f, so that the dark blob in the middle that all lesions share counts little,
and the whole has length 1. Mirrored and turned copies (by 90°) are found too: in the DCT these are
changes of sign and a transposition. Pairs whose signatures agree are then compared by their local
texture, in which small round lesions on plain skin, alike as a whole, differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from scipy.fft import dctn, idctn
from scipy.ndimage import uniform_filter

from skinlab.data.pictures import Progress, spread
from skinlab.preprocess.photograph import read_photograph
from skinlab.tables.errors import InputError, Problem
from skinlab.tables.files import digest
from skinlab.tables.labels import canonical
from skinlab.tables.manifest import Manifest

SIDE = 64  # of the first gray copy, in pixels; only its lowest frequencies are kept
KEPT = 24  # of the gray copy that is compared: what a JPEG of a quarter of the size still has
LOW = 16  # frequencies in a signature
NEIGHBORS = 7  # pixels each way over which texture is made independent of light and lesion
NOISE = 1.0  # variance in gray levels, below which texture is not made stronger
# On PAD-UFES-20, HAM10000 and ISIC 2017 (4,472 photographs) real and chance pairs part here: of 31
# pairs in HAM10000, 30 have one lesion id and the last is one lesion under two ids. In seven more
# turns there are more chance pairs, while a copy that was turned has lost nothing.
ALIKE = 0.85
SIMILAR = 0.8
SIMILAR_TURNED = 0.9
BLOCK = 4096  # photographs compared at a time with as many others: 64 MiB of similarities
OURS = "dup_"  # groups found here; those of an archive's own list have other names
# What makes the second picture look like the first: transposed, then mirrored each way.
TURNS = {
    "same way": (False, False, False),
    "mirrored left-right": (False, True, False),
    "mirrored top-bottom": (False, False, True),
    "turned by 180°": (False, True, True),
    "transposed": (True, False, False),
    "turned by 90°": (True, True, False),
    "turned by 270°": (True, False, True),
    "transposed and turned by 180°": (True, True, True),
}
Pictures = NDArray[np.float32]


@dataclass(frozen=True)
class Duplicates:
    """What was found.

    Attributes:
        manifests: The given ones with the column ``duplicate_group``.
        pairs: One row a pair, the most similar first: ``manifest_1, line_1, sample_1``, the same
            with ``_2``, ``similarity, turn, same_patient, same_diagnosis, same_split``; the last
            three are ``yes``, ``no``, or empty where one of them is not known.
        unreadable: Photographs that could not be compared.
    """

    manifests: tuple[Manifest, ...]
    pairs: pd.DataFrame
    unreadable: tuple[Problem, ...]

    def summary(self) -> str:
        """Return one line of counts."""
        groups = {g for m in self.manifests for g in m.column("duplicate_group") if g}
        images = sum(len(m) for m in self.manifests)
        return f"{images} images: {len(self.pairs)} near-duplicate pairs, {len(groups)} groups"


def find_duplicates(
    manifests: Sequence[Manifest],
    *,
    similar: float = SIMILAR,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Duplicates:
    """Compare every photograph with every other one.

    Args:
        manifests: One or several data sets.
        similar: Least similarity of near-duplicates, 0.5 to 1.
        workers: Processes that decode; None chooses.
        progress: Called with how many photographs are read and how many there are.

    Raises:
        InputError: `similar` is out of its range.
    """
    if not 0.5 <= similar <= 1:
        raise InputError(Problem(f"similarity {similar:g} is not useful", "give 0.5 to 1"))
    rows = [(m, row) for m in manifests for row in range(len(m))]
    paths = [(m.root, path) for m in manifests for path in m.column("image_path")]
    found = spread(_Reduction(), paths, workers, progress)
    small = np.zeros((len(rows), KEPT, KEPT), dtype=np.float32)
    unreadable = []
    for i, ((manifest, row), result) in enumerate(zip(rows, found, strict=True)):
        if isinstance(result, Problem):
            line = int(manifest.frame.index[row])
            what = f"{manifest.column('image_path')[row]} {result.what}"
            unreadable.append(Problem(what, result.fix, manifest.path, line))
        else:
            small[i] = result
    pairs = similar_pairs(small, similar)
    grouped = _grouped(manifests, pairs)
    return Duplicates(grouped, _table(manifests, pairs), tuple(unreadable))


@dataclass(frozen=True)
class Pairs:
    """Near-duplicates, the most similar first; each ``(n,)``.

    Attributes:
        one: Position of the first picture.
        two: Position of the second.
        similarity: Correlation of their textures, at most 1.
        turn: Which of `TURNS` makes the second look like the first.
    """

    one: NDArray[np.int64]
    two: NDArray[np.int64]
    similarity: NDArray[np.float32]
    turn: NDArray[np.int64]

    def where(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> Pairs:
        """Return some of the pairs."""
        return Pairs(self.one[rows], self.two[rows], self.similarity[rows], self.turn[rows])


def gray_copy(pixels: NDArray[np.uint8]) -> Pictures:
    """Return the small gray copy by which photographs are compared, without its high frequencies.

    Args:
        pixels: ``(H, W, 3)`` uint8.

    Returns:
        ``(24, 24)`` in gray levels, squashed to a square whatever the shape of the photograph.
    """
    gray = Image.fromarray(pixels).convert("L")
    first = np.asarray(gray.resize((SIDE, SIDE), Image.Resampling.LANCZOS), dtype=np.float32)
    low = dctn(first, norm="ortho")[:KEPT, :KEPT]
    return np.asarray(idctn(low, norm="ortho") * (KEPT / SIDE), dtype=np.float32)


def signatures(small: Pictures) -> Pictures:
    """Return the low frequencies, weighed by frequency, of length 1.

    Args:
        small: ``(n, 24, 24)`` from `gray_copy`.

    Returns:
        ``(n, 16, 16)``; zeros for a picture of one color, which is like nothing.
    """
    rows, columns = np.ogrid[:LOW, :LOW]
    weighed = dctn(small, axes=(1, 2), norm="ortho")[:, :LOW, :LOW] * np.hypot(rows, columns)
    return _unit(np.asarray(weighed, dtype=np.float32))


def textures(small: Pictures) -> Pictures:
    """Return what is left after local brightness and contrast are taken away, of length 1.

    Args:
        small: ``(n, 24, 24)`` from `gray_copy`.

    Returns:
        ``(n, 24, 24)``; zeros for a picture of one color.
    """
    size = (0, NEIGHBORS, NEIGHBORS)
    centered = small - uniform_filter(small, size, mode="reflect")
    contrast = uniform_filter(centered**2, size, mode="reflect")
    local = centered / np.sqrt(contrast + NOISE)
    return _unit(np.asarray(local - local.mean(axis=(1, 2), keepdims=True), dtype=np.float32))


def _unit(values: Pictures) -> Pictures:
    """Scale each to length 1; rounding alone (a length below 0.1) counts as nothing."""
    length = np.linalg.norm(values, axis=(1, 2), keepdims=True)
    return np.where(length > 0.1, values / np.maximum(length, 0.1), 0).astype(np.float32)


def similar_pairs(small: Pictures, similar: float = SIMILAR) -> Pairs:
    """Find all pairs that look alike in one of the eight ways of turning and mirroring.

    What `invariant` makes of two signatures is never farther apart than the signatures themselves,
    however one of them is turned; so one matrix product leaves few pairs, and no pair is missed.

    Args:
        small: ``(n, 24, 24)`` from `gray_copy`.
        similar: Least similarity of texture; turned copies need at least `SIMILAR_TURNED`.
    """
    whole = signatures(small)
    flat = invariant(whole)
    found = []
    for start in range(0, len(flat), BLOCK):
        for other in range(start, len(flat), BLOCK):
            close = flat[start : start + BLOCK] @ flat[other : other + BLOCK].T >= ALIKE - 1e-4
            if other == start:
                close = np.triu(close, k=1)
            i, j = np.nonzero(close)
            found.append(_alike(whole, i + start, j + other))
    pairs = _compared(small, _joined(found))
    least = np.where(pairs.turn == 0, similar, max(similar, SIMILAR_TURNED))
    pairs = pairs.where(pairs.similarity >= least)
    return pairs.where(np.lexsort((pairs.two, pairs.one, -pairs.similarity)))


def _joined(parts: Sequence[Pairs]) -> Pairs:
    nothing = np.zeros(0, dtype=np.int64)
    return Pairs(
        np.concatenate([nothing, *(part.one for part in parts)]),
        np.concatenate([nothing, *(part.two for part in parts)]),
        np.concatenate([nothing.astype(np.float32), *(part.similarity for part in parts)]),
        np.concatenate([nothing, *(part.turn for part in parts)]),
    )


def _compared(small: Pictures, pairs: Pairs) -> Pairs:
    """Return the pairs with the similarity of their textures."""
    texture = textures(small)
    values = [
        float((texture[i] * turned(texture[j], way)).sum())
        for i, j, way in zip(pairs.one, pairs.two, pairs.turn, strict=True)
    ]
    return Pairs(pairs.one, pairs.two, np.array(values, dtype=np.float32), pairs.turn)


def turned(picture: Pictures, turn: int) -> Pictures:
    """Return a square picture transposed and mirrored as one of `TURNS` says."""
    transposed, across, down = list(TURNS.values())[turn]
    picture = picture.T if transposed else picture
    return picture[:: -1 if down else 1, :: -1 if across else 1]


def invariant(whole: Pictures) -> Pictures:
    """Return what does not change when the picture is mirrored or turned by 90°.

    Args:
        whole: ``(n, k, k)`` signatures.

    Returns:
        ``(n, k * k)`` of the same lengths: the sizes of the coefficients, and of each pair that a
        transposition exchanges their sum and difference (over the root of 2).
    """
    size = np.abs(whole)
    above = np.triu_indices(whole.shape[1], k=1)
    one, two = size[:, above[0], above[1]], size[:, above[1], above[0]]
    diagonal = np.diagonal(size, axis1=1, axis2=2)
    root = np.float32(np.sqrt(0.5))
    return np.concatenate([diagonal, root * (one + two), root * np.abs(one - two)], axis=1)


def _alike(whole: Pictures, one: NDArray[np.int64], two: NDArray[np.int64]) -> Pairs:
    """Return those of the pairs whose signatures agree in one turn, with the best turn of each."""
    sign = np.where(np.arange(LOW) % 2, -1, 1).astype(np.float32)
    similarity = np.zeros(len(one), dtype=np.float32)
    turn = np.zeros(len(one), dtype=np.int64)
    for start in range(0, len(one), BLOCK):
        part = slice(start, start + BLOCK)
        first, second = whole[one[part]], whole[two[part]]
        values = []
        for transposed, across, down in TURNS.values():
            way = second.transpose(0, 2, 1) if transposed else second
            way = way * sign[None, :] if across else way
            way = way * sign[:, None] if down else way
            values.append((first * way).sum(axis=(1, 2)))
        similarity[part] = np.max(values, axis=0)
        turn[part] = np.argmax(values, axis=0)
    return Pairs(one, two, similarity, turn).where(similarity >= ALIKE)


class _Reduction:
    """The work of reducing (root, path) to a small gray copy, or to what is wrong with it."""

    @contextmanager
    def opened(self) -> Iterator[Callable[[int, tuple[Path, str]], Pictures | Problem]]:
        yield lambda _, place: _small_or_problem(*place)

    def failed(self, _: int, place: tuple[Path, str], what: str) -> Pictures | Problem:
        return Problem(what, "copy it again from the original", place[1])


def _small_or_problem(root: Path, path: str) -> Pictures | Problem:
    try:
        return gray_copy(read_photograph(Path(path), root, at_least=SIDE))
    except InputError as error:
        return error.problems[0]


def _grouped(manifests: Sequence[Manifest], pairs: Pairs) -> tuple[Manifest, ...]:
    """Set ``duplicate_group``: connected pairs, joined with the groups an archive gave."""
    total = sum(len(m) for m in manifests)
    parent = list(range(total))

    def find(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    given: dict[tuple[int, str], int] = {}
    start = 0
    for number, manifest in enumerate(manifests):
        for row, group in enumerate(manifest.column("duplicate_group"), start):
            if group and not group.startswith(OURS):
                parent[find(row)] = find(given.setdefault((number, group), row))
        start += len(manifest)
    for one, two in zip(pairs.one, pairs.two, strict=True):
        parent[find(int(two))] = find(int(one))
    roots = [find(node) for node in range(total)]
    names = _group_names(manifests, roots)
    cuts = np.cumsum([0, *(len(m) for m in manifests)])
    return tuple(
        m.with_column("duplicate_group", names[begin:end])
        for m, begin, end in zip(manifests, cuts[:-1], cuts[1:], strict=True)
    )


def _group_names(manifests: Sequence[Manifest], roots: list[int]) -> list[str]:
    """Return a name for each row's group from its smallest member; empty for a row alone."""
    members: dict[int, list[str]] = {}
    keys = [digest(m.path.stem, sample) for m in manifests for sample in m.column("sample_id")]
    for root, key in zip(roots, keys, strict=True):
        members.setdefault(root, []).append(key)
    names = {r: f"{OURS}{min(k)[:12]}" if len(k) > 1 else "" for r, k in members.items()}
    return [names[root] for root in roots]


def _table(manifests: Sequence[Manifest], pairs: Pairs) -> pd.DataFrame:
    rows = list(_described(manifests))
    turns = list(TURNS)
    table = []
    for i, j, value, way in zip(pairs.one, pairs.two, pairs.similarity, pairs.turn, strict=True):
        first, second = rows[i], rows[j]
        table.append(
            {
                **{f"{name}_1": first[name] for name in ("manifest", "line", "sample")},
                **{f"{name}_2": second[name] for name in ("manifest", "line", "sample")},
                "similarity": round(float(value), 4),
                "turn": turns[way],
                **{
                    f"same_{name}": _same(first[name], second[name])
                    for name in ("patient", "diagnosis", "split")
                },
            }
        )
    columns = "manifest_1 line_1 sample_1 manifest_2 line_2 sample_2 similarity turn"
    names = [*columns.split(), "same_patient", "same_diagnosis", "same_split"]
    return pd.DataFrame(table, columns=names)


def _described(manifests: Sequence[Manifest]) -> Iterator[dict[str, str]]:
    names = ("sample_id", "patient_id", "diagnosis", "split")
    for manifest in manifests:
        columns = zip(*(manifest.column(name) for name in names), strict=True)
        for line, row in zip(manifest.frame.index, columns, strict=True):
            sample, patient, diagnosis, split = row
            yield {
                "manifest": manifest.path.stem,
                "line": str(line),
                "sample": sample,
                # A patient id means nobody outside its own data set.
                "patient": f"{manifest.path.stem}:{patient}" if patient else "",
                "diagnosis": canonical(diagnosis),
                "split": split,
            }


def _same(one: str, two: str) -> str:
    return ("yes" if one == two else "no") if one and two else ""
