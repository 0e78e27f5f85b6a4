"""The speech in a recording of several channels and tracks: where people are heard, each channel for itself.

Channels are never averaged: what cancels, hums or is dead in one would spoil the other. Where two channels hold
different people, as in a call with one party a channel, each is a party of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from voiceprint.audio.quality import frame_powers
from voiceprint.audio.recording import Recording, Track, Waveform
from voiceprint.audio.segmenter import FRAME_SAMPLES, FRAME_SECONDS
from voiceprint.audio.vad import Origin, Utterance, VoiceActivity, listen
from voiceprint.domain.vocabulary import Notice
from voiceprint.errors import InputError

__all__ = ["ANY", "Choice", "Party", "main_utterance", "parties_of"]

# A track counts as one with speech if it has this share of what the best one has: the first of those is heard.
TRACK_SHARE = 0.5
# In a frame a channel speaks alone if it is so much louder than the others, each against its own level of speech.
OWN_DB = 10.0
# Speech of its own makes a channel a party: so much of it, and this share of all its speech.
OWN_SECONDS, OWN_SHARE = 1.0, 0.25
# Among channels of the same speech those with nearly all of it are compared by their noise, 3 dB being a difference.
MOST_SPEECH, SNR_STEP_DB = 0.8, 3.0
# Frames that are averaged before channels are compared: they may lie some milliseconds apart.
_SMOOTH_FRAMES = 5


@dataclass(frozen=True, slots=True)
class Choice:
    """The ``track`` and ``channel`` to hear, both counted from 1; None: wherever speech is."""

    track: int | None = None
    channel: int | None = None


ANY = Choice()


@dataclass(frozen=True, slots=True)
class Party:
    """``channel``: counted from 1, None for a recording of one. ``waveform``: what the utterance was heard in."""

    channel: int | None
    waveform: Waveform
    utterance: Utterance


def parties_of(recording: Recording, activity: VoiceActivity, choice: Choice = ANY) -> tuple[Party, ...]:
    """The best channel, or one for each person who has a channel alone, in order of channels.

    Raises InputError: ``no_such_channel``, ``no_such_track``.
    """
    track, parties = _heard_track(recording, activity, choice)
    warnings = recording.warnings()
    if recording.audio_tracks > 1 and choice.track is None:
        said = f"The file has {recording.audio_tracks} audio tracks; track {track} was heard."
        warnings = (*warnings, Notice(code="several_tracks", message=said))
    chosen = parties if choice.channel is not None else _chosen(parties)
    origin = Origin(
        track=track if recording.audio_tracks > 1 else None,
        lost_seconds=recording.lost_seconds,
        parties=tuple(party.channel for party in chosen if party.channel is not None) if len(chosen) > 1 else (),
    )
    return tuple(_told(party, origin, warnings) for party in chosen)


def main_utterance(parties: Sequence[Party]) -> Utterance:
    """Of several parties the one with most speech."""
    return max((party.utterance for party in parties), key=lambda utterance: utterance.speech_seconds)


def _told(party: Party, origin: Origin, warnings: tuple[Notice, ...]) -> Party:
    """The same with what is to be said about where it was heard."""
    utterance = replace(party.utterance, origin=replace(origin, channel=party.channel), warnings=warnings)
    return replace(party, utterance=utterance)


def _heard_track(recording: Recording, activity: VoiceActivity, choice: Choice) -> tuple[int, list[Party]]:
    """The number of the track that is heard, and its channels."""
    wanted = [one for one in recording.tracks if choice.track in (None, one.number)]
    if not wanted:
        raise InputError("no_such_track", f"The recording has no audio track {choice.track} that can be heard.")
    heard = [(one.number, _channels(one, activity, choice.channel)) for one in wanted]
    speech = [max(party.utterance.speech_seconds for party in parties) for _, parties in heard]
    return next(one for one, seconds in zip(heard, speech, strict=True) if seconds >= TRACK_SHARE * max(speech))


def _channels(track: Track, activity: VoiceActivity, channel: int | None) -> list[Party]:
    """The channels of a track that differ, or the one that is wanted."""
    channels = track.channels
    if channel is not None:
        if not 1 <= channel <= len(channels):
            raise InputError(
                "no_such_channel", f"The recording has {len(channels)} channels, and no channel {channel}."
            )
        return [_party(channel, channels[channel - 1], activity)]
    if len(channels) == 1:
        return [_party(None, channels[0], activity)]
    found: list[Party] = []
    for number, waveform in enumerate(channels, start=1):
        if not any(np.array_equal(waveform.samples, party.waveform.samples) for party in found):
            found.append(_party(number, waveform, activity))
    return found


def _party(channel: int | None, waveform: Waveform, activity: VoiceActivity) -> Party:
    return Party(channel, waveform, listen(waveform, activity))


def _chosen(parties: Sequence[Party]) -> list[Party]:
    """The parties, where there are several; else the one channel that is heard best."""
    speaking = [party for party in parties if party.utterance.speech_seconds]
    if len(speaking) > 1:
        own = _own_seconds(speaking)
        alone = [
            party
            for party, seconds in zip(speaking, own, strict=True)
            if seconds >= max(OWN_SECONDS, OWN_SHARE * party.utterance.speech_seconds)
        ]
        if len(alone) > 1:
            return alone
    best = max(party.utterance.speech_seconds for party in parties)
    return [max((party for party in parties if party.utterance.speech_seconds >= MOST_SPEECH * best), key=_clearness)]


def _clearness(party: Party) -> int:
    return round((party.utterance.level.snr_db or 0.0) / SNR_STEP_DB)


def _own_seconds(parties: Sequence[Party]) -> list[float]:
    """How long each speaks while the others are far below their own level."""
    count = len(parties[0].waveform.samples) // FRAME_SAMPLES
    spoken = np.stack([_spoken(party.utterance, count) for party in parties])
    powers = np.stack([_smooth(frame_powers(_frames(party.waveform, count))) for party in parties])
    levels = np.stack([power[mask].mean() for power, mask in zip(powers, spoken, strict=True)])
    decibels = 10 * np.log10(powers / levels[:, None] + 1e-10)
    seconds = []
    for number in range(len(parties)):
        others = np.delete(decibels, number, axis=0).max(axis=0)
        alone = spoken[number] & (decibels[number] - others >= OWN_DB)
        seconds.append(float(alone.sum()) * FRAME_SECONDS)
    return seconds


def _frames(waveform: Waveform, count: int) -> NDArray[np.float32]:
    return waveform.samples[: count * FRAME_SAMPLES].reshape(count, FRAME_SAMPLES)


def _spoken(utterance: Utterance, count: int) -> NDArray[np.bool_]:
    """Whether each frame lies in a span of speech."""
    mask = np.zeros(count, bool)
    for segment in utterance.segments:
        mask[round(segment.start / FRAME_SECONDS) : round(segment.end / FRAME_SECONDS)] = True
    return mask


def _smooth(powers: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.convolve(powers, np.full(_SMOOTH_FRAMES, 1 / _SMOOTH_FRAMES), mode="same")
