"""The catalogue of mistakes: each can still be made, so that ``make bite`` shows what notices it."""

import re
import shutil
from pathlib import Path

import pytest

from tests.bite.catalogue import ROOT, Mistake, apply_patch, read_catalogue

MISTAKES = read_catalogue()
PARTS = {"any", "broker", "market", "strategies", "reports"}


def test_catalogue_is_large_enough_to_mean_something() -> None:
    assert len(MISTAKES) >= 40
    assert len({mistake.wrong for mistake in MISTAKES}) == len(MISTAKES)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_mistake_can_still_be_made(mistake: Mistake) -> None:
    assert apply_patch(mistake.path, ROOT, "--check") == ""


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_mistake_says_what_should_notice_it(mistake: Mistake) -> None:
    assert mistake.rule
    assert mistake.histories in PARTS or (mistake.tests and not mistake.histories)
    assert all((ROOT / test.partition("::")[0]).exists() for test in mistake.tests)


def test_patch_that_does_not_apply_any_more_is_told(tmp_path: Path) -> None:
    mistake = MISTAKES[0]
    changed = re.sub(r"(?m)^-(?!-)", "-was something else: ", mistake.path.read_text())
    copy = tmp_path / mistake.path.name
    copy.write_text(changed)
    assert "patch does not apply" in apply_patch(copy, ROOT, "--check")


def test_mistake_is_made_in_the_copy_only(tmp_path: Path) -> None:
    mistake = MISTAKES[0]
    tree = tmp_path / "tree"
    tree.mkdir()
    shutil.copytree(ROOT / "chalicelib", tree / "chalicelib", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "bridge", tree / "bridge", ignore=shutil.ignore_patterns("__pycache__"))
    assert apply_patch(mistake.path, tree) == ""
    # What is made cannot be made again, and can still be made here.
    assert apply_patch(mistake.path, tree, "--check") != ""
    assert apply_patch(mistake.path, ROOT, "--check") == ""
