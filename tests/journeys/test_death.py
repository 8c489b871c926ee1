"""Workers are killed again and again: nobody is lost, nobody gets it twice, sums add up."""

from pathlib import Path

import pytest

from benchmarks import death


@pytest.mark.gate
@pytest.mark.timeout(400)
def test_ten_deaths_lose_nobody_and_double_nobody(
    tmp_path: Path, migrated_database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    verdict = death.run(tmp_path, migrated_database_url, recipients=5000, kills=10, seed=1, wait=5)

    with capsys.disabled():
        death.show(verdict)
    assert verdict.problems == []
    assert any(kill.held and kill.dots for kill in verdict.kills)
    assert all(500 <= kill.at <= 4600 for kill in verdict.kills)
    assert verdict.sums.sent + verdict.sums.uncertain == 5000


@pytest.mark.timeout(120)
def test_a_death_loses_nobody(tmp_path: Path, migrated_database_url: str) -> None:
    """The same, as short as it can be, for every day."""
    verdict = death.run(tmp_path, migrated_database_url, recipients=200, kills=1, seed=3, wait=20)

    assert verdict.problems == []
    assert verdict.sums.uncertain >= 1
