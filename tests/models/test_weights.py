from __future__ import annotations

import hashlib
import pickle
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
import torchvision  # type: ignore[import-untyped]
from safetensors.torch import save_file
from torch import Tensor, nn

from skinlab.models.weights import for_backbone, read_weights, seems_to_hold, unwrapped
from skinlab.tables.errors import InputError

WEIGHTS = Path(__file__).parents[3] / "shared" / "data" / "weights"
MOBILENET = WEIGHTS / "mobilenet_v2_imagenet_torchvision.npz"
SQUEEZENET = WEIGHTS / "squeezenet1_1_imagenet_torchvision.npz"
here = pytest.mark.skipif(not WEIGHTS.exists(), reason="needs ../shared/data/weights")


class Planted:
    """A pickle that leaves a file behind when somebody runs it."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (self.trace,))  # type: ignore[return-value]


def backbone(name: str = "test_resnet", **options: int) -> nn.Module:
    network: nn.Module = timm.create_model(name, num_classes=0, **options)  # type: ignore[arg-type]
    return network


def whole(name: str = "test_resnet", **options: int) -> dict[str, Tensor]:
    return dict(timm.create_model(name, num_classes=5, **options).state_dict())  # type: ignore[arg-type]


def test_every_kind_of_file_gives_the_same_tensors(tmp_path: Path) -> None:
    state = {"a.weight": torch.randn(3, 2), "a.bias": torch.randn(3)}
    save_file(state, tmp_path / "w.safetensors")
    torch.save(state, tmp_path / "w.pth")
    torch.save({"epoch": 3, "state_dict": state}, tmp_path / "wrapped.pt")
    np.savez(tmp_path / "w.npz", **{n: v.numpy() for n, v in state.items()})  # type: ignore[arg-type]
    for name in ("w.safetensors", "w.pth", "wrapped.pt", "w.npz"):
        read = read_weights(tmp_path / name)
        assert set(read) == set(state)
        assert all(torch.equal(read[key], state[key]) for key in state)


def test_half_precision_becomes_single_and_counters_stay_whole(tmp_path: Path) -> None:
    np.savez(tmp_path / "w.npz", w=np.full((2, 2), 0.5, np.float16), n=np.int64(7))
    read = read_weights(tmp_path / "w.npz")
    assert read["w"].dtype == torch.float32
    assert read["n"].dtype == torch.int64


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("ending", [".pth", ".pt"])
def test_a_pickle_with_code_is_refused_and_never_runs(
    tmp_path: Path, ending: str, zipped: bool
) -> None:
    path = tmp_path / f"w{ending}"
    torch.save({"a": Planted(tmp_path / "ran")}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(InputError, match="contains code, refused"):
        read_weights(path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("ending", [".pth", ".npz", ".safetensors"])
def test_a_plain_pickle_under_another_name_never_runs(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"w{ending}"
    path.write_bytes(pickle.dumps({"a": Planted(tmp_path / "ran")}))
    with pytest.raises(InputError, match=r"refused|damaged"):
        read_weights(path)
    assert not (tmp_path / "ran").exists()


def test_a_whole_pickled_network_and_objects_in_npz_are_refused(tmp_path: Path) -> None:
    torch.save(nn.Linear(2, 2), tmp_path / "w.pth")
    np.savez(tmp_path / "w.npz", w=np.array([Planted(tmp_path / "ran")], dtype=object))
    for name in ("w.pth", "w.npz"):
        with pytest.raises(InputError, match="contains code, refused"):
            read_weights(tmp_path / name)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("ending", [".safetensors", ".pth", ".npz"])
@pytest.mark.parametrize("damage", ["empty", "half", "html", "zeros"])
def test_a_damaged_file_is_named_in_one_line(tmp_path: Path, ending: str, damage: str) -> None:
    path = tmp_path / f"w{ending}"
    state = {"a": torch.randn(50, 50)}
    if ending == ".safetensors":
        save_file(state, path)
    elif ending == ".pth":
        torch.save(state, path)
    else:
        np.savez(path, a=state["a"].numpy())
    good = path.read_bytes()
    start = 8 + int.from_bytes(good[:8], "little") if ending == ".safetensors" else 100
    bad = {
        "empty": b"",
        "half": good[: len(good) // 2],
        "html": b"<html>404 not found</html>",
        "zeros": good[:start] + bytes(len(good) - start),
    }
    path.write_bytes(bad[damage])
    with pytest.raises(InputError) as caught:
        read_weights(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        "http://x.org/w.pth",
        "https://x.org/w.npz",
        "s3://b/w.safetensors",
        "hf-hub:a/b",
        "file:w.pth",
    ],
)
def test_a_remote_address_is_refused(address: str) -> None:
    with pytest.raises(InputError, match="is not a local file"):
        read_weights(Path(address))


def test_what_is_not_a_file_of_weights_is_refused(tmp_path: Path) -> None:
    (tmp_path / "w.ckpt").write_bytes(b"x")
    for path in (tmp_path, tmp_path / "missing.pth", tmp_path / "w.ckpt", Path("/dev/zero")):
        with pytest.raises(InputError):
            read_weights(path)
    torch.save([torch.ones(2)], tmp_path / "list.pth")
    with pytest.raises(InputError, match="holds a list, not named tensors"):
        read_weights(tmp_path / "list.pth")


def test_a_zip_that_claims_more_than_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.savez_compressed(tmp_path / "w.npz", a=np.zeros(100_000))
    monkeypatch.setattr("skinlab.models.weights.BIGGEST", 700_000)
    with pytest.raises(InputError, match="unpacks to"):
        read_weights(tmp_path / "w.npz")


def test_a_flipped_bit_is_found_by_the_checksum_beside_the_file(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_file({"a": torch.ones(50)}, path)
    sidecar = tmp_path / "w.safetensors.sha256"
    sidecar.write_text(hashlib.sha256(path.read_bytes()).hexdigest() + "\n")
    read_weights(path)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="SHA-256 differs"):
        read_weights(path)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(tmp_path: Path, bad: float) -> None:
    save_file({"good": torch.ones(2), "bad": torch.tensor([1.0, bad])}, tmp_path / "w.safetensors")
    with pytest.raises(InputError, match="NaN or infinity in bad"):
        read_weights(tmp_path / "w.safetensors")


def test_prefixes_of_wrappers_are_stripped_only_when_all_share_them() -> None:
    x = torch.ones(1)
    assert set(unwrapped({"module.model.a": x, "module.model.b": x})) == {"a", "b"}
    assert set(unwrapped({"model.a": x, "b": x})) == {"model.a", "b"}
    assert unwrapped({}) == {}


@pytest.mark.parametrize("name", ["test_resnet", "test_convnext", "test_vit", "test_efficientnet"])
def test_timms_own_weights_fit_and_the_classifier_comes_apart(name: str) -> None:
    state = whole(name)
    body, classifier = for_backbone(state, backbone(name), Path("w.pth"))
    assert classifier["weight"].shape[0] == 5
    missing = set(backbone(name).state_dict()) - set(body)
    assert not missing
    assert len(body) + len(classifier) == len(state)


def test_position_embeddings_follow_the_image_size() -> None:
    body, _ = for_backbone(whole("test_vit"), backbone("test_vit", img_size=64), Path("w.pth"))
    assert body["pos_embed"].shape == (1, 17, 64)


def test_torchvisions_resnet_is_timms() -> None:
    net = torchvision.models.resnet18(weights=None)
    body, classifier = for_backbone(dict(net.state_dict()), backbone("resnet18"), Path("r.pth"))
    assert classifier["weight"].shape == (1000, 512)
    assert torch.equal(body["layer4.1.conv2.weight"], net.layer4[1].conv2.weight)


def test_another_network_is_refused_by_its_first_tensors() -> None:
    with pytest.raises(InputError) as caught:
        for_backbone(whole("test_vit"), backbone("test_resnet"), Path("w.pth"))
    message = str(caught.value)
    assert "does not fit test_resnet" in message
    assert "missing (conv1.0.weight" in message
    assert "unexpected (cls_token" in message
    assert "a vision transformer" in message


def test_one_tensor_missing_or_of_another_shape_is_refused() -> None:
    state = whole()
    del state["layer2.0.conv1.weight"]
    with pytest.raises(InputError, match=r"1 tensor\(s\) missing \(layer2.0.conv1.weight\)"):
        for_backbone(state, backbone(), Path("w.pth"))
    state = whole() | {"layer2.0.conv1.weight": torch.ones(2)}
    with pytest.raises(InputError, match=r"of another shape \(layer2.0.conv1.weight is \(2,\)"):
        for_backbone(state, backbone(), Path("w.pth"))


def test_torchvisions_mobilenet_v2_gives_the_same_logits_in_timm() -> None:
    """Random weights and statistics, so that no two tensors can be swapped unnoticed."""
    torch.manual_seed(0)
    theirs = torchvision.models.mobilenet_v2(weights=None).eval()
    for name, value in theirs.state_dict().items():
        if name.endswith(("running_mean", "bias")):
            value.normal_(0, 0.1)
        elif name.endswith("running_var") or value.dim() == 1:
            value.uniform_(0.5, 1.5)
    assert_same_logits(theirs, dict(theirs.state_dict()))


@here
def test_the_imagenet_file_gives_torchvisions_logits_in_timm() -> None:
    theirs = torchvision.models.mobilenet_v2(weights=None).eval()
    state = read_weights(MOBILENET)
    result = theirs.load_state_dict(state, strict=False)
    assert all(name.endswith("num_batches_tracked") for name in result.missing_keys)
    assert_same_logits(theirs, state)


def assert_same_logits(theirs: nn.Module, state: dict[str, Tensor]) -> None:
    ours = timm.create_model("mobilenetv2_100", num_classes=1000).eval()
    body, classifier = for_backbone(state, backbone("mobilenetv2_100"), MOBILENET)
    renamed = {f"classifier.{name}": value for name, value in classifier.items()}
    result = ours.load_state_dict(body | renamed, strict=False)
    assert all(name.endswith("num_batches_tracked") for name in result.missing_keys)
    assert not result.unexpected_keys
    image = torch.randn(2, 3, 96, 96, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected = theirs(image)
        assert expected.std() > 0.01
        torch.testing.assert_close(ours(image), expected, atol=1e-4, rtol=1e-4)


@here
def test_squeezenet_is_refused_by_its_name() -> None:
    state = read_weights(SQUEEZENET)
    assert "SqueezeNet 1.1" in seems_to_hold(state)
    with pytest.raises(InputError, match=r"SqueezeNet 1.1 \(not in timm\)"):
        for_backbone(state, backbone("mobilenetv2_100"), SQUEEZENET)


@here
def test_mobilenet_v2_of_another_width_is_refused() -> None:
    with pytest.raises(InputError, match="torchvision's MobileNetV2"):
        for_backbone(read_weights(MOBILENET), backbone("mobilenetv2_050"), MOBILENET)
