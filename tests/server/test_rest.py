"""The server from outside, in one process: REST, WebSocket, page, and what it refuses."""

import io
import json
from typing import Any

import aiohttp
import pytest
from support.recordings import pcm, wav
from support.talking import Client, Takes, enroll, said, with_server
from yarl import URL

from voiceprint.api import messages
from voiceprint.api.messages import Enrolled, Error, Hello, Ready, Result, SpeakerList, Start, Stop
from voiceprint.service.service import VoiceprintService


@pytest.mark.usefixtures("speech_dev")  # synthesised voices are too much alike to be told apart
def test_rest_from_enrollment_to_forgetting(service: VoiceprintService, takes: Takes) -> None:
    ada, ben = list(takes)[:2]

    async def talk(client: Client) -> None:
        enrolled = await enroll(client, "Ada", *takes[ada][:2])
        path = f"/v1/speakers/{enrolled.speaker.id}"
        more = await said(await client.post(f"{path}/enrollments", data=wav(takes[ada][2])))
        assert isinstance(more, Enrolled)
        assert (enrolled.enrollments, more.enrollments) == (2, 3)

        named = await said(await client.post("/v1/identify", data=wav(takes[ada][3])))
        assert isinstance(named, Result)
        assert (named.status, named.speaker) == ("identified", enrolled.speaker)
        stranger = await said(await client.post("/v1/identify?top_k=1", data=wav(takes[ben][0])))
        assert isinstance(stranger, Result)
        assert (stranger.status, len(stranger.candidates)) == ("unknown", 1)
        claim = aiohttp.FormData({"speaker": enrolled.speaker.id})
        claim.add_field("audio", wav(takes[ada][3]), filename="clip.wav")
        accepted = await said(await client.post("/v1/verify", data=claim))
        assert isinstance(accepted, Result)
        assert (accepted.status, accepted.claimed_speaker) == ("accepted", enrolled.speaker)

        renamed = await client.patch(path, json={"name": "Ada L."})
        assert (await renamed.json())["name"] == "Ada L."
        listed = await said(await client.get("/v1/speakers"))
        assert isinstance(listed, SpeakerList)
        assert [(who.name, who.enrollments) for who in listed.speakers] == [("Ada L.", 3)]
        assert (await client.delete(path)).status == 200
        assert (await client.delete(path)).status == 404
        assert (await client.get(path)).status == 404
        gone = await said(await client.post("/v1/identify", data=wav(takes[ada][3])))
        assert isinstance(gone, Result)
        assert (gone.status, gone.candidates) == ("unknown", ())

    with_server(service, talk)


def test_websocket_names_a_speaker_while_rest_sees_the_same(service: VoiceprintService, takes: Takes) -> None:
    ada = next(iter(takes))

    async def talk(client: Client) -> None:
        enrolled = await enroll(client, "Ada", takes[ada][0])
        async with client.ws_connect("/ws") as socket:
            await socket.send_str(messages.encode(Hello(version=1)))
            ready = messages.decode_server(await socket.receive_str())
            assert isinstance(ready, Ready)
            assert ready.speakers == 1
            await socket.send_str(messages.encode(Start(mode="identify", encoding="pcm_s16le", sample_rate=16_000)))
            audio = pcm(takes[ada][1])
            for at in range(0, len(audio), 3200):
                await socket.send_bytes(audio[at : at + 3200])
            await socket.send_str(messages.encode(Stop()))
            results: list[Result] = []
            while not (results and results[-1].final):
                message = messages.decode_server(await socket.receive_str())
                if isinstance(message, Result):
                    results.append(message)
            assert results[-1].speaker == enrolled.speaker
            assert not results[0].final

    with_server(service, talk)


HTTP_REFUSALS: dict[str, tuple[str, str, dict[str, Any], int, str]] = {
    "empty body": ("POST", "/v1/identify", {"data": b""}, 422, "audio_empty"),
    "HTML named audio": ("POST", "/v1/identify", {"data": b"<html>hello</html>" * 50}, 422, "not_audio"),
    "gzip body": (
        "POST",
        "/v1/identify",
        {"data": b"\x1f\x8b" + bytes(50), "headers": {"Content-Encoding": "gzip"}},
        415,
        "bad_encoding",
    ),
    "body over the limit": ("POST", "/v1/identify", {"data": io.BytesIO(bytes(40 * 2**20))}, 413, "body_too_large"),
    "bad top_k": ("POST", "/v1/identify?top_k=zero", {"data": b"x"}, 400, "bad_top_k"),
    "no claim": ("POST", "/v1/verify", {"data": b"x"}, 400, "who"),
    "no name": ("POST", "/v1/speakers", {"data": b"x"}, 400, "bad_name"),
    "name with a direction override": (
        "POST",
        "/v1/speakers",
        {"data": {"name": "a\u202eb", "audio": io.BytesIO(b"x")}},
        400,
        "bad_name",
    ),
    "name of 10,000 characters": (
        "POST",
        "/v1/speakers",
        {"data": {"name": "a" * 10_000, "audio": io.BytesIO(b"x")}},
        400,
        "bad_name",
    ),
    "unknown field": (
        "POST",
        "/v1/speakers",
        {"data": {"name": "a", "nonsense": "b", "audio": io.BytesIO(b"x")}},
        400,
        "unknown_field",
    ),
    "no audio": (
        "POST",
        "/v1/speakers",
        {"data": aiohttp.FormData({"name": "a"}, default_to_multipart=True)},
        400,
        "one_file",
    ),
    "consent that is no JSON": (
        "POST",
        "/v1/speakers",
        {"data": {"name": "a", "consent": "yes", "audio": io.BytesIO(b"x")}},
        400,
        "bad_json",
    ),
    "broken multipart": (
        "POST",
        "/v1/speakers",
        {"data": b"nonsense", "headers": {"Content-Type": "multipart/form-data; boundary=x"}},
        400,
        "bad_multipart",
    ),
    "multipart without a boundary": (
        "POST",
        "/v1/speakers",
        {"data": b"nonsense", "headers": {"Content-Type": "multipart/form-data"}},
        400,
        "bad_multipart",
    ),
    "id that looks like a path": ("GET", "/v1/speakers/..%2f..%2fetc%2fpasswd", {}, 404, "unknown_speaker"),
    "unknown id": ("DELETE", "/v1/speakers/" + "0" * 32, {}, 404, "unknown_speaker"),
    "rename without a name": ("PATCH", "/v1/speakers/" + "0" * 32, {"json": {}}, 400, "bad_json"),
    "JSON 100,000 deep": ("PATCH", "/v1/speakers/" + "0" * 32, {"data": b"[" * 10_000}, 400, "bad_json"),
    "JSON that is not UTF-8": ("PATCH", "/v1/speakers/" + "0" * 32, {"data": b'{"name":"\xff"}'}, 400, "bad_json"),
    "large JSON": ("PATCH", "/v1/speakers/" + "0" * 32, {"data": b" " * 100_000}, 413, "body_too_large"),
    "unknown path": ("GET", "/etc/passwd", {}, 404, "not_found"),
    "path out of the page": ("GET", "/..%2fpyproject.toml", {}, 404, "not_found"),
    "wrong method": ("PUT", "/v1/speakers", {}, 405, "method_not_allowed"),
    "foreign origin": ("GET", "/v1/speakers", {"headers": {"Origin": "https://evil.example"}}, 403, "foreign_origin"),
    "no origin at all": ("GET", "/v1/speakers", {"headers": {"Origin": "null"}}, 403, "foreign_origin"),
    "foreign host": ("GET", "/v1/speakers", {"headers": {"Host": "evil.example"}}, 421, "foreign_host"),
    "broken host": ("GET", "/v1/speakers", {"headers": {"Host": "[::1"}}, 421, "foreign_host"),
}


def test_every_refusal_is_one_sentence_and_changes_nothing(service: VoiceprintService, takes: Takes) -> None:
    async def talk(client: Client) -> None:
        await enroll(client, "Ada", next(iter(takes.values()))[0])
        before = await (await client.get("/v1/speakers")).text()
        wrong = []
        for what, (method, path, options, status, code) in HTTP_REFUSALS.items():
            url = client.make_url("/").join(URL(path, encoded=True))
            response = await client.session.request(method, url, **options)
            body = json.loads(await response.text())
            seen = (response.status, body["error"]["code"])
            if seen != (status, code) or "\n" in body["error"]["message"] or not body["error"]["message"].endswith("."):
                wrong.append((what, seen, body))
        assert wrong == []
        assert await (await client.get("/v1/speakers")).text() == before

    with_server(service, talk)


def test_name_taken_is_a_conflict(service: VoiceprintService, takes: Takes) -> None:
    async def talk(client: Client) -> None:
        clip = next(iter(takes.values()))[0]
        await enroll(client, "Ada", clip)
        form = aiohttp.FormData({"name": "ADA"})
        form.add_field("audio", wav(clip), filename="clip.wav")
        response = await client.post("/v1/speakers", data=form)
        assert response.status == 409

    with_server(service, talk)


SOCKET_BREACHES: dict[str, list[str | bytes]] = {
    "not JSON": ["hello"],
    "binary first": [b"\0\0"],
    "binary before start": ['{"type":"hello","version":1}', b"\0\0"],
    "unknown field": ['{"type":"hello","version":1,"x":1}'],
    "hello twice": ['{"type":"hello","version":1}', '{"type":"hello","version":1}'],
}


@pytest.mark.parametrize("breach", SOCKET_BREACHES)
def test_a_breach_closes_one_socket_with_a_reason(service: VoiceprintService, breach: str) -> None:
    async def talk(client: Client) -> None:
        async with client.ws_connect("/ws") as socket:
            for frame in SOCKET_BREACHES[breach]:
                await (socket.send_bytes(frame) if isinstance(frame, bytes) else socket.send_str(frame))
            last = None
            async for frame_in in socket:
                last = messages.decode_server(frame_in.data)
            assert isinstance(last, Error)
            assert socket.close_code == aiohttp.WSCloseCode.POLICY_VIOLATION
        assert (await client.get("/healthz")).status == 200

    with_server(service, talk)


def test_other_pages_may_not_open_a_socket(service: VoiceprintService) -> None:
    async def talk(client: Client) -> None:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await client.ws_connect("/ws", headers={"Origin": "https://evil.example"})
        assert caught.value.status == 403

    with_server(service, talk)


def test_one_stream_too_many_is_told_to_come_back(service: VoiceprintService) -> None:
    async def talk(client: Client) -> None:
        silent = [await client.ws_connect("/ws") for _ in range(2 * service.settings.max_streams)]
        sockets = [await client.ws_connect("/ws") for _ in range(service.settings.max_streams)]
        start = Start(mode="identify", encoding="pcm_s16le", sample_rate=16_000)
        late = await client.ws_connect("/ws")
        for socket in (*sockets, late):
            await socket.send_str(messages.encode(Hello(version=1)))
            assert isinstance(messages.decode_server(await socket.receive_str()), Ready)
            await socket.send_str(messages.encode(start))
        refusal = messages.decode_server(await late.receive_str())
        assert isinstance(refusal, Error)
        assert refusal.code == "too_many_streams"
        await late.receive()
        assert late.close_code == aiohttp.WSCloseCode.TRY_AGAIN_LATER
        for socket in (*silent, *sockets):
            await socket.close()

    with_server(service, talk)


def test_the_page_comes_from_here_with_a_strict_policy(service: VoiceprintService) -> None:
    async def talk(client: Client) -> None:
        page = await client.get("/")
        assert (page.status, page.content_type) == (200, "text/html")
        policy = page.headers["Content-Security-Policy"].split("; ")
        assert policy == [
            "default-src 'self'",
            "media-src 'self' blob:",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ]
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        assert (await client.get("/v1/speakers")).headers["Cache-Control"] == "no-store"

    with_server(service, talk)


def test_health_and_readiness_tell_the_truth(service: VoiceprintService, takes: Takes) -> None:
    async def talk(client: Client) -> None:
        assert (await (await client.get("/healthz")).json())["status"] == "alive"
        await enroll(client, "Ada", next(iter(takes.values()))[0])
        ready = await (await client.get("/readyz")).json()
        assert (ready["ready"], ready["encoder"], ready["speakers"], ready["damaged"]) == (
            True,
            "ecapa-compact",
            1,
            [],
        )
        assert ready["encoder_sha256"] == service.encoder.fingerprint

    with_server(service, talk)
