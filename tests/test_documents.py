"""Files, links and code names in the documents exist."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from django.utils import translation

from refunds.models import RefundStatus

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "sandbox" / "README.md"])
WITH_PATHS = ("CONTRIBUTING.md", "README.md", "docs/architecture.md", "docs/glossary.md", "docs/reliability.md")
CODE = re.compile(r"```.*?```", re.DOTALL)


def text_of(document: Path) -> str:
    return CODE.sub("", document.read_text(encoding="utf-8"))


def anchors(document: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a document."""
    headings = re.findall(r"^#+ (.+)$", text_of(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def paths_in(line: str) -> list[str]:
    found = re.findall(r"`([\w.\-]+(?:/[\w.\-]+)*/?)`", line)
    return [name for name in found if "/" in name or name.endswith((".py", ".md", ".yaml"))]


def missing_paths(line: str) -> list[str]:
    """Return the paths of a line that do not exist. A bare file name is in the folder of an earlier path, or a test."""
    folders, missing = [ROOT, ROOT / "tests" / "proof"], []
    for name in paths_in(line):
        found = next((folder / name for folder in folders if (folder / name).exists()), None)
        if found is None:
            missing.append(name)
        else:
            folders.append(found if found.is_dir() else found.parent)
    return missing


@cache
def sources() -> str:
    rooms = ("access", "config", "core", "monitoring", "payments", "refunds", "webhooks")
    return "\n".join(path.read_text(encoding="utf-8") for room in rooms for path in (ROOT / room).rglob("*.py"))


def broken_links(document: Path) -> list[str]:
    broken = []
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", text_of(document)):
        path, _, anchor = target.partition("#")
        file = document.parent / path if path else document
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)
    return broken


def test_every_path_in_a_document_exists() -> None:
    lines = [(name, line) for name in WITH_PATHS for line in text_of(ROOT / name).splitlines()]

    assert [(name, path) for name, line in lines for path in missing_paths(line)] == []


def test_every_link_between_documents_leads_to_a_heading() -> None:
    assert [(document.name, link) for document in DOCUMENTS for link in broken_links(document)] == []


def test_every_name_of_the_glossary_is_in_the_code() -> None:
    rows = [line for line in text_of(ROOT / "docs" / "glossary.md").splitlines() if line.startswith("| ")]
    names = {
        name
        for row in rows
        for code in re.findall(r"`([^`/]+)`", row.rsplit(" | ", 1)[1])
        for name in re.findall(r"\w{3,}", code)
    }
    known = set(re.findall(r"\w+", sources())) | {path.stem for path in ROOT.rglob("commands/*.py")} | {"manage"}

    assert names - known == set()


def test_every_korean_term_of_the_glossary_is_in_the_catalogue() -> None:
    catalogue = (ROOT / "locale" / "ko" / "LC_MESSAGES" / "django.po").read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in text_of(ROOT / "docs" / "glossary.md").splitlines() if line.startswith("| ")]
    terms = {term for row in rows for term in row[1].split(", ") if re.search("[가-힣]", term)}

    assert len(terms) > 20
    assert {term for term in terms if term not in catalogue} == set()


def test_the_glossary_has_the_names_of_the_refund_states_in_both_languages() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \|", (ROOT / "docs/glossary.md").read_text(), re.MULTILINE)
    names = {}
    for language in ("en", "ko"):
        with translation.override(language):
            names[language] = [str(label) for label in RefundStatus.labels]

    assert rows == list(zip(RefundStatus.values, names["en"], names["ko"], strict=True))


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 150
