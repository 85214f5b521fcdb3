"""`powergraph energy`: the same figures from a store and from what is published of it, to the last digit."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.commands.test_commands import complaint, run
from tests.site_server import WebSite, serving

from powergraph_collector.history.tinydb_engine import TinyDbHistory
from powergraph_collector.model import Doubt, Event, EventKind, Sample

DAY_MS = 86_400_000
BEGIN_MS = 1_730_419_200_000  # 2024-11-01T00:00:00Z
SETTINGS = (
    'name = "lab"\nzone = "Europe/Berlin"\nstore = "powergraph.db"\npublish = "data"\nkeep_published_days = 0\n'
    "co2_g_per_kwh = 380.0\n"
    '[tariff]\ncurrency = "EUR"\nper_kwh = 0.3\n'
    '[[tariff.rate]]\nname = "night"\nfrom = "22:00"\nto = "06:00"\nper_kwh = 0.18\n'
    '[[bmc]]\nname = "node01"\nhost = "192.0.2.1"\ninterval_s = 60.0\n'
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve days of a minute's samples with holes, two intervals and a clock step, and what is published of them."""
    folder = tmp_path_factory.mktemp("energy")
    history = TinyDbHistory(folder / "powergraph.db")
    chance = random.Random(4)
    for day in range(12):
        samples = [
            Sample(
                "node01", BEGIN_MS + day * DAY_MS + minute * 60_000 + chance.randrange(3000), chance.randrange(200, 900)
            )
            for minute in range(1440)
            if not (day == 3 and 300 < minute < 500) and chance.random() > 0.01
        ]
        events = []
        if day == 0:
            events.append(Event("node01", EventKind.INTERVAL, BEGIN_MS, BEGIN_MS, value=60.0))
        if day == 5:
            changed_ms = samples[700].at_ms + 1
            events.append(Event("node01", EventKind.INTERVAL, changed_ms, changed_ms, value=30.0))
            stepped = samples[900]
            events.append(Event("node01", EventKind.CLOCK_STEP, stepped.at_ms, stepped.at_ms + 30_000, value=20_000.0))
        assert not history.append(samples, events).error
    history.close()
    (folder / "powergraph.toml").write_text(SETTINGS)
    assert run(folder, "powergraph", "db", "rebuild", "--config", "powergraph.toml")[0] == 0
    return folder


@pytest.fixture
def site(folder: Path) -> Iterator[WebSite]:
    with serving(folder / "data", "lab") as site:
        yield site


def energy(folder: Path, *arguments: object) -> dict[str, Any]:
    code, out, err = run(folder, "powergraph", "energy", "--json", *arguments)
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert isinstance(found, dict)
    return found


SPANS = [
    ("2024-11-03T10:00:00Z", "2024-11-03T11:00:00Z"),
    ("2024-11-03T22:59:31Z", "2024-11-03T23:03:11.123Z"),  # over the zone's midnight
    ("2024-11-03T10:00:20.500Z", "2024-11-03T10:00:21Z"),  # within the hold of one sample
    ("2024-11-04T04:30:00Z", "2024-11-04T09:00:00Z"),  # with a hole
    ("2024-11-06T03:00:00Z", "2024-11-06T21:00:00Z"),  # another interval, and a step of the clock
    ("2024-11-01T00:00:00Z", "2024-11-08T00:00:00Z"),  # seven days: of samples
    ("2024-11-01T05:07:09.876Z", "2024-11-12T17:13:14.151Z"),  # longer: of five-minute means
    ("2024-10-01T00:00:00Z", "2025-01-01T00:00:00Z"),
]


@pytest.mark.parametrize("span", SPANS, ids=[" ".join(span) for span in SPANS])
def test_a_site_tells_what_the_store_tells(folder: Path, site: WebSite, span: tuple[str, str]) -> None:
    of_store = energy(folder, "--config", "powergraph.toml", "--from", span[0], "--to", span[1])
    assert energy(folder, "--site", site.url, "--machine", "node01", "--from", span[0], "--to", span[1]) == of_store
    assert of_store["extremes_within_s"] == 0


def test_of_a_long_span_a_site_is_asked_for_few_days(folder: Path, site: WebSite) -> None:
    energy(folder, "--site", site.url, "--from", SPANS[-2][0], "--to", SPANS[-2][1])
    assert len([path for path in site.asked if path.count("-") == 2 and path.endswith(".csv")]) <= 6


def test_without_a_span_all_samples_count(folder: Path, site: WebSite) -> None:
    of_store = energy(folder, "--config", "powergraph.toml")
    assert of_store["samples"] == energy(folder, "--jsonfile", "powergraph.db")["samples"] > 16_000
    assert energy(folder, "--site", site.url) == of_store


def test_figures_are_told_in_lines_as_the_page_shows_them(folder: Path, site: WebSite) -> None:
    span = ["--from", "2024-11-03T20:30", "--to", "2024-11-03T21:30", "--zone", "Europe/Berlin"]
    code, out, err = run(folder, "powergraph", "energy", "--site", site.url, *span)
    exact = energy(folder, "--site", site.url, *span)
    assert (code, err) == (0, "")
    told = {line[:10].strip(): line[10:].strip() for line in out.splitlines()}
    assert list(told) == [
        "span", "energy", "mean", "p95", "minimum", "peak", "base load", "cost", "CO2", "coverage", "samples",
    ]  # fmt: skip
    assert told["span"] == "2024-11-03T20:30:00+01:00 to 2024-11-03T21:30:00+01:00"
    assert told["energy"] == f"{exact['energy_wh']:.2f} Wh"
    assert told["p95"] == f"{exact['p95_w']} W"
    assert told["peak"].startswith(f"{exact['max_w']} W at 2024-11-03T2")
    assert told["cost"] == f"{exact['energy_wh'] / 1000 * 0.3:.4f} EUR (base rate {told['energy']})"
    assert told["CO2"] == f"{exact['energy_wh'] * 0.38:.0f} g"
    _, out, _ = run(folder, "powergraph", "energy", "--config", "powergraph.toml", *span)
    assert out.splitlines() == [f"{name:<11}{value}" for name, value in told.items()]


def test_what_is_to_be_doubted_of_a_span_is_said_with_its_figures(tmp_path: Path) -> None:
    begin_ms = 1_700_000_000_000
    with closing(TinyDbHistory(tmp_path / "powergraph.db")) as history:
        of_flags = [Doubt.NONE, Doubt.INACTIVE | Doubt.PARTIAL, Doubt.NONE]
        history.append([Sample("a", begin_ms + i * 10_000, 100, doubt=doubt) for i, doubt in enumerate(of_flags)], [])
    _, out, _ = run(tmp_path, "powergraph", "energy")
    words = "the BMC says that it does not measure; a supply has no reading, and is not in the sum"
    assert out.splitlines()[-1] == f"in doubt   {words}"
    assert energy(tmp_path)["flags"] == ["inactive", "partial"]
    assert energy(tmp_path, "--from", "2023-11-14T22:13:40Z", "--to", "2023-11-14T22:13:42Z")["flags"] == []


def test_what_is_simulated_is_said_to_be(folder: Path, tmp_path: Path, site: WebSite) -> None:
    _copy(folder, tmp_path)
    path = tmp_path / "powergraph.toml"
    path.write_text(path.read_text().replace('name = "node01"', 'name = "node01"\nsimulated = true'))
    index = json.loads((tmp_path / "data/lab/index.json").read_bytes())
    index["bmcs"][0]["simulated"] = True
    site.answers["data/lab/index.json"] = (200, json.dumps(index).encode())
    for source in (["--config", "powergraph.toml"], ["--site", site.url]):
        span = ["--from", "2024-11-03T20:30Z", "--to", "2024-11-03T21:30Z"]
        _, out, _ = run(tmp_path, "powergraph", "energy", *source, *span)
        assert out.splitlines()[-1] == "note       these readings are simulated, not measured"


def test_cost_is_split_by_rate(folder: Path) -> None:
    span = ["--from", "2024-11-03T20:00Z", "--to", "2024-11-03T22:00Z"]  # 21:00 to 23:00 in Berlin
    cost = energy(folder, "--config", "powergraph.toml", *span)["cost"]
    night, base = cost["rates"]
    assert cost["total"] == pytest.approx(night["energy_wh"] / 1000 * 0.18 + base["energy_wh"] / 1000 * 0.3)
    assert (cost["currency"], night["name"], base["name"]) == ("EUR", "night", None)
    assert min(night["energy_wh"], base["energy_wh"]) > 300
    _, out, _ = run(folder, "powergraph", "energy", "--config", "powergraph.toml", *span)
    assert "(night " in out


def test_a_price_can_be_given_where_no_tariff_is_known(folder: Path) -> None:
    options = ["--from", "2024-11-03T20:00Z", "--to", "2024-11-03T22:00Z", "--per-kwh", "0.5", "--currency", "BRL"]
    found = energy(folder, "--jsonfile", "powergraph.db", *options, "--co2", "98")
    assert found["cost"]["total"] == pytest.approx(found["energy_wh"] / 2000)
    assert found["co2_g"] == pytest.approx(found["energy_wh"] * 0.098)
    assert energy(folder, "--jsonfile", "powergraph.db", *options[:4])["cost"] is None


def test_a_short_span_says_what_carries_it(folder: Path) -> None:
    span = ["--from", "2024-11-03T10:00:00Z", "--to", "2024-11-03T10:08:00Z"]
    _, out, _ = run(folder, "powergraph", "energy", "--config", "powergraph.toml", *span)
    assert "error      7 samples carry this span; its ends are uncertain by up to ± 12.5 %" in out.splitlines()
    inside = ["--from", "2024-11-03T10:00:20Z", "--to", "2024-11-03T10:00:21Z"]
    _, out, _ = run(folder, "powergraph", "energy", "--config", "powergraph.toml", *inside)
    assert "error      1 sample carries this span" in out


def test_where_samples_are_gone_the_span_snaps_to_the_rows_that_are_left(
    folder: Path, tmp_path: Path, site: WebSite
) -> None:
    span = ["--from", "2024-11-02T10:01:00Z", "--to", "2024-11-02T11:03:00Z"]
    whole = energy(folder, "--config", "powergraph.toml", "--from", "2024-11-02T10:00Z", "--to", "2024-11-02T11:05Z")
    _copy(folder, tmp_path)
    history = TinyDbHistory(tmp_path / "powergraph.db")
    history.drop_day("node01", "2024-11-02")
    history.close()
    of_store = energy(tmp_path, "--config", "powergraph.toml", *span)
    same = ("from", "to", "samples", "energy_wh", "mean_w", "min_w", "max_w", "covered_s", "span_s", "cost", "co2_g")
    assert [of_store[name] for name in same] == [whole[name] for name in same]
    assert (of_store["percentiles_of"], of_store["extremes_within_s"]) == ("5-minute means", 300)
    index = json.loads((tmp_path / "data/lab/index.json").read_bytes())
    index["bmcs"][0]["days"] = [["2024-11-04", "2024-11-12"]]
    site.answers["data/lab/index.json"] = (200, json.dumps(index).encode())
    assert energy(folder, "--site", site.url, *span) == of_store
    _, out, _ = run(folder, "powergraph", "energy", "--site", site.url, "--zone", "UTC", *span)
    assert out.splitlines()[0] == "span       2024-11-02T10:00:00+00:00 to 2024-11-02T11:05:00+00:00"
    assert "(of 5-minute means)" in out
    assert " W in the 5 minutes from 2024-11-02T1" in out
    assert "note       of rows of 5 minutes, whole ones" in out
    site.answers["data/lab/node01/2024-11.csv"] = (404, b"")
    hours = energy(folder, "--site", site.url, *span)
    assert (hours["from"], hours["to"]) == ("2024-11-02T10:00:00.000Z", "2024-11-02T12:00:00.000Z")
    assert (hours["percentiles_of"], hours["extremes_within_s"]) == ("hourly means", 3600)


def _copy(folder: Path, to: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            target = to / path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--site", "{url}", "--machine", "node02"], 7, "no machine node02 at {url}: it has node01"),
        (["--site", "{url}", "--config", "powergraph.toml"], 2, "--site does not go with"),
        (["--site", "{url}/elsewhere"], 6, "is {url}/elsewhere the page of PowerGraph?"),
        (["--site", "ftp://host"], 2, "--site: 'ftp://host' is not a URL"),
        (["--site", "http://127.0.0.1:9/powergraph"], 3, "cannot be reached: Connection refused"),
        (["--config", "powergraph.toml", "--from", "2024-11-03", "--to", "2024-11-02"], 2, "--to must be after --from"),
        (["--config", "powergraph.toml", "--from", "2023-11-03", "--to", "2023-11-04"], 7, "no samples in this span"),
        (["--config", "powergraph.toml", "--currency", "EUR"], 2, "--currency is that of --per-kwh"),
        (["--config", "powergraph.toml", "--per-kwh", "-1"], 2, "--per-kwh"),
    ],
)
def test_what_is_wrong_is_one_line(folder: Path, site: WebSite, arguments: list[str], code: int, words: str) -> None:
    found, out, err = run(folder, "powergraph", "energy", *(each.format(url=site.url) for each in arguments))
    assert (found, out) == (code, "")
    assert words.format(url=site.url) in complaint(err)
