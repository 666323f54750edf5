from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold

from skinlab.data.split import assign, safety_note, shared, split, split_table
from skinlab.sources import pad_ufes_20
from skinlab.tables.errors import InputError
from skinlab.tables.manifest import Manifest

REAL = Path(__file__).parents[3] / "shared" / "data" / "pad_ufes_20"


def manifest(rows: list[dict[str, str]]) -> Manifest:
    frame = pd.DataFrame(rows, dtype=object).fillna("")
    frame.index = pd.Index(range(2, len(frame) + 2))
    return Manifest(frame, Path("m.csv"), Path())


def row(number: int, patient: str, diagnosis: str, **more: str) -> dict[str, str]:
    cells = {"sample_id": f"s{number}", "image_path": f"{number}.png", "patient_id": patient}
    return {**cells, "diagnosis": diagnosis, "split": "", **more}


def clinic(patients: int, seed: int) -> Manifest:
    """Patients with one to six photographs of one or two of four diagnoses, one of them rare."""
    rng = np.random.default_rng(seed)
    rows: list[dict[str, str]] = []
    for patient in range(patients):
        own = rng.choice(["a", "b", "c", "rare"], size=2, p=[0.5, 0.25, 0.2, 0.05])
        if patient < 12:
            own[:] = "rare"
        for _ in range(rng.integers(1, 7)):
            rows.append(row(len(rows), f"P{patient}", str(rng.choice(own))))
    return manifest(rows)


def places(made: Manifest, key: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for value, name in zip(made.column(key), made.column("split"), strict=True):
        found[value].add(name)
    return found


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), patients=st.integers(60, 120), folds=st.sampled_from([0, 3, 5]))
def test_a_patient_is_never_in_two_splits(seed: int, patients: int, folds: int) -> None:
    made = split(clinic(patients, seed), folds=folds, seed=seed)
    assert all(len(names) == 1 for names in places(made, "patient_id").values())
    assert not list(made.problems())
    assert set(shared(made).values()) == {0}


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_the_order_of_the_rows_does_not_matter(seed: int) -> None:
    data = clinic(60, seed)
    shuffled = data.where(np.random.default_rng(seed).permutation(len(data)))
    made, other = split(data, seed=seed), split(shuffled, seed=seed)
    by_sample = dict(zip(other.column("sample_id"), other.column("split"), strict=True))
    assert [by_sample[s] for s in made.column("sample_id")] == made.column("split")


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_every_class_comes_close_to_its_shares(seed: int) -> None:
    table = split_table(split(clinic(120, seed)))
    wanted = {"train": 0.7, "val": 0.15, "test": 0.15}
    for name, share in wanted.items():
        for _, line in table[table["split"] == name].iterrows():
            # Half of the largest patient (six photographs) is what cannot be avoided.
            total = line["images"] / line["share"]
            assert abs(line["images"] - share * total) <= max(0.06 * total, 4)


def test_folds_deviate_no_more_than_those_of_scikit_learn() -> None:
    ours: list[float] = []
    theirs: list[float] = []
    for seed in range(8):
        data = clinic(150, seed)
        y, groups = np.array(data.column("diagnosis")), np.array(data.groups)
        made = np.array(split(data, folds=5, seed=seed).column("split"), dtype=int)
        sklearn = np.zeros(len(y), dtype=int)
        folds = StratifiedGroupKFold(5, shuffle=True, random_state=seed).split(y, y, groups)
        for number, (_, test) in enumerate(folds):
            sklearn[test] = number
        for result, fold in ((ours, made), (theirs, sklearn)):
            counts = pd.crosstab(fold, y).to_numpy()
            shares = counts / counts.sum(axis=0)
            result.append(float(np.abs(shares - 0.2).mean()))
    assert np.mean(ours) <= np.mean(theirs)


def test_another_seed_is_another_split() -> None:
    data = clinic(80, 1)
    assert split(data, seed=0).column("split") == split(data, seed=0).column("split")
    assert split(data, seed=0).column("split") != split(data, seed=1).column("split")


def test_a_near_duplicate_joins_two_patients() -> None:
    rows = [row(i, f"P{i}", "ab"[i % 2]) for i in range(40)]
    rows[0]["duplicate_group"] = rows[7]["duplicate_group"] = "dup_1"
    made = split(manifest(rows))
    assert len(places(made, "duplicate_group")["dup_1"]) == 1


def test_without_patients_lesions_stay_together_and_it_is_said() -> None:
    rows = [row(i, "", "ab"[i % 2], lesion_id=f"L{i // 4}{i % 2}") for i in range(80)]
    made = split(manifest(rows))
    assert all(len(names) == 1 for names in places(made, "lesion_id").values())
    assert "kept together by lesion" in str(safety_note(made))
    assert safety_note(clinic(20, 0)) is None


@pytest.mark.parametrize("folds", [0, 3])
def test_a_class_with_as_few_patients_as_splits_is_in_each(folds: int) -> None:
    rows = [row(i, f"P{i}", "rare" if i < 3 else "common") for i in range(60)]
    made = split(manifest(rows), folds=folds)
    assert len(places(made, "diagnosis")["rare"]) == 3


def test_classes_with_fewer_groups_than_splits_are_all_named() -> None:
    rows = [row(i, f"P{i}", "common") for i in range(30)]
    rows += [row(30 + i, "PX", "x") for i in range(9)]
    rows += [row(50 + i, f"PY{i}", "y") for i in range(2)]
    with pytest.raises(InputError) as caught:
        split(manifest(rows))
    assert [problem.what for problem in caught.value.problems] == [
        "class 'x' has 1 patient(s) for 3 splits",
        "class 'y' has 2 patient(s) for 3 splits",
    ]


def test_folds_can_stand_beside_a_test_split() -> None:
    made = split(clinic(150, 3), folds=4, test=0.2)
    shares = pd.Series(made.column("split")).value_counts(normalize=True)
    assert set(shares.index) == {"0", "1", "2", "3", "test"}
    assert np.allclose(shares, 0.2, atol=0.02)


@pytest.mark.parametrize("fractions", [(0.7, 0.3), (0.5, 0.5, 0.5), (0, 0.5, 0.5), (1.2, 0, -0.2)])
def test_shares_that_are_none_are_refused(fractions: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="sum to 1"):
        split(clinic(20, 0), fractions=fractions)


@pytest.mark.parametrize(("folds", "test"), [(1, 0.0), (2, 0.0), (5, 1.0), (5, -0.1)])
def test_folds_that_cannot_be_are_refused(folds: int, test: float) -> None:
    with pytest.raises(InputError, match="3 folds or more"):
        split(clinic(20, 0), folds=folds, test=test)


def test_the_table_counts_everybody_once() -> None:
    table = split_table(split(clinic(90, 5)))
    rows = table[table["class"] == "all"].set_index("split")
    parts = rows.drop(index="all")
    for column in ("patients", "groups", "images"):
        assert parts[column].sum() == rows.loc["all", column]
    assert rows.loc["all", "patients"] == 90


def test_groups_are_spread_as_evenly_as_their_sizes_allow() -> None:
    chosen = assign(np.ones((100, 1)), (0.5, 0.3, 0.2))
    assert np.bincount(chosen).tolist() == [50, 30, 20]


@pytest.mark.skipif(not REAL.is_dir(), reason="needs ../shared/data/pad_ufes_20")
def test_the_real_patients_are_split_to_within_two_percent() -> None:
    table = split_table(split(pad_ufes_20.read(REAL)))
    train = table[table["split"] == "train"]
    assert (train["share"] - 0.7).abs().max() < 0.02


def test_bad_rows_are_refused_but_not_a_leak_that_the_new_split_mends() -> None:
    rows = [row(i, f"P{i // 2}", "ab"[i // 2 % 2]) for i in range(40)]
    leaking = [{**r, "split": ("train", "val")[i % 2]} for i, r in enumerate(rows)]
    assert set(shared(split(manifest(leaking))).values()) == {0}
    with pytest.raises(InputError, match="sample_id 's0' stands in line 2 too"):
        split(manifest([*rows, row(0, "P99", "a")]))
