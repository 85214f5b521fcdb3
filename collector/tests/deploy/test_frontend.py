"""The page's folder: what is brought in, what goes again, and what is never touched."""

import json
import os
from pathlib import Path

import pytest
from small_plays import Play, refusal

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the page belongs to root")


class Web:
    """A folder with a page to bring in, and a root to bring it to."""

    def __init__(self, folder: Path, play: Play) -> None:
        self.folder, self.play = folder, play
        self.write("page/index.html", "the page")
        self.write("page/scripts/deep/draw.js", "draw()")
        self.write("page/scripts/live.js", "live()")

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run(self, *task_files: str, root: str = "www/power", state: str = "present") -> str:
        stamp = {"__frontend_stamp": str(self.folder / "share/powergraph/page")}
        self.said = self.play(
            "frontend",
            *task_files,
            given=(json.dumps(stamp),),
            frontend_state=state,
            frontend_packages=[],
            frontend_source=str(self.folder / "page"),
            frontend_root=str(self.folder / root),
        )
        return refusal(self.said)

    def deploy(self, root: str = "www/power") -> str:
        return self.run("preflight", "install", root=root)

    def remove(self) -> str:
        return self.run("preflight", "remove_page", state="absent")

    def files(self, root: str = "www") -> list[str]:
        return sorted(
            str(path.relative_to(self.folder / root)) for path in (self.folder / root).rglob("*") if path.is_file()
        )


@pytest.fixture
def web(tmp_path: Path, play: Play) -> Web:
    return Web(tmp_path, play)


PAGE = ["power/index.html", "power/scripts/deep/draw.js", "power/scripts/live.js"]


def test_the_page_comes_and_goes_and_what_others_put_beside_it_stays(web: Web) -> None:
    assert web.deploy() == ""
    assert web.files() == PAGE
    web.write("www/power/robots.txt", "theirs")
    web.write("www/power/scripts/theirs.js", "theirs")
    web.write("www/power/data/lab/now.json", "published")
    (web.folder / "page/scripts/deep/draw.js").unlink()
    (web.folder / "page/scripts/deep").rmdir()
    assert web.deploy() == ""
    assert web.files() == [
        "power/data/lab/now.json",
        "power/index.html",
        "power/robots.txt",
        "power/scripts/live.js",
        "power/scripts/theirs.js",
    ]
    assert not (web.folder / "www/power/scripts/deep").exists()
    assert web.remove() == ""
    assert web.files() == ["power/data/lab/now.json", "power/robots.txt", "power/scripts/theirs.js"]


def test_a_folder_that_others_use_is_refused(web: Web) -> None:
    web.write("www/html/index.html", "theirs")
    assert "is not PowerGraph's" in web.deploy(root="www/html")
    assert (web.folder / "www/html/index.html").read_text() == "theirs"
    assert web.files() == ["html/index.html"]


def test_a_folder_that_others_use_is_refused_for_a_page_that_moves(web: Web) -> None:
    assert web.deploy() == ""
    web.write("www/html/index.html", "theirs")
    assert "is not PowerGraph's" in web.deploy(root="www/html")
    assert web.files() == ["html/index.html", *PAGE]


def test_published_files_may_be_there_before_the_page_and_an_empty_folder_goes_with_it(web: Web) -> None:
    web.write("www/power/data/lab/now.json", "published")
    assert web.deploy() == ""
    assert web.files() == ["power/data/lab/now.json", *PAGE]
    (web.folder / "www/power/data/lab/now.json").unlink()
    (web.folder / "www/power/data/lab").rmdir()
    (web.folder / "www/power/data").rmdir()
    assert web.remove() == ""
    assert list((web.folder / "www").iterdir()) == []


def test_a_page_that_moves_leaves_nothing_behind(web: Web) -> None:
    assert web.deploy() == ""
    assert web.deploy(root="www/watts") == ""
    assert web.files() == [name.replace("power/", "watts/") for name in PAGE]


def test_a_page_that_is_there_is_not_brought_in_again_nor_removed_twice(web: Web) -> None:
    web.write("www/power/data/lab/now.json", "published")
    for _ in range(2):
        assert web.deploy() == ""
    assert "CHANGED" not in web.said
    for _ in range(2):
        assert web.remove() == ""
    assert "CHANGED" not in web.said


def test_a_page_broken_off_halfway_is_brought_in_by_the_next_run(web: Web) -> None:
    assert web.deploy() == ""
    stamp = web.folder / "share/powergraph/page"
    stamp.write_text("\n".join(["under way", *stamp.read_text().splitlines()[1:]]) + "\n")
    (web.folder / "www/power/scripts/live.js").unlink()
    assert web.deploy() == ""
    assert web.files() == PAGE


@pytest.mark.parametrize("root", ["/var", "/var/../etc", "/srv/my page", "relative/path"])
def test_a_root_that_is_no_plain_path_is_refused(play: Play, root: str) -> None:
    assert "frontend_root is" in refusal(play("frontend", "preflight", frontend_root=root))
