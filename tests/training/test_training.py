"""What the training asks, and that a kill costs nothing. Synthetic speech, CPU, seconds."""

from pathlib import Path

import numpy as np
import pytest
import torch
from support.paths import MODELS
from support.training import CHANNELS, RATE, voice
from training import batches, beside, data, loop, losses, student, watch

pytest_plugins = ["support.training_fixtures"]

COMPACT = MODELS / "ecapa-compact"
SMALL = (16, 16, 16, 16, 32)


def test_loss_is_least_at_the_target_and_sees_the_neighbours() -> None:
    rows = torch.nn.functional.normalize(torch.randn(40, 192, generator=torch.Generator().manual_seed(0)), dim=1)
    mean = torch.full((192,), 0.03)
    target, bank = rows[:8], torch.nn.functional.normalize(rows[8:] - mean, dim=1)
    right, wrong = (losses.distillation(s, target, mean, bank, weight=0.2) for s in (target * 7, target.roll(1, 0)))
    assert float(right[0]) == pytest.approx(0, abs=1e-5), "length does not count, and nothing is left to gain"
    assert float(wrong[1]) > 0.5
    assert float(wrong[2]) > 1


def test_frames_are_compared_in_the_teachers_units() -> None:
    frames = torch.randint(0, 255, (2, 30, CHANNELS), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    told = frames.transpose(1, 2).float() / data.FRAME_SCALE
    assert float(losses.frame_distance(told, frames)) == 0
    middle = told.mean(dim=(0, 2), keepdim=True).expand_as(told)
    assert float(losses.frame_distance(middle, frames)) == pytest.approx(1, abs=0.05), "the mean tells nothing"


def test_the_margin_asks_for_more_than_being_nearest() -> None:
    centres = torch.eye(4, 192)
    label = torch.tensor([0, 1, 2])
    at_home = losses.angular_margin(centres[:3] * 5, label, centres)
    between = losses.angular_margin((centres[:3] + 0.9 * centres[3]) * 5, label, centres)
    elsewhere = losses.angular_margin(centres[1:4] * 5, label, centres)
    opposite = losses.angular_margin(-centres[:3], label, centres)
    assert float(at_home) < 0.01 < 1 < float(between), "nearest, but not by the margin"
    assert float(between) < min(float(elsewhere), float(opposite))


def test_rates_of_known_scores() -> None:
    same = np.array([True, True, False, False])
    assert watch.equal_error_rate(np.array([0.9, 0.8, 0.2, 0.1], np.float32), same) == 0
    assert watch.equal_error_rate(np.array([0.1, 0.2, 0.8, 0.9], np.float32), same) == 1
    assert np.isnan(watch.equal_error_rate(np.zeros(4, np.float32), same | True))


def test_a_student_is_judged_alone_and_beside_its_teacher() -> None:
    vectors = np.eye(4, dtype=np.float32)[[0, 0, 1, 1]] + 0.01
    speakers = np.array(["a/1", "a/1", "a/2", "a/2"])
    found = watch.rates(vectors, watch.Watched(np.zeros((4, 1), np.float32), speakers, vectors * 3))
    assert (found["a"], found["all"], found["mixed"]) == (0, 0, 0)
    assert found["cosine"] == pytest.approx(1)
    assert found["apart_other"] == pytest.approx(0, abs=1e-6)
    swapped = watch.rates(vectors, watch.Watched(np.zeros((4, 1), np.float32), speakers, vectors[::-1]))
    assert (swapped["all"], swapped["mixed"]) == (0, 1)
    assert swapped["cosine"] < 0.1


def small_run(plan: loop.Plan) -> loop.Run:
    torch.manual_seed(0)
    return loop.Run.start(student.Student(student.network(SMALL, attention_channels=8), CHANNELS), plan)


def test_three_steps_learn_and_resume_exactly(drawn: batches.Batches, shard: data.Shard, tmp_path: Path) -> None:
    plan = loop.Plan(steps=6, decay=2, warmup=2, rate=5e-3)
    whole = small_run(plan)
    lines = list(loop.train(whole, drawn, plan, until=6, workers=0))
    first = small_run(plan)
    list(loop.train(first, drawn, plan, until=3, workers=0))
    first.save(tmp_path / "checkpoint.pt")
    second = small_run(plan)
    second.load(tmp_path / "checkpoint.pt")
    assert second.step == 3
    resumed = list(loop.train(second, drawn, plan, until=6, workers=0))
    assert resumed == lines[3:]
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, second.network.state_dict()[name]), name
        assert torch.equal(whole.mean[name], second.mean[name]), name
    assert lines[-1]["distance"] < lines[0]["distance"]
    found = loop.evaluate(whole.network, whole.mean, {"2s": watch.watched([shard], 2.0)})
    assert 0 <= found["2s/all"] <= 1


def test_learning_rate_rises_stays_and_falls() -> None:
    plan = loop.Plan(steps=1000, decay=200, rate=1e-3, warmup=100)
    assert plan.rate_at(0) == pytest.approx(1e-5)
    assert plan.rate_at(500) == plan.rate
    assert plan.rate_at(900) == pytest.approx(5e-4)
    assert plan.rate_at(999) < 1e-5


def test_last_layers_are_fitted_to_the_targets(drawn: batches.Batches) -> None:
    network = student.Student(student.network(SMALL, attention_channels=8), CHANNELS)
    features, batch = student.Features(), drawn[0]
    waves, target, bank, frames, mean = map(
        torch.as_tensor, (batch.waves, batch.target, batch.bank, batch.frames, drawn.mean)
    )

    def distances() -> tuple[float, float]:
        network.eval()
        with torch.inference_mode():
            vectors, told = network(features(waves))
        return float(losses.distillation(vectors, target, mean, bank, 0.0)[1]), float(
            losses.frame_distance(told, frames)
        )

    before = distances()
    loop.fit_last_layers(network, drawn, count=4)
    assert all(now < then for now, then in zip(distances(), before, strict=True))


def test_the_folder_of_a_run_is_the_network_in_the_format_of_its_template(tmp_path: Path) -> None:
    taught = student.Student(student.network(), CHANNELS)
    student.save_folder(student.network_of(taught.state_dict()), tmp_path / "model", COMPACT)
    own, bundled = (
        torch.load(folder / "embedding_model.ckpt", map_location="cpu", weights_only=True)
        for folder in (tmp_path / "model", COMPACT)
    )
    assert {k: (v.shape, v.dtype) for k, v in own.items()} == {k: (v.shape, v.dtype) for k, v in bundled.items()}
    assert (tmp_path / "model" / "hyperparams.yaml").read_bytes() == (COMPACT / "hyperparams.yaml").read_bytes()
    assert len((tmp_path / "model" / "SHA256SUMS").read_text().splitlines()) == 2


def test_probes_beside_the_strong_encoder() -> None:
    strong = batches.unit(np.random.default_rng(0).standard_normal((6, 192), np.float32))
    speakers = ["a", "a", "b", "b", "c", "c"]
    alike = beside.compare(strong, strong, strong, speakers)
    assert alike["cosine"] == pytest.approx(1)
    assert alike["apart"] == 0
    assert alike["eer"] == alike["strong_eer"]
    bent = beside.compare(batches.unit(strong + strong[[1, 0, 3, 2, 5, 4]]), strong, strong, speakers)
    assert bent["eer"] == 0 < bent["strong_eer"]
    assert bent["shift_same"] > 0.3
    wave = np.arange(3 * RATE, dtype=np.float32)
    assert beside.middle(wave, 1).tolist() == wave[RATE : 2 * RATE].tolist()
    assert len(beside.middle(wave, 5)) == 3 * RATE


def test_stored_folder_gives_the_same_vectors_through_encode_batch() -> None:
    from training.judge import folder_encoder

    wave = voice(120, 2.0)
    network = student.network()
    student.load_weights(network, COMPACT)
    network.eval()
    with torch.inference_mode():
        own = network(student.Features()(torch.from_numpy(wave)[None]))[0, 0].numpy()
    stored = folder_encoder(COMPACT)(wave)
    assert stored.shape == (192,)
    assert own @ stored / np.linalg.norm(own) / np.linalg.norm(stored) == pytest.approx(1, abs=1e-5)
