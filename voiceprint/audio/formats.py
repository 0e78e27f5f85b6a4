"""What may be decoded, and what is told about the rest. Why each is in or out: docs/formats.md.

Belongs to the decoder's child: imports nothing of voiceprint.
"""

__all__ = ["CODEC_OPTION", "DECODERS", "DEMUXERS", "FROM_FIRST", "FROM_ZERO", "REMEDY", "format_of"]

DEMUXERS = (
    "aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,au,avi,caf,dts,eac3,flac,flv,gsm,loas,matroska,mov,mp3,mpeg,mpegts,nistsphere,"
    "ogg,tta,voc,w64,wav,wv"
)
# Containers whose time stamps say when something was heard: from the beginning, or from whatever comes first, as in a
# broadcast. In others they only count what was written.
FROM_ZERO, FROM_FIRST = frozenset({"matroska", "mov"}), frozenset({"asf", "flv", "mpegts"})
_COMPRESSED = """
aac aac_latm ac3 g722 g726 g726le adpcm_ima_qt adpcm_ima_wav adpcm_ms adpcm_swf adpcm_yamaha alac amrnb amrwb
ape dca eac3 flac g723_1 g729 gsm gsm_ms ilbc mp1 mp1float mp2 mp2float mp3 mp3float nellymoser opus libopus
speex truespeech tta vorbis wavpack wmalossless wmapro wmav1 wmav2 wmavoice
"""
_PCM = """
alaw bluray dvd f32be f32le f64be f64le mulaw s16be s16be_planar s16le s16le_planar s24be s24le s24le_planar
s32be s32le s32le_planar s64be s64le s8 s8_planar u16be u16le u24be u24le u32be u32le u8
"""
DECODERS = frozenset(_COMPRESSED.split()) | {f"pcm_{form}" for form in _PCM.split()}
# Given to FFmpeg as well: while it probes a file it would try any decoder, those for video included.
CODEC_OPTION = ",".join(sorted(DECODERS))
REMEDY = "convert it to WAV, FLAC, MP3 or M4A first"

# Where it stands, what stands there, what it is, whether it holds sound.
_MAGIC: tuple[tuple[int, bytes, str, bool], ...] = (
    (0, b".RMF", "RealMedia", True),
    (0, b".ra\xfd", "RealAudio", True),
    (0, b"MThd", "MIDI, which holds notes and no sound", False),
    (8, b"QLCM", "QCP (Qualcomm PureVoice)", True),
    (0, b"ajkg", "Shorten", True),
    (0, b"\x02dss", "a dictation in Olympus DSS", True),
    (0, b"\x03ds2", "a dictation in Olympus DS2", True),
    (0, b"MP+", "Musepack", True),
    (0, b"MPCK", "Musepack", True),
    (0, b"OFR ", "OptimFROG", True),
    (0, b"tBaK", "TAK", True),
    (0, b"DSD ", "DSD (DSF)", True),
    (0, b"FRM8", "DSD (DFF)", True),
    (0, b"#!iLBC", "a raw iLBC stream", True),
    (0, b"#!SILK_V3", "Silk (WeChat, QQ)", True),
    (0, b"\x02#!SILK_V3", "Silk (WeChat, QQ)", True),
    (0, b".SoX", "SoX's own format", True),
    (0, b"XoS.", "SoX's own format", True),
    (0, b"\x64\xa3\x01\x00", "IRCAM", True),
    (0, b"\x64\xa3\x02\x00", "IRCAM", True),
    (0, b"\x64\xa3\x03\x00", "IRCAM", True),
    (0, b"\x64\xa3\x04\x00", "IRCAM", True),
    (0, b"\x00\x01\xa3\x64", "IRCAM", True),
    (0, b"\x00\x02\xa3\x64", "IRCAM", True),
    (8, b"8SVX", "Amiga 8SVX", True),
    (8, b"AVR", "AVR", True),
    (0, b"2BIT", "AVR", True),
    (0, b"fap ", "Ensoniq PARIS", True),
    (0, b" paf", "Ensoniq PARIS", True),
    (0, b"PVF1", "PVF", True),
    (0, b"PVF2", "PVF", True),
    (0, b"ALawSoundFile**", "Psion A-law", True),
    (0, b"SOUND SAMPLE", "Turtle Beach SampleVision", True),
    (0, b"SOUND", "Sounder", True),
    (0, b"MAUD", "Amiga MAUD", True),
    (8, b"MAUD", "Amiga MAUD", True),
    (0, b"XAI\x00", "Maxis XA", True),
    (0, b"XAJ\x00", "Maxis XA", True),
    (0, b"\x9a\x02", "an old Psion recording", True),
    (0, b"DVSM", "a dictation in DVS", True),
    (0, b"RKA", "RK Audio", True),
    (0, b"LA0", "Lossless Audio", True),
    (0, b"AMV", "AMV", True),
    (0, b"qoaf", "QOA", True),
    (0, b"\xff\xfe\x00\x00", "text", False),
    (0, b"%PDF", "a PDF document", False),
    (0, b"\x89PNG", "a picture (PNG)", False),
    (0, b"\xff\xd8\xff", "a picture (JPEG)", False),
    (0, b"GIF8", "a picture (GIF)", False),
    (8, b"WEBP", "a picture (WebP)", False),
    (0, b"PK\x03\x04", "a ZIP archive: unpack it first", False),
    (0, b"Rar!", "a RAR archive: unpack it first", False),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it first", False),
    (0, b"\x1f\x8b", "a gzip archive: unpack it first", False),
    (0, b"SQLite format 3", "a database", False),
)


def format_of(data: bytes) -> tuple[str, bool] | None:
    """What the file is, as its first bytes say, and whether it holds sound; None for what is not known here."""
    for at, magic, name, sounds in _MAGIC:
        if data[at : at + len(magic)] == magic:
            return name, sounds
    start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html", b"<?xml", b"{", b"[")) or _is_text(data[:512]):
        return "text", False
    return None


def _is_text(data: bytes) -> bool:
    return len(data) >= 8 and all(32 <= byte < 127 or byte in b"\t\r\n" for byte in data)
