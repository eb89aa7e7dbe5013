"""The polygon of a tile is put where the placeholder stands in an expression, and nothing else changes."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model.tile_expression import PLACEHOLDER, bounds_of, depends_on_tile, folded, for_tile

CLOSED = [list(corner) for corner in PLACEHOLDER]
WEST, SOUTH, EAST, NORTH = bounds_of(PLACEHOLDER)
DEGREES = st.tuples(st.floats(-180, 180), st.floats(-90, 90))
RINGS = st.lists(DEGREES, min_size=3, max_size=9, unique=True).map(lambda corners: (*corners, corners[0]))


def expression(**values):
    return json.dumps({"result": "0", "values": values})


def call(name, **arguments):
    return {"functionInvocationValue": {"functionName": name, "arguments": arguments}}


@given(RINGS)
def test_the_ring_of_a_tile_takes_the_place_of_the_other_ring(ring):
    """However many corners it has; closed where the other was, open where it was not."""
    text = expression(**{"0": {"constantValue": [CLOSED, CLOSED[:-1], "a", 1.5]}})

    whole, opened, word, number = json.loads(for_tile(text, ring))["values"]["0"]["constantValue"]

    assert whole == [list(corner) for corner in ring]
    assert opened == whole[:-1]
    assert (word, number) == ("a", 1.5)


@given(RINGS)
def test_bounds_of_a_tile_take_the_place_of_the_other_bounds(ring):
    """In whatever order a file wrote them."""
    text = expression(**{"0": {"constantValue": [[[WEST, NORTH], [WEST, SOUTH], [EAST, SOUTH]], {"north": NORTH}]}})
    lons, lats = zip(*ring, strict=True)
    west, south, east, north = min(lons), min(lats), max(lons), max(lats)

    found = json.loads(for_tile(text, ring))["values"]["0"]["constantValue"]

    assert found == [[[west, north], [west, south], [east, south]], {"north": north}]


def test_a_corner_that_is_a_value_of_its_own_is_found():
    """The client keeps what occurs twice, the first and last corner, only once; what is then of no use is left out."""
    corners = {"arrayValue": {"values": [{"valueReference": "1"}, *({"constantValue": c} for c in CLOSED[1:-1])]}}
    corners["arrayValue"]["values"].append({"valueReference": "1"})
    text = expression(
        **{"0": call("Image.clip", geometry=call("Polygon", coordinates=corners), input={"valueReference": "2"})},
        **{"1": {"constantValue": CLOSED[0]}, "2": call("Map", f={"functionDefinitionValue": {"body": "3"}})},
        **{"3": call("Image.load", id={"constantValue": "A"})},
    )
    ring = ((1.0, 2.0), (3.0, 2.0), (3.0, 4.0), (1.0, 2.0))

    found = json.loads(for_tile(text, ring))

    arguments = found["values"]["0"]["functionInvocationValue"]["arguments"]
    put = arguments["geometry"]["functionInvocationValue"]["arguments"]["coordinates"]
    assert put == {"constantValue": [list(corner) for corner in ring]}
    assert sorted(found["values"]) == ["0", "2", "3"]


def test_an_expression_without_a_place_for_a_tile_is_told():
    """Which is then the same for all tiles."""
    plain, place = expression(**{"0": {"constantValue": [1.5]}}), expression(**{"0": {"constantValue": [WEST]}})

    assert not depends_on_tile(plain)
    assert depends_on_tile(place)
    assert for_tile(plain, PLACEHOLDER) == folded(plain)
    assert not depends_on_tile(for_tile(place, ((1.0, 2.0), (3.0, 2.0), (3.0, 4.0), (1.0, 2.0))))
