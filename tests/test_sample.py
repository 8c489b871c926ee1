"""The sample settings say everything, and are what they say they are."""

import tomllib
from pathlib import Path

from mailer import config, sample, tokens

ROOT = Path(__file__).parents[1]


def test_the_committed_sample_is_the_one_the_settings_give() -> None:
    # `python -c "from mailer import sample; print(sample.render(), end='')" > config.example.toml`
    assert (ROOT / "config.example.toml").read_text(encoding="utf-8") == sample.render()


def test_the_sample_has_every_setting_with_its_default(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(sample.render(), encoding="utf-8")

    assert config.load(path).settings == config.Settings()


def test_every_setting_has_a_sentence() -> None:
    for name, table in config.Settings.model_fields.items():
        default = table.get_default(call_default_factory=True)
        for key, setting in getattr(type(default), "model_fields", {}).items():
            assert setting.description, f"{name}.{key}"
            assert setting.description.endswith("."), f"{name}.{key}"


def test_values_take_the_place_of_defaults() -> None:
    key = tokens.new_key()

    written = tomllib.loads(sample.render({"tokens": {"keys": [key]}}))

    assert written["tokens"]["keys"] == [key]
