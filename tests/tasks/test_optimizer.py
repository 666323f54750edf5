from __future__ import annotations

import math

import pytest
import timm
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from skinlab.tasks.optimizer import build_optimizer, keep_layout, parameter_groups, warmup_cosine
from skinlab.tasks.spec import OptimSpec


@given(st.integers(0, 50), st.integers(1, 200))
def test_the_rate_rises_then_falls_and_never_leaves_its_range(warmup: int, total: int) -> None:
    factor = warmup_cosine(warmup, total)
    rates = [factor(step) for step in range(total + 1)]
    top = min(warmup, total)
    assert all(0 <= rate <= 1 for rate in rates)
    assert rates[:top] == sorted(rates[:top])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    if warmup < total:
        assert rates[top] == 1
        assert rates[total] == pytest.approx(0, abs=1e-12)


def test_the_decay_is_torchs_cosine() -> None:
    weight = nn.Parameter(torch.ones(1))
    reference = torch.optim.lr_scheduler.CosineAnnealingLR(torch.optim.SGD([weight], lr=1.0), 20)
    factor = warmup_cosine(0, 20)
    for step in range(20):
        assert factor(step) == pytest.approx(reference.get_last_lr()[0])
        reference.optimizer.step()
        reference.step()


def test_the_schedule_is_sized_by_the_trainers_steps() -> None:
    optim = OptimSpec(lr=0.5, warmup_epochs=1, epochs=4)
    built = build_optimizer(nn.Linear(2, 2), optim, 40)
    scheduler = built["lr_scheduler"]["scheduler"]  # type: ignore[index]
    rates = []
    for _ in range(40):
        rates.append(scheduler.get_last_lr()[0])
        built["optimizer"].step()
        scheduler.step()
    assert rates[0] == pytest.approx(0.05)
    assert rates[9] == pytest.approx(0.5)
    assert rates[-1] == pytest.approx(0.25 * (1 + math.cos(math.pi * 29 / 30)))
    assert built["lr_scheduler"]["interval"] == "step"  # type: ignore[index]


def test_the_schedule_can_be_stored_without_code() -> None:
    built = build_optimizer(nn.Linear(2, 2), OptimSpec(), 10)
    stored = built["lr_scheduler"]["scheduler"].state_dict()  # type: ignore[index]
    assert stored["lr_lambdas"] == [None, None]


def test_biases_norms_and_tokens_do_not_decay() -> None:
    network = nn.Module()
    network.backbone = timm.create_model("test_vit", num_classes=0)
    network.head = nn.Linear(64, 3)
    decayed, spared = parameter_groups(network, 0.1)
    names = {id(p): n for n, p in network.named_parameters()}
    spared_names = {names[id(p)] for p in spared["params"]}  # type: ignore[attr-defined]
    decayed_names = {names[id(p)] for p in decayed["params"]}  # type: ignore[attr-defined]
    assert (decayed["weight_decay"], spared["weight_decay"]) == (0.1, 0.0)
    assert {"backbone.pos_embed", "backbone.cls_token", "head.bias"} <= spared_names
    assert {"head.weight", "backbone.blocks.0.attn.qkv.weight"} <= decayed_names
    assert all("norm" not in name for name in decayed_names)
    assert spared_names | decayed_names == set(names.values())


def test_frozen_parameters_are_left_out() -> None:
    network = nn.Linear(2, 2)
    network.weight.requires_grad_(False)
    (group,) = parameter_groups(network, 0.1)
    assert group == {"params": [network.bias], "weight_decay": 0.0}


def test_moments_lie_as_their_parameters_and_keep_their_values() -> None:
    layer = nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(layer.parameters())
    layer(torch.randn(1, 3, 5, 5)).sum().backward()
    optimizer.step()
    state = optimizer.state[layer.weight]
    state["exp_avg"] = state["exp_avg"].contiguous()
    before = state["exp_avg"].clone()
    assert state["exp_avg"].stride() != layer.weight.stride()
    keep_layout(optimizer)
    assert state["exp_avg"].stride() == layer.weight.stride()
    assert torch.equal(state["exp_avg"], before)
