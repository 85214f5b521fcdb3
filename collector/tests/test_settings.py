"""The settings file: what is wrong is named with its place, and no password is ever shown."""

from __future__ import annotations

import json
import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel

from powergraph_collector.publish import json_files
from powergraph_collector.settings import (
    Bmc,
    Metrics,
    Settings,
    SettingsError,
    TariffRate,
    TariffTable,
    VictoriaMetrics,
    load,
)
from powergraph_collector.tariff import WEEKDAYS, Rate, Tariff

GOOD = '[[bmc]]\nname = "node01"\nhost = "192.0.2.10"\nuser = "powergraph"\n'

TARIFF = (
    GOOD + '[tariff]\ncurrency = "EUR"\nper_kwh = 0.30\n'
    '[[tariff.rate]]\nname = "night"\ndays = ["mon", "fri"]\nfrom = "22:00"\nto = "06:00"\nper_kwh = 0.18\n'
)
SERVER = 'history = "victoriametrics"\n' + GOOD + '[victoriametrics]\nurl = "http://127.0.0.1:8428"\n'


def written(folder: Path, text: str, secrets: str = '[passwords]\nnode01 = "hidden-word"\n', mode: int = 0o640) -> Path:
    (folder / "secrets.toml").write_text(secrets)
    (folder / "secrets.toml").chmod(mode)
    path = folder / "powergraph.toml"
    path.write_text('secrets = "secrets.toml"\n' + text)
    return path


def test_defaults_come_from_one_place_and_the_interval_is_inherited(tmp_path: Path) -> None:
    settings = load(written(tmp_path, "interval_s = 2\n" + GOOD))
    (bmc,) = settings.bmcs
    assert (bmc.interval_s, bmc.port, bmc.privilege) == (2, 623, "auto")
    assert bmc.password.get_secret_value() == "hidden-word"
    assert "hidden-word" not in repr(settings)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("interval_s = 0\n" + GOOD, "interval_s"),
        ("surprise = 1\n" + GOOD, "surprise"),
        ('zone = "Mars/Base"\n' + GOOD, "zone"),
        ("", "bmc"),
        ("bmc = 3\n", "[[bmc]]"),
        (GOOD + GOOD, "two BMCs are called node01"),
        (GOOD + GOOD.replace("node01", "node02"), "same BMC"),
        (GOOD.replace("node01", "../up"), "bmc[0].name"),
        (GOOD.replace("node01", "now.json"), "end like a file"),
        (GOOD.replace("192.0.2.10", "-oProxyCommand"), "bmc[0].host"),
        (GOOD + 'password = "hidden-word"\n', "secrets file"),
        (GOOD + "port = 0\n", "bmc[0].port"),
        (GOOD + 'privilege = "root"\n', "privilege"),
        ("[[bmc]\n", "not valid TOML"),
        ('history = "victoriametrics"\n' + GOOD, "no table [victoriametrics]"),
        ('history = "sqlite"\n' + GOOD, "history"),
        (SERVER.replace('url = "http://127.0.0.1:8428"', ""), "either url, or"),
        (SERVER + 'insert_url = "http://192.0.2.1:8480/insert/0/prometheus"\n', "either url, or"),
        (SERVER.replace("127.0.0.1", "me:hidden-word@127.0.0.1"), "victoriametrics.url: users and passwords do not"),
        (SERVER.replace("8428", "port"), "a port that is none"),
        (SERVER + 'password = "hidden-word"\n', "belongs into the secrets file"),
        (SERVER + "spool_mb = 0\n", "victoriametrics.spool_mb"),
        ("co2_g_per_kwh = -1.0\n" + GOOD, "co2_g_per_kwh"),
        ("co2_g_per_kwh = nan\n" + GOOD, "co2_g_per_kwh"),
        (TARIFF.replace("0.30", "-0.1"), "tariff.per_kwh"),
        (TARIFF.replace("per_kwh = 0.30", ""), "tariff.per_kwh"),
        (TARIFF.replace("0.30", "inf"), "tariff.per_kwh"),
        (TARIFF.replace("EUR", "euro"), "ISO 4217"),
        (TARIFF.replace("22:00", "22:03"), "tariff.rate[0].from: '22:03' is not a time such as 22:00"),
        (TARIFF.replace("06:00", "24:00"), "tariff.rate[0].to"),
        (TARIFF.replace('"fri"', '"friday"'), "tariff.rate[0].days"),
        (TARIFF.replace('["mon", "fri"]', "[]"), "tariff.rate[0].days"),
        (TARIFF.replace("night", "ni\\u0007ght"), "tariff.rate[0].name"),
        (TARIFF.replace("night", ""), "tariff.rate[0].name"),
        (TARIFF + TARIFF[TARIFF.index("[[tariff.rate]]") :] * 20, "tariff.rate"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(written(tmp_path, text))
    assert words in str(caught.value)
    assert "hidden-word" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("intervall_s = 5\n" + GOOD, "intervall_s: no such setting, perhaps interval_s is meant"),
        (GOOD.replace("host", "hots"), "bmc[0].hots: no such setting, perhaps host is meant"),
        (GOOD + "wattage = 1\n", "bmc[0].wattage: no such setting; there are name, host, port, user,"),
        (TARIFF.replace("from", "form"), "tariff.rate[0].form: no such setting, perhaps from is meant"),
        (GOOD + '"a\\u001bb" = 1\n', r"bmc[0].'a\x1bb': no such setting"),
        ('secret = "secrets.toml"\n' + GOOD, "secret: no such setting, perhaps secrets is meant"),
        ("name = 'lab'\n", "no BMC in it: each is a table that begins with [[bmc]]"),
        ("bmc = []\n", "no BMC in it"),
        (GOOD.replace('host = "192.0.2.10"', ""), "bmc[0].host: missing"),
        (GOOD + 'port = "http"\n', "bmc[0].port: not a whole number"),
        ("interval_s = 0\n" + GOOD, "interval_s: must be at least 0.1"),
        ("store = 3\n" + GOOD, "store: not a path in quotes"),
        ('store = ""\n' + GOOD, "store: empty, or not a path"),
        ('publish = "a\\u0000b"\n' + GOOD, "publish: empty, or not a path"),
        (GOOD + 'privilege = "root"\n', "bmc[0].privilege: must be 'auto', 'user', 'operator' or 'administrator'"),
        (TARIFF.replace('["mon", "fri"]', "[]"), "tariff.rate[0].days: must not be empty"),
        (
            "[tariff]\nper_kwh = 1\nrate = [1]\n" + GOOD,
            "tariff.rate[0]: not a table, which begins with [[tariff.rate]]",
        ),
        ('metrics = "127.0.0.1:10623"\n' + GOOD, "metrics: not a table, which begins with [metrics]"),
    ],
)
def test_what_is_wrong_is_said_in_words_of_a_settings_file(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(written(tmp_path, text))
    assert f"powergraph.toml: {words}" in str(caught.value)


VALUES = [
    '""',
    '"x"',
    f'"{"x" * 3000}"',
    "0",
    "-1",
    "1.5",
    "inf",
    "nan",
    "true",
    f"1{'0' * 400}",
    "2026-11-24",
    "12:00:00",
]
VALUES += ["[]", "[1]", "[[]]", "[{}]", f"[{'{},' * 30}]", '["x"]', "{}", "{x = 1}"]


@pytest.mark.parametrize(("model", "before"), [
    (Settings, GOOD),
    (Bmc, GOOD),
    (Metrics, GOOD + "[metrics]\n"),
    (VictoriaMetrics, GOOD + "[victoriametrics]\n"),
    (TariffTable, GOOD + "[tariff]\n"),
    (TariffRate, GOOD + "[tariff]\nper_kwh = 1\n[[tariff.rate]]\n"),
])  # fmt: skip
def test_no_setting_is_refused_in_words_of_the_library_that_checks_it(
    tmp_path: Path, model: type[BaseModel], before: str
) -> None:
    for name, field in model.model_fields.items():
        for value in VALUES:
            line = f"{field.alias or name} = {value}\n"
            others = re.sub(rf"(?m)^{field.alias or name} =.*\n", "", before)
            path = written(tmp_path, line + others if model is Settings else others + line)
            try:
                load(path)
            except SettingsError as error:
                assert len(str(error)) < 400
                assert not re.search(r"(?i)input|valid (string|integer|number)|tuple|pydantic|class|field", str(error))


@pytest.mark.parametrize(
    "content",
    [
        "x = " + "[" * 100_000,
        f"x = {'1' * 5000}",
        GOOD.replace('name = "node01"', f"name{'.a' * 3000} = 1"),
        GOOD + f"password{'.a' * 3000} = 1",
        "zone" + ".a" * 3000 + " = 1\n" + GOOD,
        "secrets = 3\n" + GOOD,
        'secrets = ""\n' + GOOD,
        b"\xff",
        None,
    ],
)
def test_a_file_that_cannot_be_used_is_a_fault_of_settings_whatever_is_in_it(
    tmp_path: Path, content: str | bytes | None
) -> None:
    path = tmp_path / "powergraph.toml"
    if content is None:
        path.symlink_to("/dev/zero")
    else:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(SettingsError, match=r"powergraph\.toml") as caught:
        load(path)
    assert len(str(caught.value)) < 1000


def test_a_secrets_file_that_is_missing_is_said_to_be_one(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    (tmp_path / "secrets.toml").unlink()
    with pytest.raises(
        SettingsError, match=r"secrets\.toml cannot be read: .*powergraph\.toml names it .*\[passwords\]"
    ):
        load(path)


def test_a_tariff_has_a_base_rate_and_rates_by_time(tmp_path: Path) -> None:
    settings = load(written(tmp_path, "co2_g_per_kwh = 380\n" + TARIFF.replace('"mon", "fri"', '"fri", "mon", "fri"')))
    assert settings.co2_g_per_kwh == 380
    assert settings.tariff is not None
    rate = Rate("night", frozenset({0, 4}), 22 * 60, 6 * 60, 0.18)
    assert settings.tariff.tariff("Europe/Berlin") == Tariff(ZoneInfo("Europe/Berlin"), 0.3, (rate,), "EUR")
    assert load(written(tmp_path, TARIFF.replace('days = ["mon", "fri"]\n', ""))).tariff.rates[0].days == WEEKDAYS  # type: ignore[union-attr]


def test_a_tariff_is_published_with_every_field(tmp_path: Path) -> None:
    settings = load(written(tmp_path, "co2_g_per_kwh = 380\n" + TARIFF))
    published = json.loads(json_files.encode(json_files.index(settings, {}, 0)))
    night = {"name": "night", "days": ["mon", "fri"], "from": "22:00", "to": "06:00", "per_kwh": 0.18}
    assert published["tariff"] == {"currency": "EUR", "per_kwh": 0.3, "rates": [night]}
    assert published["co2_g_per_kwh"] == 380
    assert TariffTable.model_validate(published["tariff"]) == settings.tariff
    without = json_files.index(load(written(tmp_path, GOOD)), {}, 0)
    assert (without["tariff"], without["co2_g_per_kwh"]) == (None, None)


def test_passwords_that_anyone_can_read_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="chmod o="):
        load(written(tmp_path, GOOD, mode=0o644))


def test_a_password_that_ipmi_cannot_carry_is_refused_without_being_shown(tmp_path: Path) -> None:
    for name in ("node01", "*"):
        with pytest.raises(SettingsError, match="20 bytes") as caught:
            load(written(tmp_path, GOOD, f'[passwords]\n"{name}" = "hidden-word-hidden-word"\n'))
        assert f"secrets.toml: passwords.{name}: " in str(caught.value)
        assert "hidden-word" not in str(caught.value)


def test_a_cluster_has_two_urls_and_its_password_is_in_the_secrets_file(tmp_path: Path) -> None:
    insert, select = "http://192.0.2.1:8480/insert/0/prometheus", "https://192.0.2.2:8481/select/0/prometheus"
    text = SERVER.replace(
        'url = "http://127.0.0.1:8428"', f'insert_url = "{insert}"\nselect_url = "{select}"\nuser = "me"'
    )
    settings = load(written(tmp_path, text, '[victoriametrics]\npassword = "hidden-word"\n'))
    assert settings.victoriametrics is not None
    assert settings.victoriametrics.urls == (insert, select)
    assert settings.victoriametrics.password.get_secret_value() == "hidden-word"
    assert "hidden-word" not in repr(settings)
    with pytest.raises(SettingsError, match=r"\[victoriametrics\] with a line password"):
        load(written(tmp_path, text, "[victoriametrics]\npassword = 3\n"))
