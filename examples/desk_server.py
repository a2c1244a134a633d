"""What stands behind the agent `desk`: an HTTP API for rooms and an MCP server for people, on one port.

    python examples/desk_server.py        then, elsewhere:  duplex serve desk

It listens on 127.0.0.1:8765 (or the port that is given), keeps all in memory, and prints what is changed.
"""

from __future__ import annotations

import sys
from typing import Any, Literal

import anyio
import uvicorn
from mcp.server.mcpserver import Context, MCPServer
from mcp.types import ToolAnnotations
from starlette.requests import Request
from starlette.responses import JSONResponse

ROOMS = {"baltic": 12, "aegean": 6, "adriatic": 4}
"""Seats of each room."""
HOURS = range(8, 18)
Person = Literal["Ada Berg", "Tom Reed", "Ines Costa", "Olaf Lind"]
PEOPLE = {"Ada Berg": "room 12", "Tom Reed": "room 30", "Ines Costa": "the lab", "Olaf Lind": "reception"}

server = MCPServer("desk")
bookings: dict[str, dict[str, Any]] = {}
"""By idempotency key."""


@server.custom_route("/api/rooms/{room}", methods=["GET"])
async def free(request: Request) -> JSONResponse:
    """When a room is free on a day."""
    room, day = request.path_params["room"].lower(), request.query_params.get("day", "").lower()
    if room not in ROOMS:
        return JSONResponse({"error": "there is no such room"}, 404)
    taken = {each["hour"] for each in bookings.values() if (each["room"], each["day"]) == (room, day)}
    hours = [hour for hour in HOURS if hour not in taken]
    return JSONResponse({"room": room.title(), "seats": ROOMS[room], "first": hours[0], "free": hours})


@server.custom_route("/api/bookings", methods=["POST"])
async def book(request: Request) -> JSONResponse:
    """Book a room; the same key again is the same booking."""
    asked = await request.json()
    key = request.headers.get("idempotency-key", str(len(bookings)))
    wanted = {
        "room": str(asked["room"]).lower(),
        "day": str(asked["day"]).lower(),
        "hour": int(asked["hour"]),
    }
    if key not in bookings:
        if wanted in [{name: each[name] for name in wanted} for each in bookings.values()]:
            return JSONResponse({"error": "that hour is taken"}, 409)
        bookings[key] = {"number": len(bookings) + 1, **wanted}
        print("booked:", bookings[key], flush=True)
    return JSONResponse(bookings[key])


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def find_person(person: Person) -> dict[str, str]:
    """Find where a person sits."""
    return {"person": person, "place": PEOPLE[person]}


@server.tool()
async def print_badge(visitor: str, context: Context) -> dict[str, str]:
    """Print a visitor badge, which takes a while."""
    for done, state in enumerate(("the photo is ready", "the printer is warming up", "nearly there")):
        await context.report_progress(done, 3, state)
        await anyio.sleep(3)
    print("badge:", visitor, flush=True)
    return {"visitor": visitor}


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8765
    uvicorn.run(server.streamable_http_app(), host="127.0.0.1", port=port, log_level="warning")
