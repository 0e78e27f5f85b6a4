"""The training package: what it hears, what it asks, and that a kill costs nothing. Synthetic speech, CPU, seconds."""

import itertools
import sys
from pathlib import Path

import numpy as np
import pytest
from support.paths import MODELS, SCRIPTS

torch = pytest.importorskip("torch")
sys.path.insert(0, str(SCRIPTS))

from training import augment, batches, data, fold, loop, losses, student, voices, watch  # noqa: E402
from training.cache import build_shard, jobs  # noqa: E402

RATE = data.SAMPLE_RATE
COMPACT = MODELS / "ecapa-compact"
SMALL = (16, 16, 16, 16, 32)


def voice(pitch: float, seconds: float, seed: int = 0) -> data.Wave:
    """A buzzing voice (num_samples,): harmonics of `pitch` Hz under two formants, with a little noise."""
    time = np.arange(round(seconds * RATE)) / RATE
    harmonics = np.arange(1, int(7000 / pitch)) * pitch
    gain = np.exp(-(((harmonics - 5 * pitch) / 400) ** 2)) + 0.5 * np.exp(-(((harmonics - 2200) / 500) ** 2)) + 0.02
    wave = (gain[:, None] * np.sin(2 * np.pi * harmonics[:, None] * time)).sum(0)
    wave += 0.01 * np.random.default_rng(seed).standard_normal(len(time))
    return np.asarray(wave / np.abs(wave).max() * 0.5, dtype=np.float32)


def stand_in_teacher(piece: data.Wave) -> data.Wave:
    """A vector (192,) that says how the power lies over 192 bands: enough of a voice for these tests."""
    power = np.abs(np.fft.rfft(piece[: 2 * RATE])) ** 2
    return np.asarray(np.log(power[: 192 * 80].reshape(192, 80).sum(1) + 1e-6), dtype=np.float32)


@pytest.fixture
def shard(tmp_path: Path) -> data.Shard:
    pieces = [voice(90 + 12 * n, 2.2, seed=m) for n in range(8) for m in range(2)]
    speakers = [f"librispeech/speaker-{n}/s1.00f1.00" for n in range(8) for _ in range(2)]
    held = [n >= 6 for n in range(8) for _ in range(2)]
    folder = tmp_path / "librispeech-s1.00f1.00"
    data.write_shard(folder, pieces, speakers, held, np.stack([stand_in_teacher(p) for p in pieces]))
    return data.read_shard(folder)


@pytest.fixture
def drawn(shard: data.Shard) -> batches.Batches:
    return batches.Batches([shard], batches.teacher_mean([shard]), size=6, bank=8, crops=((1.5, 1.0),))


def test_split_is_by_speaker_and_the_same_everywhere() -> None:
    names = [f"speaker-{n}" for n in range(2000)]
    held = {n for n in names if data.is_held_out("librispeech", n, 0.05)}
    assert held == {n for n in names if data.is_held_out("librispeech", n, 0.05)}
    assert 60 < len(held) < 140
    assert held <= {n for n in names if data.is_held_out("librispeech", n, 0.1)}, "a larger share only adds"


def test_pieces_have_the_teachers_lengths_and_do_not_overlap() -> None:
    wave = np.arange(15 * RATE, dtype=np.float32)
    pieces = data.cut(wave)
    assert {len(p) / RATE for p in pieces} <= set(data.PIECE_SECONDS)
    assert all(a[-1] < b[0] for a, b in itertools.pairwise(pieces))
    assert sum(map(len, pieces)) >= 0.75 * len(wave)
    assert data.cut(wave[: 2 * RATE]) == [], "too short for the teacher"


def test_shard_comes_back_as_it_was_written(shard: data.Shard, tmp_path: Path) -> None:
    first = shard.waves[: shard.starts[1]].astype(np.float32) / 32767
    assert np.abs(first - voice(90, 2.2)).max() < 1e-4
    assert shard.speakers[0] == shard.speakers[1] != shard.speakers[2]
    assert not list(tmp_path.glob("*.partial"))
    with pytest.raises(ValueError, match="do not pair up"):
        data.write_shard(tmp_path / "bad", [voice(90, 2.2)], [], [], np.zeros((1, 192), np.float32))


def test_held_out_speakers_are_never_trained_on_in_any_voice(tmp_path: Path) -> None:
    soundfile = pytest.importorskip("soundfile")
    names = [f"speaker-{n}" for n in range(12)]
    for number, name in enumerate(names):
        (tmp_path / "speech/librispeech" / name).mkdir(parents=True)
        soundfile.write(tmp_path / "speech/librispeech" / name / "a.wav", voice(90 + 10 * number, 3.0), RATE)
    clips = data.list_clips(tmp_path / "speech")
    assert [c.speaker for c in clips] == sorted(names)
    for variant in (voices.Variant(), voices.Variant(1.1)):
        folder = tmp_path / f"librispeech-{variant.name}"
        build_shard(folder, clips, variant, stand_in_teacher, held_share=0.4)
        for speaker, out in zip(data.read_shard(folder).speakers, data.read_shard(folder).held, strict=True):
            assert out == data.is_held_out("librispeech", speaker.split("/")[1], 0.4)
            assert variant == voices.Variant() or not out
    assert ("librispeech", voices.Variant()) in jobs(["librispeech", "mine"])
    assert ("mine", voices.Variant(0.9)) in jobs(["librispeech", "mine"]), "an unknown corpus is used as well"


def peak_hz(wave: data.Wave) -> float:
    return float(np.abs(np.fft.rfft(wave * np.hanning(len(wave)))).argmax() * RATE / len(wave))


def test_speed_moves_everything_and_formants_leave_the_pitch() -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE).astype(np.float32)
    fast = voices.change_speed(tone, 1.25)
    assert len(fast) == round(RATE / 1.25)
    assert peak_hz(fast) == pytest.approx(550, abs=2)
    wave = voice(120, 2.0)
    same = voices.shift_formants(wave, 1.0 + 1e-9)
    assert np.abs(same - wave).max() < 1e-3, "taking a wave apart and together again changes nothing"
    higher = voices.shift_formants(wave, 1.25)
    assert len(higher) == len(wave)
    lines = [np.abs(np.fft.rfft(w))[[240 * k for k in range(1, 40)]] for w in (wave, higher)]
    centre = [(np.arange(1, 40) * power**2).sum() / (power**2).sum() for power in lines]
    assert centre[1] > 1.08 * centre[0], "the harmonics stay in place and their envelope moves up"


def test_degraded_crops_keep_shape_and_stay_in_range() -> None:
    wave, others = voice(120, 1.5), [voice(200, 1.5)]
    rng = np.random.default_rng(0)
    heard = [augment.degrade(wave, others if n % 2 else [], rng) for n in range(60)]
    assert {h.shape for h in heard} == {wave.shape}
    assert {h.dtype for h in heard} == {np.dtype(np.float32)}
    assert all(np.isfinite(h).all() and 0 < np.abs(h).max() <= 1 for h in heard)
    assert len({h.tobytes() for h in heard}) == 60, "another one each time"


def test_noise_lies_where_it_was_asked_and_the_line_is_narrow() -> None:
    rng = np.random.default_rng(1)
    speech = np.fft.rfft(voice(120, 1.5)).astype(np.complex64)
    for snr in (3.0, 10.0, 25.0):
        noise = augment.noise_at(speech, augment.noise(int(1.5 * RATE), rng), snr)
        assert 20 * np.log10(np.linalg.norm(speech) / np.linalg.norm(noise)) == pytest.approx(snr, abs=0.05)
    for _ in range(10):
        gain = augment.band(RATE, rng)
        assert gain[7900] < 0.7
        assert gain[1000] == 1.0
    room = augment.room(rng, (0.5, 0.5))
    assert room[0] == 1.0
    assert np.abs(room[-800:]).max() < 0.05 * np.abs(room[1:]).max()


def test_mask_hides_little_and_only_sometimes() -> None:
    heard = student.mask(torch.ones(40, 100, 80), torch.Generator().manual_seed(0))
    hidden = (heard == 0).float().mean((1, 2))
    assert 10 < int((hidden > 0).sum()) < 30
    assert hidden.max() < 0.25


def test_batch_is_a_function_of_its_number(shard: data.Shard, drawn: batches.Batches) -> None:
    one, again, other = drawn[3], drawn[3], drawn[4]
    assert np.array_equal(one.waves, again.waves)
    assert not np.array_equal(one.waves, other.waves)
    assert one.waves.shape == (6, round(1.5 * RATE))
    assert one.bank.shape == (8, 192)
    assert np.allclose(np.linalg.norm(one.target, axis=1), 1, atol=1e-5)
    assert len(drawn.target) == int((~shard.held).sum()), "speakers that are held out are never drawn"


def test_loss_is_least_at_the_target_and_sees_the_neighbours() -> None:
    rows = torch.nn.functional.normalize(torch.randn(40, 192, generator=torch.Generator().manual_seed(0)), dim=1)
    target, bank = rows[:8], rows[8:]
    right, wrong = (losses.distillation(s, target, bank, weight=0.2) for s in (target * 7, target.roll(1, 0)))
    assert float(right[0]) == pytest.approx(0, abs=1e-5), "length does not count, and nothing is left to gain"
    assert float(wrong[1]) > 0.5
    assert float(wrong[2]) > 1


def test_the_margin_asks_for_more_than_being_nearest() -> None:
    centres = torch.eye(4, 192)
    label = torch.tensor([0, 1, 2])
    at_home = losses.angular_margin(centres[:3] * 5, label, centres)
    between = losses.angular_margin((centres[:3] + 0.9 * centres[3]) * 5, label, centres)
    elsewhere = losses.angular_margin(centres[1:4] * 5, label, centres)
    opposite = losses.angular_margin(-centres[:3], label, centres)
    assert float(at_home) < 0.01 < 1 < float(between), "nearest, but not by the margin"
    assert float(between) < min(float(elsewhere), float(opposite))


def test_whose_voice_a_crop_is_stands_beside_it(drawn: batches.Batches, shard: data.Shard) -> None:
    batch = drawn[3]
    assert drawn.centres.shape == (len({n for n, out in zip(shard.speakers, shard.held, strict=True) if not out}), 192)
    # Every target is half its voice's centre, so that no other voice's centre is nearer.
    assert (batch.target @ drawn.centres.T).argmax(1).tolist() == batch.label.tolist()


def test_rates_of_known_scores() -> None:
    far = np.array([[1, 0], [1, 0.01], [0, 1], [0.01, 1]], np.float32)
    assert watch.equal_error_rate(far, np.array(["a", "a", "b", "b"])) == 0
    assert watch.equal_error_rate(far, np.array(["a", "b", "b", "a"])) >= 0.5
    assert np.isnan(watch.equal_error_rate(far, np.array(["a", "b", "c", "d"])))


def small_run(plan: loop.Plan) -> loop.Run:
    torch.manual_seed(0)
    return loop.Run.start(student.network(SMALL, attention_channels=8), plan)


def test_three_steps_learn_and_resume_exactly(drawn: batches.Batches, shard: data.Shard, tmp_path: Path) -> None:
    plan = loop.Plan(steps=6, decay=2, warmup=2)
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
    assert lines[-1]["loss"] < lines[0]["loss"]
    found = loop.evaluate(whole.network, whole.mean, {"2s": watch.watched([shard], 2.0)})
    assert 0 <= found["2s/all"] <= 1


def test_learning_rate_rises_stays_and_falls() -> None:
    plan = loop.Plan(steps=1000, decay=200, rate=1e-3, warmup=100)
    assert plan.rate_at(0) == pytest.approx(1e-5)
    assert plan.rate_at(500) == plan.rate
    assert plan.rate_at(900) == pytest.approx(5e-4)
    assert plan.rate_at(999) < 1e-5


def test_last_layer_is_fitted_to_the_targets(drawn: batches.Batches) -> None:
    network = student.network(SMALL, attention_channels=8)
    features, batch = student.Features(), drawn[0]

    def distance() -> float:
        network.eval()
        with torch.inference_mode():
            vectors = network(features(torch.as_tensor(batch.waves))).squeeze(1)
        return float(losses.distillation(vectors, torch.as_tensor(batch.target), torch.as_tensor(batch.bank), 0.0)[1])

    before = distance()
    loop.fit_last_layer(network, drawn, count=4)
    assert distance() < before


def test_folding_centres_whitens_and_keeps_the_format(tmp_path: Path) -> None:
    state = torch.load(COMPACT / "embedding_model.ckpt", map_location="cpu", weights_only=True)
    network = student.network()
    network.load_state_dict(state)
    network.eval()
    features, waves = student.Features(), torch.from_numpy(np.stack([voice(80 + 9 * n, 1.0, n) for n in range(24)]))
    with torch.inference_mode():
        before = network(features(waves)).squeeze(1).numpy()
        folded = fold.fold(state, before, power=-0.5)
        network.load_state_dict(folded)
        after = network(features(waves)).squeeze(1).numpy()
    mean, matrix = fold.whitening(before, -0.5)
    assert np.abs(after - (before - mean) @ matrix).max() < 1e-3 * np.abs(after).max()
    assert np.abs(after.mean(0)).max() < 1e-3 * np.abs(after).max()
    spread = [np.linalg.eigvalsh(np.cov(v.T))[-20:] for v in (before, after)]
    assert spread[1][-1] / spread[1][0] < spread[0][-1] / spread[0][0], "rounder than before"
    student.save_folder(folded, tmp_path / "model", COMPACT)
    stored = torch.load(tmp_path / "model" / "embedding_model.ckpt", map_location="cpu", weights_only=True)
    assert {k: (v.shape, v.dtype) for k, v in stored.items()} == {k: (v.shape, v.dtype) for k, v in state.items()}
    assert (tmp_path / "model" / "hyperparams.yaml").read_bytes() == (COMPACT / "hyperparams.yaml").read_bytes()
    assert len((tmp_path / "model" / "SHA256SUMS").read_text().splitlines()) == 2


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


def test_band_limits_of_the_judgement() -> None:
    from training import judge

    wave = voice(120, 2.0)
    for name, change in judge.CONDITIONS.items():
        heard = change(wave, 0)
        assert heard.dtype == np.float32, name
        assert abs(len(heard) - len(wave)) <= 0.05 * RATE, name
    noise = judge.noisy(wave, 0) - wave
    assert 10 * np.log10((wave**2).mean() / (noise**2).mean()) == pytest.approx(10, abs=0.1)
    power = np.abs(np.fft.rfft(judge.telephone(wave, 0))) ** 2
    assert power[2 * 4200 :].sum() < 0.01 * power.sum()
