"""Who imports whom: the contracts of pyproject.toml, and the two rules that say "only"."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("trackway", "trackway_server", include_external_packages=True, cache_dir=None)


def test_import_contracts() -> None:
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def imports(graph: grimp.ImportGraph, package: str) -> set[tuple[str, str]]:
    """(importer, imported) of every import made in the package."""
    modules = {package} | graph.find_descendants(package)
    return {(module, target) for module in modules for target in graph.find_modules_directly_imported_by(module)}


def test_of_the_client_the_server_imports_the_generated_code_only(graph: grimp.ImportGraph) -> None:
    strange = {
        (importer, imported)
        for importer, imported in imports(graph, "trackway_server")
        if imported.split(".")[0] == "trackway" and not imported.startswith("trackway.api")
    }
    assert not strange


def test_the_generated_code_imports_nothing_of_ours(graph: grimp.ImportGraph) -> None:
    packages = {imported for _, imported in imports(graph, "trackway.api") if not imported.startswith("trackway.api")}
    assert packages <= {"google", "grpc", "collections", "typing", "warnings"}


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Imports inside functions count; those for type checkers do not. Among the fluent functions, which are one idea in
    many files, a function may import upwards to keep `import trackway` light."""
    graph = grimp.build_graph("trackway", "trackway_server", exclude_type_checking_imports=True, cache_dir=None)
    left = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    while True:  # who imports none of those left, or is imported by none of them, is in no circle
        imported = set[str]().union(*left.values())
        kept = {module: left[module] & left.keys() for module in left.keys() & imported if left[module] & left.keys()}
        if kept == left:
            break
        left = kept
    assert not [module for module in left if not module.startswith("trackway._fluent.")], sorted(left)
