"""The packed sources: same content, same bytes; other content, other bytes; nothing that does not belong."""

import importlib.util
import io
import os
import tarfile
from pathlib import Path
from types import ModuleType

import pytest

PLUGIN = Path(__file__).parents[3] / "roles/collector/lookup_plugins/source_archive.py"


@pytest.fixture(scope="module")
def plugin() -> ModuleType:
    pytest.importorskip("ansible", reason="the plugin runs on controllers")
    spec = importlib.util.spec_from_file_location("source_archive", PLUGIN)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    (tmp_path / "src/deep/__pycache__").mkdir(parents=True)
    (tmp_path / "src/deep/__pycache__/a.pyc").write_text("cache")
    (tmp_path / "src/deep/a.py").write_text("one")
    (tmp_path / "src/page.html.j2").write_text("template")
    (tmp_path / "lock").write_text("two")
    (tmp_path / "tests.py").write_text("not asked for")
    return tmp_path


def test_it_holds_what_was_asked_for_and_no_more(plugin: ModuleType, sources: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(plugin.archive(sources, ["src", "lock"], ["*.j2"]))) as tar:
        assert tar.getnames() == ["lock", "src/deep/a.py"]
        assert tar.extractfile("src/deep/a.py").read() == b"one"


def test_times_do_not_change_it_and_content_does(plugin: ModuleType, sources: Path) -> None:
    before = plugin.archive(sources, ["src", "lock"], [])
    os.utime(sources / "lock", (1, 1))
    assert plugin.archive(sources, ["src", "lock"], []) == before
    (sources / "lock").write_text("owt")
    assert plugin.archive(sources, ["src", "lock"], []) != before


def test_what_is_rendered_takes_the_place_of_its_template(plugin: ModuleType, sources: Path) -> None:
    packed = plugin.archive(sources, ["src"], ["*.j2"], {"src/page.html": "The <lab>, 230 µW"})
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        assert tar.getnames() == ["src/deep/a.py", "src/page.html"]
        assert tar.extractfile("src/page.html").read().decode() == "The <lab>, 230 µW"
    assert plugin.archive(sources, ["src"], ["*.j2"], {"src/page.html": "another"}) != packed
