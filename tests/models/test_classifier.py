from __future__ import annotations

import logging
import socket
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from skinlab.models.classifier import Classifier, build_classifier
from skinlab.models.spec import ModelSpec
from skinlab.tables.errors import InputError

TINY = ModelSpec("test_resnet")
MOBILENET = Path(__file__).parents[3] / "shared/data/weights/mobilenet_v2_imagenet_torchvision.npz"


def built(spec: ModelSpec = TINY, n_classes: int = 4, image_size: int = 48) -> Classifier:
    torch.manual_seed(0)
    return build_classifier(spec, n_classes, image_size)


def images(n: int = 2, side: int = 48) -> torch.Tensor:
    return torch.rand(n, 3, side, side, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize(
    "name", ["test_resnet", "test_vit", "test_convnext", "mobilenetv3_small_050"]
)
def test_every_family_gives_a_logit_a_class_at_any_size(name: str) -> None:
    network = built(ModelSpec(name), 7, 64)
    assert network(images(3, 64)).shape == (3, 7)
    assert network.features(images(3, 64)).shape == (3, network.head.in_features)


def test_the_network_is_timms_fed_with_normalized_pixels() -> None:
    network = built().eval()
    config = timm.get_pretrained_cfg("test_resnet")
    assert config is not None
    mean = torch.tensor(config.mean).view(3, 1, 1)
    std = torch.tensor(config.std).view(3, 1, 1)
    reference = timm.create_model("test_resnet", num_classes=0).eval()
    reference.load_state_dict(network.backbone.state_dict())
    with torch.inference_mode():
        expected = network.head(reference((images() - mean) / std))
        torch.testing.assert_close(network(images()), expected, atol=1e-5, rtol=1e-5)


def test_normalization_travels_with_the_weights() -> None:
    state = built(ModelSpec("mobilenetv2_100")).state_dict()
    assert state["mean"].flatten().tolist() == pytest.approx([0.485, 0.456, 0.406])
    assert state["std"].flatten().tolist() == pytest.approx([0.229, 0.224, 0.225])


def test_bytes_are_refused() -> None:
    with pytest.raises(TypeError, match=r"RGB in \[0, 1\]"):
        built()((images() * 255).to(torch.uint8))


def test_an_unknown_backbone_is_refused_with_the_nearest_names() -> None:
    with pytest.raises(
        InputError, match=r"'resnt18' is not a network of timm; did you mean.*resnet18"
    ):
        built(ModelSpec("resnt18"))


@pytest.mark.parametrize(
    "name", ["hf-hub:a/b", "local-dir:/tmp", "https://x.org/net", "resnet18.nope"]
)
def test_a_backbone_that_is_an_address_or_no_published_tag_is_refused(name: str) -> None:
    with pytest.raises(InputError):
        built(ModelSpec(name))


def test_a_size_the_backbone_cannot_see_is_refused() -> None:
    with pytest.raises(InputError, match="use another"):
        built(ModelSpec("test_vit"), 3, 8)


def test_none_and_a_local_file_ask_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        pytest.fail("the network was asked")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    network = built()
    save_file(
        {k: v.contiguous() for k, v in network.state_dict().items()}, tmp_path / "w.safetensors"
    )
    built(replace(TINY, weights=str(tmp_path / "w.safetensors")))


def test_a_missing_file_never_becomes_random_weights(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        built(replace(TINY, weights=str(tmp_path / "w.safetensors")))


def test_timms_weights_are_loaded_and_a_head_of_other_classes_is_dropped_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    theirs = timm.create_model("test_resnet", num_classes=9)
    torch.save(theirs.state_dict(), tmp_path / "w.pth")
    spec = replace(TINY, weights=str(tmp_path / "w.pth"))
    with caplog.at_level(logging.INFO, "skinlab"):
        ours = built(spec, 4)
    assert "w.pth: head of 9 classes dropped for 4" in caplog.text
    assert str(tmp_path) not in caplog.text
    for name, value in ours.backbone.state_dict().items():
        assert torch.equal(value, theirs.state_dict()[name])


def test_a_head_of_as_many_classes_is_kept(tmp_path: Path) -> None:
    theirs = timm.create_model("test_resnet", num_classes=4).eval()
    torch.save(theirs.state_dict(), tmp_path / "w.pth")
    ours = built(replace(TINY, weights=str(tmp_path / "w.pth")), 4).eval()
    normalized = (images() - ours.mean) / ours.std
    with torch.inference_mode():
        torch.testing.assert_close(ours(images()), theirs(normalized), atol=1e-5, rtol=1e-5)


def test_weights_of_an_earlier_run_start_a_new_one(tmp_path: Path) -> None:
    earlier = built(n_classes=4)
    state = {k: v.contiguous() for k, v in earlier.state_dict().items()}
    save_file(state, tmp_path / "weights.safetensors")
    spec = replace(TINY, weights=str(tmp_path / "weights.safetensors"))
    torch.manual_seed(5)
    same = build_classifier(spec, 4, 48).eval()
    torch.testing.assert_close(same(images()), earlier.eval()(images()), atol=0, rtol=0)
    assert build_classifier(spec, 6, 48).head.out_features == 6


@pytest.mark.skipif(not MOBILENET.exists(), reason="needs ../shared/data/weights")
def test_the_imagenet_mobilenet_of_torchvision_starts_timms() -> None:
    network = built(ModelSpec("mobilenetv2_100", str(MOBILENET)), 6)
    with np.load(MOBILENET) as arrays:
        first = torch.from_numpy(arrays["features.0.0.weight"]).float()
        last = torch.from_numpy(arrays["features.18.1.running_var"])
    state = network.backbone.state_dict()
    assert torch.equal(state["conv_stem.weight"], first)
    assert torch.equal(state["bn2.running_var"], last)
    assert network.head.out_features == 6


def test_frozen_batch_norm_keeps_its_statistics_but_learns_scale_and_shift() -> None:
    network = built(replace(TINY, freeze_batch_norm=True, dropout=0.0)).train()
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    before = [(m.running_mean.clone(), m.running_var.clone()) for m in norms]  # type: ignore[union-attr]
    network(images(4)).square().mean().backward()
    assert norms
    for norm, (mean, variance) in zip(norms, before, strict=True):
        assert norm.running_mean is not None
        assert norm.running_var is not None
        assert torch.equal(norm.running_mean, mean)
        assert torch.equal(norm.running_var, variance)
        assert norm.weight.grad is not None
    assert network.head.training
    together = network(images(4))[:1]
    torch.testing.assert_close(network(images(4)[:1]), together, atol=1e-5, rtol=1e-5)


def test_free_batch_norm_follows_the_batch() -> None:
    network = built().train()
    first = next(m for m in network.modules() if isinstance(m, nn.BatchNorm2d))
    assert first.running_mean is not None
    before = first.running_mean.clone()
    network(images(4))
    assert not torch.equal(first.running_mean, before)


def test_dropout_acts_in_training_only() -> None:
    network = built(replace(TINY, dropout=0.5, freeze_batch_norm=True)).train()
    assert not torch.equal(network(images()), network(images()))
    network.eval()
    assert torch.equal(network(images()), network(images()))


def test_finding_the_number_of_features_leaves_the_statistics_alone() -> None:
    first = next(m for m in built().modules() if isinstance(m, nn.BatchNorm2d))
    assert first.running_mean is not None
    assert not first.running_mean.any()
    assert first.training
