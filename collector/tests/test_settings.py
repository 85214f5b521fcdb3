"""The settings file: what is wrong is named with its place, and no password is ever shown."""

from __future__ import annotations

import json
import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel

from powergraph_collector.credentials import key_bytes
from powergraph_collector.publish import json_files
from powergraph_collector.settings import SettingsError, load
from powergraph_collector.settings_model import Metrics, Settings, TariffRate, TariffTable, VictoriaMetrics
from powergraph_collector.sources import registry
from powergraph_collector.sources.contract import Secret
from powergraph_collector.sources.ipmi.login import Login
from powergraph_collector.sources.ipmi.settings import IpmiBmc
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
    assert isinstance(bmc, IpmiBmc)
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
        (GOOD + "wattage = 1\n", "bmc[0].wattage: no such setting; there are name, protocol, title, group,"),
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
    (IpmiBmc, GOOD),
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


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("[::1]", "'[::1]' has brackets, which belong to URLs: write host = \"::1\""),
        ("[::1]:623", "'[::1]:623' names a port: write host = \"::1\" and port = 623"),
        ("192.0.2.1:623", "'192.0.2.1:623' names a port: write host = \"192.0.2.1\" and port = 623"),
        ("bmc.example.org:623", "'bmc.example.org:623' names a port: write host = \"bmc.example.org\" and port = 623"),
        ("192.0.2.1:0", "'192.0.2.1:0' is not a host name or address"),
        ("[node01:623", "'[node01:623' is not a host name or address"),
        ("https://192.0.2.1", "'https://192.0.2.1' is not a host name or address"),
        ("192.0.2.1\\n", "'192.0.2.1\\n' is not a host name or address"),
        ("::12345", "'::12345' is not a host name or address"),
        ("", "'' is not a host name or address"),
    ],
)
def test_a_host_that_is_more_than_one_is_told_with_what_is_meant(tmp_path: Path, host: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(written(tmp_path, GOOD.replace("192.0.2.10", host)))
    assert f"powergraph.toml: bmc[0].host: {words} (BMC 'node01')" in str(caught.value)


@pytest.mark.parametrize("host", ["192.0.2.1", "bmc.example.org", "node_1", "::1", "2001:db8::1", "fe80::1%eth0"])
def test_names_and_addresses_are_hosts(tmp_path: Path, host: str) -> None:
    (bmc,) = load(written(tmp_path, GOOD.replace("192.0.2.10", host))).bmcs
    assert bmc.place == f"{host} port 623"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('protocol = "snmp"', "bmc[0].protocol: must be 'ipmi'"),
        ("protocol = 3", "bmc[0].protocol: must be 'ipmi'"),
        ('reader = "pyghmi"', 'bmc[0].reader: "pyghmi" is called "lan" now: write reader = "lan"'),
        ('reader = "wan"', "bmc[0].reader: must be 'lan' or 'ipmitool'"),
        ("timeout_s = 0.1", "bmc[0].timeout_s: must be at least 0.2"),
        ("timeout_s = 61", "bmc[0].timeout_s: must be at most 60"),
        ("timeout_s = nan", "bmc[0].timeout_s: must be"),
        ("timeouts = 3", "bmc[0].timeouts: no such setting, perhaps timeout_s is meant"),
        ("cipher_suite = 0", "bmc[0].cipher_suite: cipher suite 0 is refused, since it has no authentication at all"),
        ("cipher_suite = 2", "bmc[0].cipher_suite: cipher suite 2 is refused, since it does not encrypt; there are 3,"),
        ("cipher_suite = 15", "since it neither protects nor encrypts"),
        ("cipher_suite = 4", "since it encrypts by RC4"),
        ("cipher_suite = 8", "since it authenticates by MD5"),
        ("cipher_suite = 20", "bmc[0].cipher_suite: must be 'auto', 3 or 17"),
        ("cipher_suite = false", "bmc[0].cipher_suite: must be 'auto', 3 or 17"),
        ("power_sensors = [3]", "bmc[0].power_sensors[0]: not text in quotes"),
        ('power_sensors = ["a", ""]', "bmc[0].power_sensors[1]: '' is not the name of a sensor"),
        ('power_sensors = ["PSU1 \\u0007"]', "bmc[0].power_sensors[0]: 'PSU1 \\x07' is not the name of a sensor"),
        (f'power_sensors = ["{17 * "x"}"]', "is not the name of a sensor: 1 to 16 printable characters"),
        ('power_sensors = ["PSU1 "]', "bmc[0].power_sensors[0]: 'PSU1 ' is not the name of a sensor: no blanks at its"),
        ('power_sensors = ["a", "b", "a"]', "bmc[0].power_sensors: 'a' is named twice, and would count twice"),
        (f"power_sensors = {[str(i) for i in range(17)]}", "bmc[0].power_sensors: must have at most 16 entries"),
        ('kg = "hidden-word"', "kg belongs into the secrets file, table [kg], not here (BMC 'node01')"),
    ],
)
def test_what_is_wrong_with_what_ipmi_wants_is_said_with_the_name_of_the_bmc(
    tmp_path: Path, line: str, words: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        load(written(tmp_path, f"{GOOD}{line}\n"))
    assert words in str(caught.value)
    assert "(BMC 'node01')" in str(caught.value)
    assert "hidden-word" not in str(caught.value)


def test_the_former_name_of_the_reader_is_told_of_the_whole_too(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r'toml: reader: "pyghmi" is called "lan" now: write reader = "lan"$'):
        load(written(tmp_path, 'reader = "pyghmi"\n' + GOOD))


def test_a_bmc_has_the_reader_of_the_whole_unless_it_names_one(tmp_path: Path) -> None:
    other = GOOD.replace("node01", "node02").replace("192.0.2.10", "192.0.2.11") + 'reader = "lan"\n'
    settings = load(written(tmp_path, 'reader = "ipmitool"\n' + GOOD + other))
    assert [registry.reader_of(bmc) for bmc in settings.bmcs] == ["ipmitool", "lan"]
    assert registry.reader_of(load(written(tmp_path, GOOD)).bmcs[0]) == "lan"


def test_what_a_reader_wants_of_a_bmc_is_all_there(tmp_path: Path) -> None:
    lines = 'privilege = "user"\ncipher_suite = 17\ntimeout_s = 5\npower_sensors = ["PSU2_PIN", "PSU1_PIN"]\n'
    secrets = '[passwords]\nnode01 = "hidden-word"\n[kg]\n"*" = "0x00ff"\n'
    login = registry.access_of(load(written(tmp_path, GOOD + lines, secrets)).bmcs[0])
    kg = Secret("0x00ff")
    assert login == Login(
        "node01", "192.0.2.10", 623, "powergraph", Secret("hidden-word"), "user", 17, kg, 5.0, ("PSU2_PIN", "PSU1_PIN")
    )
    login = registry.access_of(load(written(tmp_path, GOOD)).bmcs[0])
    assert login == Login("node01", "192.0.2.10", 623, "powergraph", Secret("hidden-word"))


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("hidden-word-hidden-word", "an IPMI group key (Kg) has at most 20 bytes"),
        ("0x" + 21 * "ab", "an IPMI group key (Kg) has at most 20 bytes"),
        ("0xabc", "a key that begins with 0x is pairs of hexadecimal digits"),
        ("0x", "a key that begins with 0x is pairs of hexadecimal digits"),
        ("hidden\\nword", "it has control characters"),
    ],
)
def test_a_group_key_that_ipmi_cannot_carry_is_refused_without_being_shown(
    tmp_path: Path, key: str, words: str
) -> None:
    for name in ("node01", "*"):
        with pytest.raises(SettingsError) as caught:
            load(written(tmp_path, GOOD, f'[kg]\n"{name}" = "{key}"\n'))
        assert f"secrets.toml: kg.{name}: {words}" in str(caught.value)
        assert "hidden" not in str(caught.value)
        assert "abab" not in str(caught.value)


def test_group_keys_are_text_or_hexadecimal() -> None:
    assert key_bytes("a key") == b"a key"
    assert key_bytes("0x00fF") == b"\x00\xff"
    assert key_bytes("0X616263") == b"abc"


def test_secrets_of_bmcs_that_are_not_polled_are_nobodys_business(tmp_path: Path) -> None:
    """They may be for another protocol, which carries longer ones."""
    load(written(tmp_path, GOOD, f'[passwords]\nnode01 = "x"\nelsewhere = "{100 * "x"}"\n'))


def test_a_file_with_a_byte_order_mark_is_told(tmp_path: Path) -> None:
    for name in ("secrets.toml", "powergraph.toml"):
        path = written(tmp_path, GOOD)
        (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + (tmp_path / name).read_bytes())
        with pytest.raises(SettingsError, match=rf"{name}: begins with a byte-order mark: save it as UTF-8 without"):
            load(path)


@pytest.mark.parametrize("letter", ["\\u0000", "\\t", "\\n", "\\u007f", "\\ufeff"])
def test_a_password_with_control_characters_is_told_and_one_that_ends_in_a_blank_is_one(
    tmp_path: Path, letter: str
) -> None:
    with pytest.raises(SettingsError, match=r"secrets.toml: passwords.node01: it has control characters") as caught:
        load(written(tmp_path, GOOD, f'[passwords]\nnode01 = "hidden{letter}"\n'))
    assert "hidden" not in str(caught.value)
    (bmc,) = load(written(tmp_path, GOOD, '[passwords]\nnode01 = "blank "\n')).bmcs
    assert isinstance(bmc, IpmiBmc)
    assert bmc.password.get_secret_value() == "blank "


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
