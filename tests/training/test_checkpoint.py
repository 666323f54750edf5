"""A checkpoint is whole or not there, is checked when it is read, and cannot hold code."""

from __future__ import annotations

import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from skinlab.tables.errors import InputError, RunError
from skinlab.tables.files import sha256
from skinlab.training import checkpoint

TREE = {
    "state_dict": {"weight": torch.arange(6.0).reshape(2, 3), "half": torch.ones(2).bfloat16()},
    "optimizer_states": [
        {"state": {0: {"step": torch.tensor(3.0)}}, "param_groups": [(0.9, 0.99)]}
    ],
    "loops": {"done": True, "none": None, "name": "日本語", "epoch": 4, "inf": float("inf")},
}
SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5)
TREES = st.dictionaries(
    st.text(max_size=5) | st.integers(0, 9),
    st.recursive(
        SCALARS | st.floats(allow_nan=False),
        lambda below: (
            st.lists(below, max_size=3)
            | st.dictionaries(st.text(max_size=3) | st.integers(0, 9), below, max_size=3)
            | st.tuples(below, below)
        ),
        max_leaves=8,
    ),
    max_size=4,
)


def test_what_is_saved_comes_back_with_its_types(tmp_path: Path) -> None:
    path = tmp_path / "epoch-0001.ckpt"
    checkpoint.save(TREE, path)
    found = checkpoint.load(path)
    assert torch.equal(found["state_dict"]["weight"], TREE["state_dict"]["weight"])  # type: ignore[index]
    assert found["state_dict"]["half"].dtype == torch.bfloat16
    assert found["optimizer_states"][0]["param_groups"] == [(0.9, 0.99)]
    assert found["optimizer_states"][0]["state"][0]["step"] == 3
    assert found["loops"] == TREE["loops"]


@given(TREES)
def test_any_tree_of_json_values_survives(
    tmp_path_factory: pytest.TempPathFactory, tree: dict[str, Any]
) -> None:
    path = tmp_path_factory.mktemp("tree") / "x.ckpt"
    checkpoint.save(tree, path)
    assert checkpoint.load(path) == tree


def test_an_object_with_code_is_refused_when_saving(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="cannot hold PosixPath"):
        checkpoint.save({"path": Path()}, tmp_path / "x.ckpt")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("harm", ["flip", "truncate", "zero", "no sum"])
def test_a_damaged_checkpoint_is_kept_aside_and_the_one_before_is_used(
    tmp_path: Path, harm: str
) -> None:
    for epoch in (1, 2):
        checkpoint.save({"epoch": epoch}, tmp_path / f"epoch-{epoch:04d}.ckpt")
    newest = tmp_path / "epoch-0002.ckpt"
    content = bytearray(newest.read_bytes())
    if harm == "flip":
        content[len(content) // 2] ^= 1
        newest.write_bytes(content)
    elif harm == "truncate":
        newest.write_bytes(content[: len(content) // 2])
    elif harm == "zero":
        newest.write_bytes(bytes(len(content)))
    else:
        newest.with_suffix(".ckpt.sha256").unlink()
    found, said = checkpoint.newest(tmp_path)
    assert found == tmp_path / "epoch-0001.ckpt"
    assert checkpoint.load(found)["epoch"] == 1
    assert "epoch-0002.ckpt is damaged" in said[0]
    assert (tmp_path / "epoch-0002.ckpt.bad").exists()


def test_the_newest_two_are_kept(tmp_path: Path) -> None:
    for epoch in range(4):
        checkpoint.save({"epoch": epoch}, tmp_path / f"epoch-{epoch:04d}.ckpt")
    checkpoint.prune(tmp_path)
    left = sorted(path.name for path in tmp_path.glob("*.ckpt"))
    assert left == ["epoch-0002.ckpt", "epoch-0003.ckpt"]
    assert len(list(tmp_path.glob("*.sha256"))) == 2


class _Bomb:
    def __reduce__(self) -> tuple[object, ...]:
        return (Path("pwned").touch, ())


def test_a_pickle_never_runs_whatever_it_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "epoch-0001.ckpt"
    path.write_bytes(pickle.dumps(_Bomb()))
    path.with_suffix(".ckpt.sha256").write_text(sha256(path))
    with pytest.raises(InputError, match="not a checkpoint of skinlab"):
        checkpoint.load(path)
    assert not (tmp_path / "pwned").exists()


def test_a_training_that_would_fill_the_disk_is_refused_before_its_first_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = torch.nn.Linear(255, 1024)  # 1 MiB: 2 resume points and 1 being written of 3 MiB each
    need = 12 * 2**20

    def free(space: int) -> None:
        monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=space))

    free(need)
    checkpoint.require_space(network, tmp_path)
    free(need - 1)
    with pytest.raises(RunError, match=r"disk full: checkpoints need 12\.0 MiB and 12\.0 MiB"):
        checkpoint.require_space(network, tmp_path)
