"""A client's mistake in a multipart body is 400 with the field that was expected, never 500."""

import json
from pathlib import Path

from support.recordings import wav
from support.talking import Client, with_server
from support.toys import tone, toy_service

FORM = b"Content-Disposition: form-data; name="


def part(*headers: bytes, body: bytes = b"x") -> bytes:
    return b"--B\r\n" + b"\r\n".join(headers) + b"\r\n\r\n" + body + b"\r\n"


def whole(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--B--\r\n"


NAME = part(FORM + b'"name"', body=b"Ada")
SOUND = wav(tone(200))
AUDIO = FORM + b'"audio"'
NESTED = part(AUDIO, b"Content-Type: multipart/mixed; boundary=C", body=b"--C--")
WRONG: dict[str, tuple[bytes, str, str]] = {
    "a zero in a file name": (whole(NAME, part(AUDIO + b'; filename="x\0.wav"', body=SOUND)), "bad_multipart", "audio"),
    "a zero in a name": (whole(NAME, part(FORM + b'"au\0dio"')), "bad_multipart", "audio"),
    "a header that is none": (whole(part(b"\0\1garbage")), "bad_multipart", "audio"),
    "a long header": (whole(part(AUDIO, b"X: " + b"y" * 70_000)), "bad_multipart", "audio"),
    "many headers": (whole(part(AUDIO, *[b"X: y"] * 3000)), "bad_multipart", "audio"),
    "no end": (part(AUDIO), "bad_multipart", "audio"),
    "lines before the first part": (b"\r\n" * 5000 + whole(NAME, part(AUDIO, body=SOUND)), "bad_multipart", "audio"),
    "nothing": (b"", "bad_multipart", "audio"),
    "no name": (whole(part(b"X: y")), "bad_multipart", "audio"),
    "parts in a part": (whole(NESTED), "bad_multipart", "audio"),
    "another field": (whole(NAME, part(FORM + b'"file"; filename="a.wav"', body=SOUND)), "unknown_field", "audio"),
    "an unknown field": (whole(NAME, part(FORM + b'"nickname"')), "unknown_field", "audio, c"),
    "a field twice": (whole(NAME, NAME), "bad_multipart", "'name'"),
    "bytes as text": (whole(part(FORM + b'"name"', body=b"\xff")), "bad_multipart", "'name'"),
    "no speaker's name": (whole(part(AUDIO, body=SOUND)), "bad_name", "'name'"),
    "no recording": (whole(NAME), "one_file", "'audio'"),
    "insisting oddly": (whole(NAME, part(FORM + b'"force"', body=b"yes")), "bad_force", "true or false"),
    "a consent that is no JSON": (whole(NAME, part(FORM + b'"consent"', body=b"yes")), "bad_json", "consent"),
}


def test_every_mistake_is_400_and_says_what_was_expected(tmp_path: Path) -> None:
    found = {}

    async def talk(client: Client) -> None:
        for mistake, (body, _, _) in WRONG.items():
            headers = {"Content-Type": "multipart/form-data; boundary=B"}
            response = await client.post("/v1/speakers", data=body, headers=headers)
            found[mistake] = (response.status, json.loads(await response.text())["error"])
        raw = await client.post("/v1/speakers", data=SOUND)
        assert (raw.status, "'name'" in await raw.text()) == (400, True)

    with toy_service(tmp_path) as service:
        with_server(service, talk)
        assert service.count() == 0
    wrong = [
        (mistake, status, error)
        for mistake, (status, error) in found.items()
        if (status, error["code"]) != (400, WRONG[mistake][1]) or WRONG[mistake][2] not in error["message"]
    ]
    assert wrong == []
