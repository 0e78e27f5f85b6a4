"""Model cards for encoders that are fetched, written beside their files."""

__all__ = ["OFFICIAL_CARD"]

OFFICIAL_CARD = """# spkrec-ecapa-voxceleb: model card

SpeechBrain's official speaker encoder, fetched as it was published; this card was added by voiceprint.

Accuracy: EER 0.80 % on VoxCeleb1-test (cleaned), as its publishers state; not measured by voiceprint

| | |
|---|---|
| architecture | ECAPA-TDNN (Desplanques et al., 2020), channels 1024 (last 3072), attention 128, 80 bands |
| publisher | SpeechBrain, speechbrain/spkrec-ecapa-voxceleb, revision 0f99f2d0ebe89ac095bcc5903c4dd8f72b367286 |
| licence | Apache-2.0 |
| trained on | VoxCeleb1 and VoxCeleb2 training data: interviews of celebrities, mostly English, from video platforms |

## Weak spots

Its accuracy falls with less than three seconds of speech, over the telephone, with children's voices and in languages
that its training data hardly holds. It does not notice replayed or cloned voices. Not for access control on its own,
and not for telling who speaks without their consent.
"""
