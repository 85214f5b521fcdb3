"""Languages: a visitor reads every view in the own one, with numbers and dates as there; the choice stays."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import expect
from serving import NOW, SITE, render
from views import FULL, OF_FIGURES, TODAY, VIEWS, everything, opened

from published import iso

KEY = re.compile(rf"\b({'|'.join(json.loads((SITE / 'languages' / 'en.json').read_text()))})\.[a-z0-9]+_?[a-z0-9_]*\b")


@pytest.fixture
def full(lab):
    return everything(lab)


def forms(text):
    return text.values() if isinstance(text, dict) else [text]


def english_only():
    """What English says, and Portuguese in another way: the form of each text, and how many words of its own it has."""
    texts = {code: json.loads((SITE / "languages" / f"{code}.json").read_text()) for code in ("en", "pt-BR")}
    same = {form for section in texts["pt-BR"].values() for text in section.values() for form in forms(text)}
    found = []
    for section in texts["en"].values():
        for form in {form for text in section.values() for form in forms(text)} - same:
            parts = [re.escape(each) for each in re.split(r"\{\w+\}", form)]
            found.append((re.compile(".+?".join(parts), re.DOTALL), len(re.findall(r"[A-Za-z]{2,}", form))))
    return found


ENGLISH = english_only()
# All that a visitor reads or is read to: texts, names, tips, the title.
SAID = """() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [document.title.split(' · ')[0]];
    while (walker.nextNode()) {
        const parent = walker.currentNode.parentElement;
        if (!['SCRIPT', 'NOSCRIPT', 'TEXTAREA'].includes(parent.tagName) && !parent.closest('[lang]:not(html)'))
            found.push(walker.currentNode.textContent.trim());
    }
    for (const name of ['aria-label', 'title', 'placeholder', 'alt', 'aria-valuetext', 'aria-roledescription'])
        for (const each of document.querySelectorAll(`body [${name}]`)) found.push(each.getAttribute(name));
    return [...new Set(found)].filter(Boolean);
}"""


def untranslated(page):
    """What is said in English, or by a key, or with a place for a value."""
    said = page.evaluate(SAID)
    assert len(said) > 30
    return [
        text
        for text in said
        if KEY.fullmatch(text)
        or re.search(r"\{\w+\}", text)
        or any(form.fullmatch(text) or (words >= 3 and form.search(text)) for form, words in ENGLISH)
    ]


@pytest.mark.parametrize("view", VIEWS)
class TestInPortuguese:
    def test_nothing_is_said_in_english(self, full, visit, view):
        page = opened(visit(locale="pt-BR"), view)
        for summary in page.locator("main summary:visible").all():
            summary.click()
        for plot in page.locator("figure .plot[tabindex='0']:visible").all():
            plot.press("End")
        assert untranslated(page) == []
        assert page.locator("html").get_attribute("lang") == "pt-BR"

    def test_what_is_wrong_is_said_in_portuguese_too(self, full, server, visit, view):
        storage = {"state": "refused", "since": iso(NOW), "detail": "", "unwritten": 1, "dropped": 1}
        full.write_now(storage=storage)
        (full.folder / "overview.json").write_text("[]")
        server.faults |= {f"node04/{TODAY}.csv": 503, "events.json": 500, "days.csv": 500}
        render(server.root / "powergraph", frontend_collectors=["lab", "annex", "third"])
        (server.root / "powergraph" / "data" / "annex").mkdir()
        for name in ("index", "now", "overview"):
            (server.root / "powergraph" / "data" / "annex" / f"{name}.json").write_text('{"format": 2}')
        visitor = visit(expected=("404", "50"), locale="pt-BR")
        page = visitor.open(FULL[view])
        visitor.settled()
        if view in OF_FIGURES:
            expect(page.locator("#notices")).to_contain_text("o formato dele é 2; esta página lê o formato 1")
            expect(page.locator("#notices")).to_contain_text("não consegue gravar suas leituras")
        assert untranslated(page) == []


def test_english_would_be_found(full, visit):
    page = opened(visit(locale="en"), "machine.html")
    assert len(untranslated(page)) > 40


def test_numbers_dates_and_money_are_written_as_there(full, visit):
    visitor = visit(locale="pt-BR")
    page = opened(visitor, "machine.html")
    expect(page.locator("#figures-title")).to_have_text(
        "Selecionado: ter. 24 de nov. de 2026, 10:00:00 – 11:00:00 (1 h)"
    )
    expect(page.locator("[data-figure=cost] dd")).to_contain_text("€ 0,1")
    expect(page.locator("[data-figure=mean] dd")).to_contain_text(re.compile(r"^4\d\d,\d W"))
    page = opened(visitor, "daily.html")
    expect(page.get_by_role("heading", level=1)).to_have_text("terça-feira, 24 de novembro de 2026")
    page = opened(visitor, "calendar.html")
    expect(page.get_by_role("heading", level=1)).to_have_text("novembro de 2026")
    expect(page.locator("#month option").nth(3)).to_have_text("março")
    page = opened(visitor, "files.html")
    expect(page.locator(".month caption").first).to_have_text("novembro de 2026")


@pytest.mark.parametrize(
    "case",
    [
        ("en", "pt-BR", "", "pt-BR"),
        ("en", "pt-PT", "", "pt-BR"),
        ("en", "de", "", "en"),
        ("pt-BR", "de", "", "pt-BR"),
        ("pt-BR", "en-AU", "", "en"),
        ("en", "en", "?lang=pt-BR", "pt-BR"),
        ("en", "en", "?lang=pt", "pt-BR"),
        ("pt-BR", "pt-BR", "?lang=en", "en"),
        ("pt-BR", "pt-BR", "?lang=../../site", "pt-BR"),
    ],
)
def test_it_is_the_address_s_else_the_visitor_s_else_the_site_s(server, lab, visit, case):
    site, visitor, address, shown = case
    lab.write_index()
    lab.write_now()
    render(server.root / "powergraph", frontend_language=site)
    page = visit(expected=("404",), locale=visitor).open(f"index.html{address}")
    expect(page.locator("html")).to_have_attribute("lang", shown)
    words = {"en": "Power drawn now", "pt-BR": "Potência consumida agora"}
    expect(page.get_by_role("heading", level=1)).to_have_text(words[shown])
    expect(page.locator("#choose-language")).to_have_value(shown)
    assert page.title() == {"en": "Overview", "pt-BR": "Visão geral"}[shown] + " · Power at <the> lab"


def test_what_is_chosen_at_the_foot_is_remembered_by_all_views(full, visit):
    visitor = visit(locale="en")
    page = visitor.open("files.html?machine=node04&lang=en")
    page.get_by_label("Language").select_option("Português (Brasil)")
    expect(page.get_by_role("heading", level=1)).to_have_text("Arquivos")
    assert page.url.endswith("files.html?machine=node04")
    page = visitor.open("about.html")
    expect(page.locator("html")).to_have_attribute("lang", "pt-BR")
    # The address of somebody else still says more.
    page = visitor.open("about.html?lang=en")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.get_by_label("Language").select_option("English")
    page.wait_for_url("**/about.html")
    page = visitor.open("files.html")
    expect(page.get_by_role("heading", level=1)).to_have_text("Files")
