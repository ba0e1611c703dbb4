"""Who is woken up by an alarm finds its chapter."""

import re
from pathlib import Path

from tests.infra.conftest import Template
from tests.moto_stack import read_template

BRIDGE = Path(__file__).parents[2] / "infra" / "bridge.yaml"
DOCS = Path(__file__).parents[2] / "docs"


def test_every_alarm_has_its_chapter_that_says_what_it_means_and_what_to_do(template: Template) -> None:
    resources = template["Resources"] | read_template(BRIDGE)["Resources"]
    alarms = {name for name, one in resources.items() if one["Type"] == "AWS::CloudWatch::Alarm"}
    _, *chapters = (DOCS / "runbook.md").read_text().split("\n## ")
    bodies = {chapter.partition("\n")[0]: chapter for chapter in chapters}

    assert bodies.keys() == alarms
    for body in bodies.values():
        assert all(f"**{word}:**" in body for word in ("Means", "At stake", "Do"))


def test_links_between_documents_lead_somewhere() -> None:
    root = DOCS.parent
    pages = [*root.glob("*.md"), *DOCS.rglob("*.md"), *(root / "client").glob("*.md")]
    links = [(page, link) for page in pages for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())]
    local = [(page, link) for page, link in links if not link.startswith(("http://", "https://"))]

    assert local
    assert [f"{page.name}: {link}" for page, link in local if not (page.parent / link).exists()] == []
