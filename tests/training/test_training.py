"""The training package: what it hears, what it asks, and that a kill costs nothing. Synthetic speech, CPU, seconds."""

import itertools
import sys
from pathlib import Path

import numpy as np
import pytest
from support.paths import MODELS, SCRIPTS

torch = pytest.importorskip("torch")
sys.path.insert(0, str(SCRIPTS))

from training import augment, batches, beside, data, loop, losses, student, voices, watch  # noqa: E402
from training.cache import Builder, jobs  # noqa: E402
from training.teacher import Head  # noqa: E402

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


CHANNELS = 24
HEAD = Head(np.random.default_rng(5).standard_normal((192, 2 * CHANNELS), np.float32), np.ones(192, np.float32))


def stand_in_teacher(piece: data.Wave) -> data.Frames:
    """How the power lies over 24 bands, every 20 ms (num_frames, 24): enough of a voice for these tests."""
    frames = np.lib.stride_tricks.sliding_window_view(piece, 2 * data.FRAME_FIRST)[:: data.FRAME_HOP]
    power = np.abs(np.fft.rfft(frames)[:, 1 : 1 + 8 * CHANNELS]) ** 2
    level = np.log10(power.reshape(len(frames), CHANNELS, 8).sum(2) + 1e-4)
    return np.asarray(np.clip((level + 4) * data.FRAME_SCALE / 2, 0, 255), dtype=np.uint8)


@pytest.fixture
def shard(tmp_path: Path) -> data.Shard:
    pieces = [voice(90 + 12 * n, 2.2, seed=m) for n in range(8) for m in range(2)]
    speakers = [f"librispeech/speaker-{n}/s1.00f1.00" for n in range(8) for _ in range(2)]
    held = [n >= 6 for n in range(8) for _ in range(2)]
    folder = tmp_path / "librispeech-s1.00f1.00"
    data.write_shard(folder, pieces, speakers, held, [stand_in_teacher(p) for p in pieces], HEAD)
    return data.read_shard(folder)


@pytest.fixture
def drawn(shard: data.Shard) -> batches.Batches:
    mean = batches.teacher_mean([shard])
    return batches.Batches([shard], mean, HEAD, size=6, bank=8, crops=((1.5, 1.0),))


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
        data.write_shard(tmp_path / "bad", [voice(90, 2.2)], [], [], [stand_in_teacher(voice(90, 2.2))], HEAD)


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
        Builder(stand_in_teacher, HEAD, held=0.4).build(folder, clips, variant)
        for speaker, out in zip(data.read_shard(folder).speakers, data.read_shard(folder).held, strict=True):
            assert out == data.is_held_out("librispeech", speaker.split("/")[1], 0.4)
            assert variant == voices.Variant() or not out
    assert ("librispeech", voices.Variant()) in jobs(["librispeech", "mine"])
    assert ("mine", voices.Variant(0.9)) in jobs(["librispeech", "mine"]), "an unknown corpus is used as well"


def test_voices_to_avoid_stay_out_of_further_speech(tmp_path: Path) -> None:
    soundfile = pytest.importorskip("soundfile")
    for name, pitch in (("unknown-1", 90), ("unknown-2", 300)):
        (tmp_path / "speech/found" / name).mkdir(parents=True)
        soundfile.write(tmp_path / "speech/found" / name / "a.wav", voice(pitch, 3.0), RATE)
    clips = data.list_clips(tmp_path / "speech")
    vectors = [batches.unit(HEAD(stand_in_teacher(data.cut(data.read_clip(c.path))[0]))) for c in clips]
    mean = np.mean(vectors, axis=0)
    avoid = (batches.unit(vectors[0] - mean)[None], mean)
    Builder(stand_in_teacher, HEAD, held=0.0, avoid=avoid).build(tmp_path / "found", clips)
    assert data.read_shard(tmp_path / "found").speakers == ("found/unknown-2/s1.00f1.00",)


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
    assert one.frames.shape == (6, 1 + round(1.5 * RATE) // batches.STUDENT_HOP, CHANNELS)
    assert np.allclose(np.linalg.norm(one.target, axis=1), 1, atol=1e-5)
    assert len(drawn.centres) == 6, "speakers that are held out are never drawn"


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


def test_a_crops_own_vector_is_that_of_its_frames(shard: data.Shard, drawn: batches.Batches) -> None:
    start, samples = 3 * data.FRAME_HOP, RATE
    crop = shard.waves[start : start + samples].astype(np.float32) / 32767
    at = start + np.arange(data.FRAME_FIRST, samples - data.FRAME_FIRST + 1, data.FRAME_HOP)
    assert np.abs(shard.frames_at(0, at).astype(int) - stand_in_teacher(np.asarray(crop, np.float32))).max() <= 1
    batch = drawn[3]
    # Half of every target is its voice's mean, so that no other voice's is nearer.
    assert ((batch.target - drawn.mean) @ drawn.centres.T).argmax(1).tolist() == batch.label.tolist()


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
