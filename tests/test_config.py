"""Settings: where they come from, who wins, and what is said about each wrong one."""

import base64
from pathlib import Path
from typing import Any

import pytest

from mailer.config import Config, Settings, forget_environment, load
from mailer.errors import ConfigError
from mailer.tokens import new_key

KEY = new_key()


def loaded(tmp_path: Path, text: str, overrides: dict[str, Any] | None = None) -> Config:
    file = tmp_path / "config.toml"
    file.write_text(text, encoding="utf-8")
    return load(file, overrides)


def problems(tmp_path: Path, text: str = "") -> list[str]:
    """Give what is wrong with a file, without its name, which every line ends with."""
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text)
    return [line.removesuffix(f" ({tmp_path / 'config.toml'})") for line in caught.value.problems]


# ------------------------------------------------------------------------- layers


def test_without_a_file_there_are_defaults() -> None:
    found = load(None)

    assert found.settings == Settings()
    assert found.folder == Path.cwd()


def test_the_environment_is_over_the_file_and_a_flag_over_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILER_WEB__PORT", "2")
    monkeypatch.setenv("MAILER_SMTP__HOST", "relay.example.org")
    text = "[web]\nport = 1\nhost = '::'\n[smtp]\nport = 587\n"

    settings = loaded(tmp_path, text).settings
    assert (settings.web.port, settings.web.host) == (2, "::")
    assert (settings.smtp.host, settings.smtp.port) == ("relay.example.org", 587)

    assert loaded(tmp_path, text, {"web": {"port": 3}}).settings.web.port == 3


@pytest.mark.parametrize(
    "variable, value, expected",
    [
        ("MAILER_SMTP__SECURITY", "starttls", "starttls"),
        ("MAILER_SMTP__CONNECTIONS", "8", 8),
        ("MAILER_WEB__BASE_URL", "https://office.example/news", "https://office.example/news/"),
        ("MAILER_DATABASE__URL", "postgresql://office@db/news", "postgresql://office@db/news"),
        ("mailer_web__host", "0.0.0.0", "0.0.0.0"),
    ],
)
def test_each_setting_has_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, expected: object
) -> None:
    monkeypatch.setenv(variable, value)

    _, table, key = variable.lower().replace("__", "_", 1).split("_", 2)
    assert getattr(getattr(load(None).settings, table), key) == expected


def test_several_values_are_parted_by_commas_or_spaces(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [new_key() for _ in range(20)]
    two = keys[0], next(key for key in keys[1:] if differs(key, keys[0]))
    monkeypatch.setenv("MAILER_WEB__TRUSTED_PROXIES", "10.0.0.0/8, 2001:db8::/32 192.0.2.7")
    monkeypatch.setenv("MAILER_TOKENS__KEYS", " ".join(two))

    settings = load(None).settings

    proxies = [str(network) for network in settings.web.trusted_proxies]
    assert proxies == ["10.0.0.0/8", "2001:db8::/32", "192.0.2.7/32"]
    assert [key.get_secret_value() for key in settings.tokens.keys] == list(two)


def differs(one: str, other: str) -> bool:
    from mailer.tokens import KeyRing

    return KeyRing.of([one]).signing_id != KeyRing.of([other]).signing_id


def test_further_routes_come_by_file_and_by_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILER_ROUTES__BULK__PORT", "2525")
    monkeypatch.setenv("MAILER_ROUTES__SPARE__HOST", "spare.example.org")

    routes = loaded(tmp_path, "[routes.bulk]\nhost = 'bulk.example.org'\n").settings.all_routes()

    assert sorted(routes) == ["bulk", "smtp", "spare"]
    assert (routes["bulk"].host, routes["bulk"].port) == ("bulk.example.org", 2525)
    assert routes["spare"].host == "spare.example.org"


def test_other_variables_of_that_name_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILER_CONFIG", "/etc/mailer.toml")
    monkeypatch.setenv("MAILER_DSN", "smtp://elsewhere")

    assert load(None).settings == Settings()


def test_the_environment_can_be_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILER_DATABASE__URL", "postgresql://office@db/news")
    monkeypatch.setenv("MAILER_CONFIG", "/etc/mailer.toml")

    assert forget_environment() == ["MAILER_DATABASE__URL"]
    assert load(None).settings == Settings()


# ------------------------------------------------------------------------- secrets


def test_a_secret_may_stand_in_a_file_beside_the_settings(tmp_path: Path) -> None:
    (tmp_path / "relay").write_text("s3cret\n")
    (tmp_path / "keys").write_text(f"{KEY}\n")
    (tmp_path / "url").write_text("postgresql://office:pw@db/news")

    settings = loaded(
        tmp_path,
        "[smtp]\npassword_file = 'relay'\n[tokens]\nkeys_file = 'keys'\n"
        "[database]\nurl_file = 'url'\n[routes.bulk]\npassword_file = 'relay'\n",
    ).settings

    assert settings.smtp.password.get_secret_value() == "s3cret"
    assert settings.routes["bulk"].password.get_secret_value() == "s3cret"
    assert settings.tokens.keys[0].get_secret_value() == KEY
    assert settings.database.url == "postgresql://office:pw@db/news"


def test_a_variable_may_name_the_file_of_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "relay").write_text("from the file of the variable")
    monkeypatch.setenv("MAILER_SMTP__PASSWORD_FILE", str(tmp_path / "relay"))
    monkeypatch.setenv("MAILER_ROUTES__BULK__PASSWORD_FILE", str(tmp_path / "relay"))

    settings = loaded(tmp_path, "[smtp]\npassword = 'from the settings'\n").settings

    assert settings.smtp.password.get_secret_value() == "from the file of the variable"
    assert settings.routes["bulk"].password.get_secret_value() == "from the file of the variable"


def test_a_variable_is_over_a_file_that_the_settings_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "relay").write_text("old")
    monkeypatch.setenv("MAILER_SMTP__PASSWORD", "new")

    settings = loaded(tmp_path, "[smtp]\npassword_file = 'relay'\n").settings

    assert settings.smtp.password.get_secret_value() == "new"


def test_the_file_of_a_secret_that_is_not_there_is_named(tmp_path: Path) -> None:
    [problem] = problems(tmp_path, "[smtp]\npassword_file = 'nowhere'\n")

    assert problem.startswith(f"smtp.password_file: there is no file {tmp_path / 'nowhere'}; write")


def test_a_folder_in_place_of_a_secrets_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()

    [problem] = problems(tmp_path, "[smtp]\npassword_file = 'secrets'\n")

    assert problem.startswith("smtp.password_file: not read: ")
    assert str(tmp_path / "secrets") in problem


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path, f"[smtp]\npassword = 's3cret'\n[tokens]\nkeys = ['{KEY}']\n"
    ).settings

    assert "s3cret" not in repr(settings)
    assert KEY not in repr(settings)


@pytest.mark.parametrize(
    "keys, problem",
    [
        (["short"], "a key is not base64; “mailer init” makes good ones"),
        (["c2hvcnQ="], "a key is shorter than 32 bytes"),
        (["schlüssel" * 6], "a key is not base64; “mailer init” makes good ones"),
        ([KEY, KEY], "two keys have the same id; make the newest one again"),
    ],
)
def test_a_weak_key_is_refused(tmp_path: Path, keys: list[str], problem: str) -> None:
    assert problems(tmp_path, f"[tokens]\nkeys = {keys}\n") == [f"tokens.keys: {problem}"]


def test_a_key_may_be_written_as_other_tools_write_base64(tmp_path: Path) -> None:
    key = base64.b64encode(b"\xff\xfe" * 16).decode()

    ring = loaded(tmp_path, f"[tokens]\nkeys = '{key}'\n").settings.tokens.ring()

    assert ring.keys[0].secret == b"\xff\xfe" * 16


def test_without_a_key_nothing_is_signed(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no key yet; “mailer init”"):
        loaded(tmp_path, "").settings.tokens.ring()


# ------------------------------------------------------------------------- mistakes


def test_every_mistake_is_named_at_once_with_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILER_WEB__THRAEDS", "4")
    monkeypatch.setenv("MAILER_SMPT__HOST", "relay")
    monkeypatch.setenv("MAILER_SMTP__PORT", "many")
    text = (
        "[web]\nport = 99999\n[log]\nlevel = 'loud'\n[organisation]\npartner = []\n"
        "[[organisation.partners]]\nname = 'A'\nurl = 'ftp://a'\n[routes.bulk]\nhots = 'h'\n"
        "[smtp]\npassword_file = 'nowhere'\n"
    )

    found = {problem.split(": ")[0]: problem for problem in problems(tmp_path, text)}

    assert set(found) == {
        "web.port",
        "web.thraeds",
        "log.level",
        "organisation.partner",
        "organisation.partners.0.url",
        "routes.bulk.hots",
        "smpt",
        "smtp.port",
        "smtp.password_file",
    }
    assert found["web.thraeds"].endswith("see config.example.toml (MAILER_WEB__THRAEDS)")
    assert found["smtp.port"].endswith("(MAILER_SMTP__PORT)")
    assert "there is no such setting" in found["smpt"]


def test_the_file_is_named_with_each_mistake_in_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=rf"web\.port: .*\({tmp_path}/config\.toml\)$"):
        loaded(tmp_path, "[web]\nport = -1\n")


@pytest.mark.parametrize(
    "text, problem",
    [
        ("web = 3", "web: must be a table"),
        ("[web]\nhost = 3", "web.host: must be a text"),
        ("[tokens]\nkeys = 3", "tokens.keys: must be a list"),
        ("[database]\nurl = 'mysql://x/y'", "database.url: must begin with sqlite:/// or"),
        ("[database]\nurl = 'sqlite:///'", "database.url: must name a file"),
        ("[database]\nurl = 'sqlite:///:memory:'", "database.url: must name a file"),
        ("[database]\nurl = 'postgresql://h:x/y'", "database.url: has a port that is not"),
        ("[web]\nbase_url = 'office.example'", "web.base_url: must begin with https://"),
        ("[web]\nbase_url = 'https:///news'", "web.base_url: must begin with https://"),
        ("[web]\nbase_url = 'https://o.example/?a'", "web.base_url: must be a scheme, a host"),
        ("[web]\nbase_url = 'https://a:b@o.example/'", "web.base_url: must be a scheme, a host"),
        ("[web]\nbase_url = 'https://o.example:99999/'", "web.base_url: must be a scheme, a"),
        ("[web]\nbase_url = 'https://例え.jp/'", "web.base_url: must be plain ASCII"),
        ('[web]\nbase_url = "https://o.example/\\r\\nX: y"', "web.base_url: must be plain ASCII"),
        ("[web]\ntrusted_proxies = ['me']", "web.trusted_proxies.0: “me” is not a network"),
        ("[smtp]\nhost = ''", "smtp.host: "),
        ("[smtp]\nauth = 'plain'", "smtp: auth = “plain” needs a username"),
        (
            "[smtp]\nauth = 'plain'\nusername = 'u'\nhost = 'relay.example.org'",
            "smtp: auth = “plain” would send the password in the clear",
        ),
        ("[smtp]\nhello = 'a\\nb'".replace("'", '"'), "smtp.hello: "),
        ("[smtp]\nreturn_path = 'nobody'", "smtp.return_path: "),
        ("[smtp]\nreturn_path_domain = 'a b'", "smtp.return_path_domain: "),
        ("[smtp]\nenvelope = 'signed'", "smtp: envelope = “signed” needs a return_path_domain"),
        (
            "[smtp]\nreturn_path_domain = 'b.example.org'",
            "smtp: return_path_domain is used with envelope = “signed” only",
        ),
        (
            "[smtp]\nenvelope = 'signed'\nreturn_path_domain = 'b.org'\nreturn_path = 'n@b.org'",
            "smtp: return_path is for envelope = “fixed”",
        ),
        ("[smtp]\nper_minute = -1", "smtp.per_minute: "),
        ("[smtp]\nletters_reserve = 100", "smtp.letters_reserve: "),
        (
            "[smtp]\nfallback = ['secnd']\n[routes.second]\nhost = 'h'",
            "routes: fallback of “smtp”: “secnd” is no other route; there are: second",
        ),
        ("[smtp]\nfallback = ['smtp']", "routes: fallback of “smtp”: “smtp” is no other"),
        ("[routes.smtp]\nhost = 'h'", "routes: the route “smtp” is the table [smtp]"),
        ("[routes.'Bulk mail']\nhost = 'h'", "routes: “Bulk mail” cannot name a route"),
        ("[organisation]\nowner = 'me'", "organisation.owner: "),
        ("[delivery]\nlate_hours = 99999999999", "delivery.late_hours: "),
    ],
)
def test_a_wrong_setting_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    [found] = problems(tmp_path, text)

    assert found.startswith(problem)


def test_one_underscore_too_few_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILER_SMTP_HOST", "relay.example.org")

    with pytest.raises(ConfigError, match=r"MAILER_SMTP_HOST: .* underscores: MAILER_SMTP__HOST"):
        load(None)


@pytest.mark.parametrize(
    "content, problem",
    [
        (b"[web\n", "not valid TOML: .*line 1"),
        (b"[web]\n[web]\n", "not valid TOML: .*line 2.*; change what is there already"),
        (b"name = '\xff'", "not read: .*utf-8"),
        (b"x" * 1_000_001, "larger than 1000000 bytes"),
    ],
)
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, content: bytes, problem: str) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(content)

    with pytest.raises(ConfigError, match=f"{file}: .*{problem}"):
        load(file)


def test_a_file_that_is_not_there_is_named_with_the_way_to_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: there is no such file; “mailer init DIR”"):
        load(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match=f"{tmp_path}: not read: "):
        load(tmp_path)


# ------------------------------------------------------------------------- meaning


@pytest.mark.parametrize(
    "url, expected",
    [
        ("sqlite:///mailer.db", "sqlite:///{folder}/mailer.db"),
        ("sqlite:///data/mailer.db", "sqlite:///{folder}/data/mailer.db"),
        ("sqlite:////var/lib/mailer.db", "sqlite:////var/lib/mailer.db"),
        ("postgresql://db/news", "postgresql://db/news"),
    ],
)
def test_an_sqlite_file_is_beside_the_settings(tmp_path: Path, url: str, expected: str) -> None:
    found = loaded(tmp_path, f"[database]\nurl = '{url}'\n")

    assert found.database_url == expected.format(folder=tmp_path)
    assert found.state == tmp_path / "state"
    assert found.state.stat().st_mode & 0o777 == 0o700


def test_a_certificate_file_is_beside_the_settings(tmp_path: Path) -> None:
    text = "[smtp]\nca_file = 'ca.pem'\n[routes.bulk]\nca_file = '/etc/ca.pem'\n"

    settings = loaded(tmp_path, text).settings

    assert settings.smtp.ca_file == tmp_path / "ca.pem"
    assert settings.routes["bulk"].ca_file == Path("/etc/ca.pem")


@pytest.mark.parametrize(
    "base_url, offered",
    [
        ("https://office.example/news/", True),
        ("http://127.0.0.1:8080/", True),
        ("http://[::1]:8080/", True),
        ("http://localhost/", True),
        ("http://office.example/", False),
    ],
)
def test_one_click_is_offered_only_where_it_is_safe(
    tmp_path: Path, base_url: str, offered: bool
) -> None:
    found = loaded(tmp_path, f"[web]\nbase_url = '{base_url}'\n")

    assert found.settings.web.one_click is offered


def test_signing_in_is_allowed_where_nobody_listens(tmp_path: Path) -> None:
    plain = "[smtp]\nauth = 'plain'\nusername = 'u'\n"

    assert loaded(tmp_path, plain + "host = '127.0.0.1'\n").settings.smtp.auth == "plain"
    relay = loaded(tmp_path, plain + "host = 'r.example'\nsecurity = 'tls'\n").settings.smtp
    assert relay.auth == "plain"


def test_an_international_domain_is_kept_as_its_a_label(tmp_path: Path) -> None:
    text = "[organisation]\ncontact = 'büro@bücher.example'\n[smtp]\n"
    text += "envelope = 'signed'\nreturn_path_domain = 'é.org'\n"

    settings = loaded(tmp_path, text).settings

    assert settings.organisation.contact == "büro@xn--bcher-kva.example"
    assert settings.smtp.return_path_domain == "xn--9ca.org"
