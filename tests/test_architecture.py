"""The layer table of the design, read from the source: who may import whom, and who torch."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "skinlab"
TORCH = {"torch", "torchvision", "lightning", "kornia", "timm", "torchmetrics"}
LONGEST = 400

# A layer may import itself and these (a layer, or one module of it).
# Six lines are wider than the design's first table:
# - reporting stands between stats and figures: what a paper must report, without how it looks;
# - models speaks InputError, so that a bad file of weights is one line for the user;
# - inference rebuilds a stored network, so it needs models;
# - training ends with the evaluation and the report of what it trained (a command that trains
#   leaves a complete run folder), so it needs models, inference, stats and figures;
# - config reads files through tables;
# - doctor and forget stand beside workspace: they look at this machine's folders and nothing else,
#   and training names each run's list of patients as forget will look for it.
MAY_IMPORT: dict[str, set[str]] = {
    "tables": set(),
    "preprocess": {"tables"},
    "workspace": {"tables"},
    "sources": {"tables"},
    "stats": {"tables"},
    "augment": set(),
    "models": {"tables.errors", "tables.files"},
    "data": {"tables", "preprocess", "augment"},
    "reporting": {"tables", "stats", "workspace", "config"},
    "figures": {"tables", "stats", "workspace", "reporting"},
    "tasks": {"tables", "data.batch", "models"},
    "config": {"tables"},
    "training": {
        *("config", "workspace", "data", "tasks", "tables"),
        *("models", "inference", "stats", "figures", "forget"),
    },
    "inference": {"tables", "workspace", "config", "data", "tasks", "models"},
    "studies": {
        *("tables", "preprocess", "workspace", "sources", "stats", "augment", "models", "data"),
        *("tasks", "config", "training", "inference"),
    },
    "doctor": {"tables", "config", "workspace"},
    "forget": {"tables", "workspace"},
}
# What these import at their top; a verb's function may load anything.
LAZY: dict[str, set[str]] = {
    "cli": {"tables.errors", "verbs"},
    "verbs": {"config", "workspace", "tables", "stats"},  # of stats the names of types only
    "__main__": {"cli"},
}
NO_TORCH = (
    "tables",
    "preprocess",
    "workspace",
    "sources",
    "stats",
    "figures",
    "config",
    "reporting",
)
STARTS_FAST = (
    "cli",
    "doctor",
    "forget",
    "verbs",
)  # may load torch inside a function, not at import
NO_TORCH_MODULES = ("data.check", "data.split", "data.duplicates")
ONE_SERVICE_ONE_FILE = {"mlflow": ("training", "tracking"), "optuna": ("training", "sweep")}
UNTESTED = {
    "__main__": "one call of cli.main",
    "data.batch": "a named tuple without behavior",
}


def name_of(path: Path) -> str:
    """`skinlab/data/check.py` -> `data.check`; a package is named by its folder."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}
MODULES = {name: path for name, path in SOURCES.items() if path.name != "__init__.py"}


def imports(path: Path, inside_functions: bool = True) -> Iterator[tuple[int, str]]:
    """Yield line and full name of each import, with what is taken from it (`a.b` and `a.b.c`).

    Imports that only a type checker sees count too: they are knowledge all the same.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    lazy = {
        inner
        for outer in ast.walk(tree)
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(outer)
    }
    for node in ast.walk(tree):
        if node in lazy and not inside_functions:
            continue
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                raise AssertionError(f"{path} line {node.lineno}: relative import")
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def within(module: str, allowed: set[str]) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in allowed)


def layer(module: str) -> str:
    return module.split(".", 1)[0]


def forbidden(module: str, path: Path) -> Iterator[str]:
    own = layer(module)
    allowed = LAZY.get(own, MAY_IMPORT.get(own, set())) | {own}
    for line, name in imports(path, inside_functions=own not in LAZY):
        if not name.startswith("skinlab."):
            continue
        target = name.removeprefix("skinlab.")
        spec_for_config = own == "config" and ".spec" in target
        if target == "__version__" or spec_for_config or within(target, allowed):
            continue
        if target in allowed or any(a.startswith(f"{target}.") for a in allowed - {own}):
            continue  # `from skinlab.data import batch` arrives as data.batch as well
        yield f"{path.relative_to(ROOT)} line {line}: {own} may not import skinlab.{target}"


def test_every_layer_is_in_the_table() -> None:
    unknown = {layer(name) for name in SOURCES if name} - set(MAY_IMPORT) - set(LAZY)
    assert not unknown, f"say in MAY_IMPORT what these may import: {sorted(unknown)}"


def test_layers_import_only_what_stands_below_them() -> None:
    found = [problem for name, path in SOURCES.items() for problem in forbidden(name, path)]
    assert not found, "\n".join(found)


def test_the_table_has_no_circle() -> None:
    above = {name: {layer(n) for n in allowed} for name, allowed in MAY_IMPORT.items()}
    while above:
        free = [name for name, needs in above.items() if not needs & set(above)]
        assert free, f"these import each other: {sorted(above)}"
        for name in free:
            above.pop(name)


def test_a_forbidden_import_would_be_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    path = tmp_path / "box.py"
    path.write_text("def lazily():\n    from skinlab.data import batch\nimport skinlab.stats.roc\n")
    assert len(list(forbidden("tables.box", path))) == 2
    assert len(list(forbidden("inference.box", path))) == 1
    assert not list(forbidden("studies.box", path))
    assert len(list(forbidden("cli", path))) == 1


def test_layers_left_and_right_of_the_model_do_not_name_torch() -> None:
    found = [
        f"{path.relative_to(ROOT)} line {line}: imports {name}"
        for module, path in SOURCES.items()
        if layer(module) in NO_TORCH or module in NO_TORCH_MODULES or module.endswith(".spec")
        for line, name in imports(path)
        if layer(name) in TORCH
    ]
    assert not found, "\n".join(found)


def loaded_by(modules: list[str]) -> tuple[set[str], str]:
    """Import modules in a fresh interpreter where a warning is an error."""
    code = (
        "import importlib, sys\n"
        f"for name in {modules!r}:\n"
        "    importlib.import_module(name)\n"
        "print(*{name.split('.')[0] for name in sys.modules})\n"
    )
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    return set(done.stdout.split()), done.stderr


def test_layers_left_and_right_of_the_model_load_no_torch_and_warn_of_nothing() -> None:
    modules = [
        f"skinlab.{name}"
        for name in MODULES
        if layer(name) in (*NO_TORCH, *STARTS_FAST)
        or name in NO_TORCH_MODULES
        or name.endswith(".spec")
    ]
    loaded, error = loaded_by(modules)
    assert "skinlab" in loaded, error
    assert not loaded & (TORCH | {"mlflow", "optuna"})


def test_every_module_can_be_imported_without_a_warning() -> None:
    loaded, error = loaded_by([f"skinlab.{name}" for name in MODULES if name != "__main__"])
    assert "skinlab" in loaded, error


def test_one_outside_service_is_known_to_one_file() -> None:
    found = []
    for module, path in SOURCES.items():
        for line, name in imports(path):
            folder, stem = ONE_SERVICE_ONE_FILE.get(layer(name), ("", ""))
            inside = module == f"{folder}.{stem}" or (
                stem == "sweep" and module.startswith(f"{folder}.{stem}")
            )
            if stem and not inside:
                found.append(f"{path.relative_to(ROOT)} line {line}: imports {name}")
    assert not found, "\n".join(found)


def test_there_is_no_drawer_for_everything() -> None:
    drawers = {"utils", "util", "helpers", "misc", "common", "core"}
    found = [name for name in SOURCES if drawers & set(name.split("."))]
    assert not found, found


def test_packages_hold_nothing_but_their_docstring() -> None:
    for path in PACKAGE.rglob("__init__.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert ast.get_docstring(tree), f"{path} does not say what it is"
        allowed = 2 if path.parent == PACKAGE else 1  # the version stands in the root
        assert len(tree.body) <= allowed, f"{path} holds code"


def test_every_module_says_what_becomes_what_and_is_short() -> None:
    found = []
    for path in MODULES.values():
        text = path.read_text(encoding="utf-8")
        if not ast.get_docstring(ast.parse(text)):
            found.append(f"{path.relative_to(ROOT)} has no docstring")
        if (lines := text.count("\n")) > LONGEST:
            found.append(f"{path.relative_to(ROOT)} has {lines} lines, more than {LONGEST}")
    assert not found, "\n".join(found)


def test_every_module_has_its_test_file() -> None:
    there = {
        path.relative_to(ROOT / "tests").with_suffix("").as_posix()
        for path in (ROOT / "tests").rglob("test_*.py")
    }
    missing = []
    for name in MODULES.keys() - UNTESTED.keys():
        *folders, stem = name.split(".")
        place = "/".join(folders)
        names = ["_".join([*folders[start:], stem]) for start in range(len(folders) + 1)]
        wanted = [f"{place}/test_{n}" if place else f"test_{n}" for n in names]
        if not there & set(wanted):
            alone = [other.split(".")[-1] for other in MODULES].count(stem) == 1
            write = wanted[-1] if alone else wanted[0]  # names of test files are unique
            missing.append(f"skinlab/{name.replace('.', '/')}.py: write tests/{write}.py")
    assert not missing, "\n".join(sorted(missing))


def test_test_files_have_names_of_their_own() -> None:
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert not {name for name in names if names.count(name) > 1}


def test_exceptions_are_still_needed() -> None:
    assert UNTESTED.keys() <= MODULES.keys() | {"__main__"}
