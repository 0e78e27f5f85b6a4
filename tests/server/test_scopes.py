"""A server with a budget for its memory: what it tells of its scopes, and how it refuses what does not fit."""

from pathlib import Path

from support.recordings import wav
from support.talking import Client, with_server
from support.toys import tone, toy_service

GROUPS = [f"group-{number}" for number in range(400)]


def test_readiness_tells_of_scopes_and_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    async def talk(client: Client) -> None:
        async def scopes() -> dict[str, float]:
            told: dict[str, float] = (await (await client.get("/readyz")).json())["scopes"]
            assert told["used_megabytes"] <= told["budget_megabytes"] == 1
            return told

        first = await scopes()
        assert (first["loaded"], first["known"]) == (0, len(GROUPS))
        for group in GROUPS[:3]:
            answer = await client.post(f"/v1/identify?group={group}", data=wav(tone(400)))
            assert (await answer.json())["status"] in ("identified", "unknown")
        assert (await scopes())["loaded"] == 3
        refused = await client.post("/v1/identify", data=wav(tone(400)))
        assert (refused.status, (await refused.json())["error"]["code"]) == (507, "scope_too_large")
        assert (await scopes())["loaded"] == 3

    with toy_service(tmp_path, memory_megabytes=1) as service:
        take = service.admit(service.listen(tone(400)))
        for number, group in enumerate(GROUPS):
            service.enrolled.put(service.store.add_speaker(f"Speaker {number}", [take], groups=(group,)))
        with_server(service, talk)
