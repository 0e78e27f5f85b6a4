"""One audio track to planar float samples at 16 kHz, through faults and changes of rate, channels and codec.

Belongs to the decoder's child: imports nothing of voiceprint.
"""

import math
from contextlib import suppress

import av

__all__ = ["RATE", "Refusal", "TooMuchError", "TrackDecoder", "check_form"]

RATE = 16_000
MIN_RATE, MAX_RATE = 4_000, 384_000
MAX_CHANNELS = 8
# Samples of all channels: what CDs in surround sound have; silence at 192 kHz in 8 channels packs into nothing.
MOST_A_SECOND = 6 * 48_000
# Floating point may go far beyond full scale, as where the division by 32,768 was forgotten; not by this much.
MAX_LEVEL = 1e6
# A gap in time stamps shorter than this is how the container rounds, a step back further than this a new beginning.
GAP_SECONDS, BACK_SECONDS = 0.25, 1.0
_SAMPLE_BYTES = 4


class Refusal(Exception):
    """The code and the sentence that the parent passes on."""


class TooMuchError(Exception):
    """More channels of sound than may be kept."""


class TrackDecoder:
    """``channels``: float32 samples of each, all of one length. ``lost_seconds``: what did not decode.

    ``number``: counted from 1 among the audio tracks. ``origin``: the time stamp of the beginning, where stamps say
    when it was heard: a gap between them becomes silence. ``layout``: None for the channels as they are, or ``mono``.
    """

    def __init__(
        self, stream: "av.AudioStream", number: int, *, origin: float | None, max_seconds: float, layout: str | None
    ) -> None:
        stream.codec_context.thread_count = 1
        self.stream = stream
        self.number = number
        self.channels: list[bytearray] = []
        self.lost_seconds = 0.0
        self._origin = origin
        self._max_seconds = max_seconds
        self._layout = layout
        self._form: tuple[str, str, int] | None = None
        self._work = int(max_seconds * MOST_A_SECOND)
        self._resampler: av.AudioResampler | None = None
        self._taken = 0

    @property
    def num_samples(self) -> int:
        """A channel, with those that were taken out."""
        return self._taken + self.held

    @property
    def held(self) -> int:
        """Samples a channel that were not taken out."""
        return len(self.channels[0]) // _SAMPLE_BYTES if self.channels else 0

    def take_out(self, samples: int) -> list[bytes]:
        """The first samples of each channel, at most so many, which are held no longer."""
        size = _SAMPLE_BYTES * samples
        out = [bytes(channel[:size]) for channel in self.channels]
        self._taken += min(samples, self.held)
        for channel in self.channels:
            del channel[:size]
        return out

    def take(self, packet: "av.Packet[av.AudioStream]") -> None:
        """Decode a packet; one that does not is counted as lost."""
        try:
            frames = packet.decode()
        except EOFError:
            return
        except av.FFmpegError:
            if packet.duration and packet.time_base:
                self.lost_seconds += float(packet.duration * packet.time_base)
            return
        for frame in frames:
            if isinstance(frame, av.AudioFrame) and frame.samples:
                self._add(frame)

    def finish(self) -> None:
        """The end of the recording: what decoder and resampler still hold."""
        with suppress(av.FFmpegError, EOFError):
            for frame in self.stream.codec_context.decode(None):
                self._add(frame)
        self._flush()
        if all(channel == self.channels[0] for channel in self.channels[1:]):
            del self.channels[1:]

    def _add(self, frame: "av.AudioFrame") -> None:
        self._keep_time(frame)
        form = (frame.format.name, frame.layout.name, frame.sample_rate)
        if form != self._form or self._resampler is None:
            self._flush()
            check_form(frame.sample_rate, frame.layout.nb_channels)
            self._resampler = av.AudioResampler(format="fltp", layout=self._layout or frame.layout, rate=RATE)
            self._form = form
        self._work -= frame.samples * frame.layout.nb_channels
        if self._work < 0:
            raise Refusal("audio_too_long", "The recording is too long for its sample rate and channels.")
        if frame.format.name.startswith(("flt", "dbl")):
            _check_samples(frame)
        frame.pts = None  # the samples follow each other; time is kept by _keep_time
        for resampled in self._resampler.resample(frame):
            self._append(resampled)

    def _keep_time(self, frame: "av.AudioFrame") -> None:
        """Silence where the time stamps say that nothing was heard; a jump that cannot be is a new beginning."""
        if self._origin is None or frame.pts is None or frame.time_base is None:
            return
        here = self.num_samples / RATE
        gap = float(frame.pts * frame.time_base) - self._origin - here
        if gap < -BACK_SECONDS or here + gap > self._max_seconds:
            self._origin += gap
        elif gap > GAP_SECONDS:
            self._append_silence(int(gap * RATE))

    def _flush(self) -> None:
        if self._resampler is not None:
            for resampled in self._resampler.resample(None):
                self._append(resampled)
        self._resampler = None

    def _append(self, frame: "av.AudioFrame") -> None:
        """A frame of one channel more than so far is heard in all of them before, and the other way round."""
        size = _SAMPLE_BYTES * frame.samples
        if not self.channels:
            self.channels = [bytearray()]
        while len(self.channels) < len(frame.planes):
            self.channels.append(bytearray(self.channels[0]))
        for number, channel in enumerate(self.channels):
            channel += memoryview(frame.planes[number % len(frame.planes)])[:size]
        self._check_length()

    def _append_silence(self, samples: int) -> None:
        self._flush()
        self.channels = self.channels or [bytearray()]
        for channel in self.channels:
            channel += bytes(_SAMPLE_BYTES * samples)
        self._check_length()

    def _check_length(self) -> None:
        if self.num_samples > self._max_seconds * RATE:
            raise Refusal("audio_too_long", f"The recording is longer than {self._max_seconds:.0f} s.")


def check_form(rate: int, channels: int) -> None:
    """Raises Refusal (``audio_unsupported``)."""
    if not MIN_RATE <= rate <= MAX_RATE:
        raise Refusal("audio_unsupported", f"A sample rate of {rate} Hz is not between {MIN_RATE} and {MAX_RATE}.")
    if not 1 <= channels <= MAX_CHANNELS:
        raise Refusal("audio_unsupported", f"{channels} channels are not between 1 and {MAX_CHANNELS}.")


def _check_samples(frame: "av.AudioFrame") -> None:
    """Floating point can hold what is no sound; everything else cannot."""
    for plane in frame.planes:
        samples = memoryview(plane).cast("d" if frame.format.bytes == 8 else "f")
        if not (math.isfinite(sum(samples)) and min(samples) >= -MAX_LEVEL and max(samples) <= MAX_LEVEL):
            raise Refusal("audio_damaged", "The recording holds samples that cannot be sound.")
