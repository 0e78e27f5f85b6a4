"""What the training hears: pieces, voices, degradations, batches. Synthetic speech, CPU, seconds."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from support.training import CHANNELS, HEAD, RATE, stand_in_teacher, voice
from training import augment, batches, data, student, voices
from training.cache import Builder, jobs

pytest_plugins = ["support.training_fixtures"]


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


def test_a_crops_own_vector_is_that_of_its_frames(shard: data.Shard, drawn: batches.Batches) -> None:
    start, samples = 3 * data.FRAME_HOP, RATE
    crop = shard.waves[start : start + samples].astype(np.float32) / 32767
    at = start + np.arange(data.FRAME_FIRST, samples - data.FRAME_FIRST + 1, data.FRAME_HOP)
    assert np.abs(shard.frames_at(0, at).astype(int) - stand_in_teacher(np.asarray(crop, np.float32))).max() <= 1
    batch = drawn[3]
    # Half of every target is its voice's mean, so that no other voice's is nearer.
    assert ((batch.target - drawn.mean) @ drawn.centres.T).argmax(1).tolist() == batch.label.tolist()
