"""A typo in a configuration is named with its line and the key that was meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from skinlab import config
from skinlab.config import FitConfig, SweepConfig, load
from skinlab.tables.errors import InputError

MINIMAL = "name: a\ndata:\n  manifest: m.csv\n  labels: l.yaml\n"


def _write(folder: Path, text: str) -> Path:
    path = folder / "設定.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_defaults_fill_what_is_not_said(tmp_path: Path) -> None:
    found = load(FitConfig, _write(tmp_path, MINIMAL))
    assert found.optim.epochs == 10
    assert found.seeds == (0,)


def test_an_override_wins_over_the_file(tmp_path: Path) -> None:
    path = _write(tmp_path, MINIMAL)
    found = load(FitConfig, path, ["--optim.lr=0.5", "--seeds=[1, 2]", "--data.root=山田/写真"])
    assert (found.optim.lr, found.seeds, found.data.root) == (0.5, (1, 2), "山田/写真")


def test_all_unknown_keys_are_named_with_line_and_nearest(tmp_path: Path) -> None:
    text = MINIMAL + "  bach_size: 3\noptim:\n  learning: 1\nagument: {}\n"
    with pytest.raises(InputError) as caught:
        load(FitConfig, _write(tmp_path, text))
    lines = str(caught.value).splitlines()
    assert "line 5: unknown key 'data.bach_size'; did you mean 'data.batch_size'?" in lines[0]
    assert "line 7: unknown key 'optim.learning'" in lines[1]
    assert "line 8: unknown key 'agument'; did you mean 'augment'?" in lines[2]


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("--optim.lrr=1", "did you mean 'optim.lr'?"),
        ("--lr=1", "did you mean 'optim.lr'?"),
        ("--optim.lr=fast", "optim.lr"),
        ("--augment.blur=4", "use 0 or an odd number"),
        ("--data.level=diag", "fine"),
        ("--name=a/b", "one folder name"),
        ("--name=..", "one folder name"),
        ("--seeds=[]", "at least one"),
        ("optim.lr=1", "write --dotted.name=value"),
    ],
)
def test_a_bad_override_is_refused_in_one_line(tmp_path: Path, override: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        load(FitConfig, _write(tmp_path, MINIMAL), [override])
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_broken_yaml_names_its_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"line 2: is not YAML"):
        load(FitConfig, _write(tmp_path, "name: a\n  data: [\n"))


def test_a_dumped_configuration_is_read_back_equal(tmp_path: Path) -> None:
    first = load(FitConfig, _write(tmp_path, MINIMAL), ["--augment.hue=0.02"])
    assert load(FitConfig, _write(tmp_path, config.dump(first))) == first


def test_the_fingerprint_sees_every_field_but_those_left_out(tmp_path: Path) -> None:
    path = _write(tmp_path, MINIMAL)
    first, other = load(FitConfig, path), load(FitConfig, path, ["--data.workers=2"])
    assert config.fingerprint(first) != config.fingerprint(other)
    assert config.fingerprint(first, "data.workers") == config.fingerprint(other, "data.workers")
    assert config.differences(config.flat(first), config.flat(other)) == ["data.workers: 0 -> 2"]


def test_a_factor_is_a_list_or_a_range(tmp_path: Path) -> None:
    text = "name: s\nfit: f.yaml\nspace:\n  optim.lr: {low: 0.001, high: 0.1, log: true}\n"
    found = load(SweepConfig, _write(tmp_path, text))
    assert found.space["optim.lr"].high == 0.1
    with pytest.raises(InputError, match="either"):
        load(SweepConfig, _write(tmp_path, text.replace("high: 0.1", "high: 0.0001")))
