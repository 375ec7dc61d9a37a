"""Which version of a model is recommended, and whether its reason can be believed."""

import pytest

from playground.core.hub import HubFile, HubPart
from playground.core.requirements.model import Compatibility
from playground.services.hub.recommend import Recommendation, recommended

SIZES = {"Q2_K": 16, "Q3_K_M": 20, "Q4_K_M": 26, "Q8_0": 45, "F16": 84}


def choose(verdicts: dict[str, Compatibility]) -> Recommendation | None:
    files = [
        HubFile((HubPart(name, SIZES.get(name, 20) * 10**9),), name or None) for name in verdicts
    ]
    return recommended(files, verdicts)


def chosen(verdicts: dict[str, Compatibility]) -> str:
    found = choose(verdicts)
    assert found is not None
    return found.file.path


def reason(verdicts: dict[str, Compatibility]) -> str:
    found = choose(verdicts)
    assert found is not None
    return found.reason


def test_the_best_balance_is_taken_and_what_a_larger_one_would_be_is_told() -> None:
    verdicts = {
        "Q2_K": Compatibility.RUNS_GREAT,
        "Q4_K_M": Compatibility.RUNS_GREAT,
        "Q8_0": Compatibility.RUNS,
        "F16": Compatibility.WONT_FIT,
    }
    assert chosen(verdicts) == "Q4_K_M"
    assert reason(verdicts) == (
        "The best balance of quality and size: it runs great on this computer. "
        "A larger one would be slower or not fit."
    )


def test_why_no_better_version_is_taken_is_true() -> None:
    small = {"Q2_K": Compatibility.RUNS_GREAT}
    assert reason({**small, "Q4_K_M": Compatibility.WONT_FIT}).startswith("The better versions do")
    assert reason({**small, "IQ1_S": Compatibility.RUNS}).startswith("There is no better version")
    files = [
        HubFile((HubPart("Q2_K", 16),), "Q2_K"),
        HubFile((HubPart("Q8_0.part1of2", 45),), "Q8_0", is_cut=True),
    ]
    found = recommended(files, small)
    assert found is not None
    assert found.reason.startswith("The better versions cannot be loaded here")
    files.append(HubFile((HubPart("Q4_0", 20),), "Q4_0"))
    found = recommended(files, small)
    assert found is not None
    assert found.reason.startswith("How the better versions would run is not known")


def test_nothing_is_recommended_where_nothing_fits() -> None:
    assert choose({"Q2_K": Compatibility.WONT_FIT, "Q4_K_M": Compatibility.WONT_FIT}) is None


@pytest.mark.parametrize(
    "verdicts",
    [
        {"Q4_K_M": Compatibility.SLOW},
        {"Q4_K_M": Compatibility.SLOW, "Q8_0": Compatibility.SLOW, "F16": Compatibility.WONT_FIT},
        {"Q8_0": Compatibility.SLOW, "F16": Compatibility.SLOW},
        {"F16": Compatibility.SLOW, "F32": Compatibility.WONT_FIT},
        {
            "Q2_K": Compatibility.SLOW,
            "Q3_K_M": Compatibility.WONT_FIT,
            "Q4_K_M": Compatibility.WONT_FIT,
        },
        {"made-up": Compatibility.SLOW, "other": Compatibility.WONT_FIT},
    ],
)
def test_a_slow_version_is_recommended_with_the_warning_that_a_smaller_model_is_better(
    verdicts: dict[str, Compatibility],
) -> None:
    said = reason(verdicts)
    assert "slow on this computer" in said
    assert said.endswith("A smaller model would be a better choice.")
    for praise in ("best balance", "nearly the full quality", "still small", "the full version"):
        assert praise not in said


@pytest.mark.parametrize("verdict", [Compatibility.RUNS, Compatibility.RUNS_GREAT])
@pytest.mark.parametrize("name", ["Q2_K", "Q4_K_M", "Q8_0", "F16", "made-up"])
def test_a_version_that_runs_is_not_called_slow(name: str, verdict: Compatibility) -> None:
    said = reason({name: verdict, "F32": Compatibility.WONT_FIT})
    assert "smaller model" not in said
    assert verdict.value in said
