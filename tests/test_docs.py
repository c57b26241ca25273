"""What README and the documentation point at is there, and README's own lines are what .ci/run runs."""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("saved_models/**/*.md"), *ROOT.glob("train/*.md")]
MARK = "<!-- .ci/run runs the next block as it stands -->\n```bash\n"


def links(text):
    """The local targets of Markdown's links and pictures; code left out."""
    text = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)
    return [target for target in re.findall(r"\]\(([^)\s#]+)[^)]*\)", text) if not re.match(r"\w+:", target)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    missing = [target for target in links(page.read_text("utf-8")) if not (page.parent / target).exists()]
    assert not missing


def test_all_links_to_the_repository_name_the_same_one():
    files = [path for ending in ("md", "ipynb", "py") for path in (ROOT / "docs").rglob(f"*.{ending}")]
    text = "\n".join(path.read_text("utf-8") for path in [*files, ROOT / "README.md", ROOT / "setup.cfg"])
    found = set(re.findall(r"github(?:\.com)?/([\w-]+/tfcolor)\b", text))
    assert found == {"tfcolor/tfcolor"}


def test_links_are_found():
    text = "[a](b.md) ![c](d/e.png) [f](https://g.h) [i](j.md#k) `[l](m)`\n```text\n[n](o)\n```\n[p](q)"
    assert links(text) == ["b.md", "d/e.png", "j.md", "q"]


def test_readme_prints_the_two_commands_that_set_up():
    first, second = (part.partition("\n```")[0] for part in (ROOT / "README.md").read_text("utf-8").split(MARK)[1:])
    photo = re.fullmatch(r"pip install \. && python -m tfcolor\.colorize (docs/images/\S+) -o \w+\.png", first).group(1)
    assert (ROOT / photo).is_file()
    assert second == "pip install -e '.[test]' && python -m pytest"


def test_docstrings_become_what_sphinx_reads(monkeypatch):
    """Examples are code, and neither a value nor what is returned begins with a type, which napoleon would look for."""
    monkeypatch.setenv("TFCOLOR_DOCS", "1")  # as conf.py does, and to be taken back
    find_sections = runpy.run_path(str(ROOT / "docs" / "conf.py"))["find_sections"]

    def read(what, *lines):
        lines = list(lines)
        find_sections(None, what, "", None, None, lines)
        return lines

    assert read("module", "Such as:", "", "    load()", "") == ["Such as:", "", "::", "", "    load()", ""]
    assert read("function", "Returns:", "    {head: array}.", "", "    More.")[:2] == [
        "Returns:",
        "    : {head: array}.",
    ]
    assert read("function", "Args:", "    a: one.", "", "    b: two.") == ["Args:", "    a: one.", "", "    b: two."]
    assert read("data", "Luma: of RGB.") == [": Luma: of RGB."]
