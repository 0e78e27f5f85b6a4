"""Use cases, without HTTP, wire or asyncio."""
