"""System requirements on this computer: what has run here before is remembered."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from playground.core.gguf.reader import read_header
from playground.core.hub import HubModel
from playground.core.machine import GraphicsCard, Machine
from playground.core.requirements.memory import budget, default_context
from playground.core.requirements.model import ChangeKind, Compatibility
from playground.core.requirements.speed import middle
from playground.core.runs import MachineLoad, Provenance
from playground.core.targets import LoadSettings, ModelFile
from playground.services.library.service import ModelLibrary
from playground.services.machine.devices import devices
from playground.services.machine.machine import (
    NOTHING_HELD,
    Bandwidth,
    BandwidthReading,
    HeldMemory,
    MachineService,
)
from playground.services.requirements import RequirementsService
from playground.store.database import Database
from playground.store.history import ComparisonStore
from playground.store.local_runs import LocalRuns
from tests.core.gguf_files import Dense, write_dense
from tests.core.models_to_judge import EIGHT_BILLION, GIB
from tests.store.test_local_runs import History

ONE_BILLION = Dense(
    layers=16, width=2_048, heads=32, kv_heads=8, head=64, feed_forward=8_192, vocabulary=32_000
)


class Computer(MachineService):
    """A computer that looks as a test says."""

    def __init__(self, folder: Path) -> None:
        super().__init__(Bandwidth(folder / "memory.json", lambda: BandwidthReading(20e9)))
        self.looks = Machine("test", 16 * GIB, 12 * GIB, bandwidth_bytes_per_s=20e9)

    async def machine(self, held: HeldMemory = NOTHING_HELD) -> Machine:
        return self.looks

    def quick(self, held: HeldMemory = NOTHING_HELD) -> Machine:
        return replace(self.looks, bandwidth_bytes_per_s=None, cards=())


class Place:
    """A folder of models, a history, and what is said of the models."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.folder = folder
        self.computer = Computer(folder)
        self.history = History(ComparisonStore(database))
        library = ModelLibrary(lambda: (folder,), folder)
        self.service = RequirementsService(self.computer, LocalRuns(database), library)

    def model(self, kind: str, size: Dense = ONE_BILLION) -> ModelFile:
        """Write a model of this quantization."""
        path = write_dense(self.folder / f"{kind}-{size.layers}.gguf", "llama",
                           replace(size, kind=kind))  # fmt: skip
        return ModelFile(path, path.stem, path.stat().st_size, "own", "llama", kind)

    def speed(self, model: ModelFile, settings: LoadSettings | None = None) -> tuple[float, float]:
        """Return the range of the expected speed."""
        needs = self.service.assess_model(model, settings or LoadSettings())
        assert needs is not None
        assert needs.speed is not None
        return needs.speed.low_tokens_per_s, needs.speed.high_tokens_per_s


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    database = Database(tmp_path / "history.sqlite3")
    await database.open()
    yield Place(tmp_path, database)
    await database.close()


async def test_before_anything_was_looked_at_memory_alone_decides(place: Place) -> None:
    needs = place.service.assess_model(place.model("Q8_0"))
    assert needs is not None
    assert needs.speed is None
    assert needs.verdict is Compatibility.RUNS


async def test_the_first_speed_is_a_range_from_the_bandwidth(place: Place) -> None:
    await place.service.refresh()
    model = place.model("Q8_0")
    low, high = place.speed(model)
    # 1.1 GB at 20 GB/s is 18 tokens/s at most
    assert low < 18 * 0.8 < high < 30
    needs = place.service.assess_model(model)
    assert needs is not None
    assert needs.speed is not None
    assert needs.speed.provenance is Provenance.ESTIMATED


async def test_a_model_that_has_run_shows_its_own_speed(place: Place) -> None:
    model = place.model("Q8_0")
    await place.history.add(model, 13.0)
    await place.service.refresh()
    needs = place.service.assess_model(model)
    assert needs is not None
    assert needs.speed is not None
    assert needs.speed.provenance is Provenance.MEASURED
    assert place.speed(model) == pytest.approx((13.0, 13.0))
    use = place.service.use_of(model.path)
    assert use is not None
    assert use.run_count == 1


async def test_a_copy_of_the_file_has_the_same_verdict_wherever_it_lies(place: Place) -> None:
    model = place.model("Q8_0")
    (place.folder / "elsewhere").mkdir()
    copy = write_dense(
        place.folder / "elsewhere" / "same.gguf", "llama", replace(ONE_BILLION, kind="Q8_0")
    )
    await place.history.add(model, 3.0)
    await place.service.refresh()
    needs = place.service.assess_model(model)
    assert needs is not None
    assert needs.verdict is Compatibility.SLOW
    assert needs.speed is not None
    assert needs.speed.run_count == 1
    # as the Hub's page asks, which knows no path
    assert place.service.assess(read_header(copy)).speed == needs.speed
    assert place.service.assess_model(replace(model, path=copy)) == needs


async def test_busy_minutes_change_no_verdict(place: Place) -> None:
    models = [place.model(kind) for kind in ("Q8_0", "Q4_0", "F16")]
    await place.service.refresh()
    before = [place.service.assess_model(model) for model in models]
    busy = MachineLoad(1.4)
    for model in models[:2]:
        for _ in range(5):
            await place.history.add(model, 0.5, load=busy)
    await place.service.refresh()
    assert [place.service.assess_model(model) for model in models] == before


async def test_an_estimate_tells_what_it_was_learnt_from(place: Place) -> None:
    unseen = place.model("Q4_0")
    await place.service.refresh()
    needs = place.service.assess_model(unseen)
    assert needs is not None
    assert needs.speed is not None
    assert needs.speed.learnt_from == ()
    await place.history.add(place.model("Q8_0"), 13.0)
    await place.service.refresh()
    needs = place.service.assess_model(unseen)
    assert needs is not None
    assert needs.speed is not None
    assert needs.speed.learnt_from == ("Q8_0-16",)


async def test_a_speed_measured_in_another_way_is_not_shown(place: Place) -> None:
    model = place.model("Q8_0")
    await place.service.refresh()
    before = place.speed(model)
    await place.history.add(model, 5.0, settings=LoadSettings(threads=1))
    await place.service.refresh()
    assert place.speed(model, LoadSettings(threads=1)) == pytest.approx((5.0, 5.0))
    # nor does it say anything of how fast it or another would be with all threads
    assert place.speed(model) == before


async def test_a_range_until_two_quantizations_have_run(place: Place) -> None:
    unseen = place.model("Q4_0")
    await place.service.refresh()
    first = place.speed(unseen)
    await place.history.add(place.model("Q8_0"), 13.0)
    await place.service.refresh()
    second = place.speed(unseen)
    await place.history.add(place.model("F16"), 7.0)
    await place.service.refresh()
    third = place.speed(unseen)
    assert first[1] / first[0] > second[1] / second[0] > 1.2
    assert third[0] == third[1]
    assert second[0] < third[0] < second[1]


async def test_what_was_deleted_from_the_history_is_no_longer_learnt_from(place: Place) -> None:
    unseen = place.model("Q4_0")
    await place.service.refresh()
    before = place.speed(unseen)
    name = await place.history.add(place.model("Q8_0"), 3.0)
    await place.service.refresh()
    assert place.speed(unseen) != before
    await place.history.store.delete(name)
    await place.service.refresh()
    assert place.speed(unseen) == before


async def test_runs_of_models_that_are_gone_are_passed_over(place: Place) -> None:
    gone, damaged, unseen = place.model("Q8_0"), place.model("F16"), place.model("Q4_0")
    await place.service.refresh()
    before = place.speed(unseen)
    await place.history.add(gone, 3.0)
    await place.history.add(damaged, 3.0)
    gone.path.unlink()
    damaged.path.write_bytes(b"nothing")
    await place.service.refresh()
    assert place.speed(unseen) == before


async def test_a_run_on_the_card_says_nothing_of_the_processor(place: Place) -> None:
    place.computer.looks = replace(
        place.computer.looks, cards=(GraphicsCard("card", 8 * GIB, 8 * GIB),)
    )
    unseen = place.model("Q4_0")
    await place.service.refresh()
    on_processor = LoadSettings(gpu_layers=0)
    before = place.speed(unseen, on_processor)
    needs = place.service.assess_model(unseen)
    assert needs is not None
    # nothing is known of how fast this card reads its memory
    assert needs.speed is None
    await place.history.add(place.model("Q8_0"), 90.0)
    await place.service.refresh()
    assert place.speed(unseen, on_processor) == before
    low, high = place.speed(unseen)
    assert low < 150 < high
    await place.history.add(place.model("F16"), 15.0, settings=LoadSettings(gpu_layers=0))
    await place.service.refresh()
    assert place.speed(unseen, on_processor) != before
    assert place.speed(unseen) == (low, high)
    # some layers here and some there say nothing of either
    await place.history.add(place.model("F32"), 1.0, settings=LoadSettings(gpu_layers=5))
    await place.service.refresh()
    assert place.speed(unseen) == (low, high)


async def test_a_run_shared_out_because_nobody_chose_says_nothing_of_the_card(
    place: Place,
) -> None:
    card = GraphicsCard("card", 8 * GIB, 8 * GIB, 500e9)
    place.computer.looks = replace(place.computer.looks, cards=(card,))
    unseen, large = place.model("Q4_0"), place.model("Q8_0", EIGHT_BILLION)
    await place.service.refresh()
    before, alone = place.speed(unseen), place.speed(unseen, LoadSettings(gpu_layers=0))
    needs = place.service.assess_model(large)
    assert needs is not None
    assert needs.card_layers is not None
    assert 0 < needs.card_layers < 33
    await place.history.add(large, 4.0)
    await place.service.refresh()
    assert place.speed(unseen) == before
    assert place.speed(unseen, LoadSettings(gpu_layers=0)) == alone
    # a card that is too full for any layer leaves all to the processor
    place.computer.looks = replace(place.computer.looks, cards=(replace(card, free_bytes=GIB),))
    await place.service.refresh()
    assert place.speed(unseen, LoadSettings(gpu_layers=0)) != alone


async def test_where_graphics_share_the_memory_its_bandwidth_counts(place: Place) -> None:
    await place.service.refresh()
    unseen = place.model("Q4_0")
    on_processor = place.speed(unseen)
    place.computer.looks = replace(place.computer.looks, is_unified=True)
    await place.service.refresh()
    # graphics unpack weights while the next ones come
    assert place.speed(unseen)[1] > on_processor[1] * 1.1
    assert place.speed(unseen, LoadSettings(gpu_layers=0)) == on_processor
    await place.history.add(place.model("Q8_0"), 3.0)
    await place.service.refresh()
    assert place.speed(unseen)[1] < on_processor[1]
    assert place.speed(unseen, LoadSettings(gpu_layers=0)) == on_processor


async def test_the_context_is_the_one_a_load_would_choose(place: Place) -> None:
    place.computer.looks = replace(place.computer.looks, ram_free_bytes=6 * GIB)
    await place.service.refresh()
    model = place.model("Q4_K", EIGHT_BILLION)
    needs = place.service.assess_model(model)
    assert needs is not None
    room = budget(16 * GIB, 6 * GIB)
    assert needs.need.context == default_context(read_header(model.path), LoadSettings(), room)
    assert needs.need.context < 8_192


async def test_a_projector_and_other_versions_are_taken_into_account(place: Place) -> None:
    await place.service.refresh()
    model = place.model("F16", EIGHT_BILLION)
    header = read_header(model.path)
    needs = place.service.assess(header, others=[("Q4_K_M", 5 * GIB)])
    assert needs.verdict is Compatibility.WONT_FIT
    assert ChangeKind.SMALLER_QUANTIZATION in {change.kind for change in needs.changes}
    small = place.model("Q8_0")
    plain = place.service.assess_model(small)
    sees = place.service.assess_model(replace(small, projector_bytes=GIB))
    assert plain is not None
    assert sees is not None
    assert sees.need.needed_bytes > plain.need.needed_bytes + GIB


async def test_what_cannot_be_used_has_no_requirements(place: Place) -> None:
    model = place.model("Q8_0")
    assert place.service.assess_model(replace(model, problem="damaged")) is None
    assert place.service.assess_model(replace(model, is_present=False)) is None
    model.path.write_bytes(b"no longer a model")
    assert place.service.assess_model(model) is None


async def test_elsewhere_is_always_an_estimate(place: Place) -> None:
    model = place.model("Q4_K", EIGHT_BILLION)
    await place.history.add(model, 2.0)
    await place.service.refresh()
    found = place.service.elsewhere(read_header(model.path))
    assert [device for device, _ in found] == list(devices())
    for device, needs in found:
        assert needs.machine == device.machine
        assert needs.speed is not None
        assert needs.speed.provenance is Provenance.ESTIMATED
        assert needs.speed.low_tokens_per_s < needs.speed.high_tokens_per_s
    verdicts = {device.id: needs.verdict for device, needs in found}
    # 4.5 GB of weights: too much for a phone, little for the cards
    assert verdicts["phone"] is Compatibility.WONT_FIT
    assert verdicts["laptop"] is Compatibility.RUNS
    assert verdicts["gaming"] is verdicts["cloud"] is Compatibility.RUNS_GREAT


async def test_a_tiny_model_is_faster_where_memory_is_faster(place: Place) -> None:
    path = write_dense(place.folder / "tiny.gguf", "llama", Dense(layers=2, width=256))
    found = place.service.elsewhere(read_header(path))
    middles = [middle(needs.speed) for _, needs in found if needs.speed is not None]
    assert len(middles) == len(devices())
    # the table goes from the slowest memory to the fastest
    assert middles == sorted(middles)


async def test_settings_of_this_computer_do_not_go_elsewhere(place: Place) -> None:
    header = read_header(place.model("Q4_K", EIGHT_BILLION).path)
    chosen = LoadSettings(context=4_096, gpu_layers=0, threads=1)
    found = {device.id: needs for device, needs in place.service.elsewhere(header, chosen)}
    assert found["gaming"].card_layers == found["gaming"].all_layers == 33
    assert found["gaming"].need.context == 4_096


@pytest.mark.parametrize(
    ("parameters", "size_bytes", "verdict"),
    [
        (None, None, None),
        (70_000_000_000, None, Compatibility.WONT_FIT),
        (None, 40_000_000_000, Compatibility.WONT_FIT),
        (300_000_000, None, Compatibility.RUNS_GREAT),
        # the size is surer than the number of parameters
        (70_000_000_000, 200_000_000, Compatibility.RUNS_GREAT),
        (14_000_000_000, None, Compatibility.SLOW),
    ],
)
async def test_a_quick_guess_needs_no_header(
    place: Place, parameters: int | None, size_bytes: int | None, verdict: Compatibility | None
) -> None:
    await place.service.refresh()
    assert place.service.guess_by_size(parameters, size_bytes) is verdict


@pytest.mark.parametrize(
    ("task", "architecture"),
    [("feature-extraction", "qwen3"), ("text-to-image", None), (None, "bert"), (None, "flux")],
)
async def test_what_the_hub_says_is_no_chat_model_gets_no_guess(
    place: Place, task: str | None, architecture: str | None
) -> None:
    await place.service.refresh()
    chat = HubModel("a/b", task="text-generation", architecture="qwen3", parameters=300_000_000)
    assert place.service.may_run(chat)
    other = replace(chat, task=task, architecture=architecture)
    assert place.service.guess_best(other) is None
    assert not place.service.may_run(other)


async def test_what_may_run_here_is_not_slow(place: Place) -> None:
    await place.service.refresh()
    large = HubModel("a/b", parameters=14_000_000_000)
    assert place.service.guess_best(large) is Compatibility.SLOW
    assert not place.service.may_run(large)


async def test_a_listed_model_that_is_too_large_is_offered_smaller(place: Place) -> None:
    model = place.model("F16")
    place.computer.looks = replace(place.computer.looks, ram_free_bytes=GIB * 3 // 2)
    await place.service.refresh()
    needs = place.service.assess_model(model)
    assert needs is not None
    assert needs.verdict is Compatibility.WONT_FIT
    smaller = [one for one in needs.changes if one.kind is ChangeKind.SMALLER_QUANTIZATION]
    assert [one.detail for one in smaller] == ["Q8_0"]
