"""Which products of a catalogue become scenes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.model.files import CatalogueProduct
from orchestrator.products.scenes.keys import SceneKeys
from orchestrator.products.scenes.selecting import Selected, select

FOOTPRINT = {"type": "Point", "coordinates": [0, 0]}


def product(
    level="L1C", day=1, *, baseline="0511", made=1, cloud=10.0, mission="S2A", footprint=FOOTPRINT, **more: Any
):
    name = f"{mission}_MSI{level}_202506{day:02}T100000_N{baseline}_R122_T33UWQ_202507{made:02}T000000.SAFE"
    attributes = {} if cloud is None else {"cloudCover": cloud}
    return CatalogueProduct(name, name, "", footprint=footprint, attributes=attributes, **more)


def chosen(products, **keys: Any) -> Selected:
    return select(products, SceneKeys(**keys), lambda footprint, _tile: footprint.get("share", 1.0))


PRODUCTS = st.lists(
    st.builds(
        product,
        st.sampled_from(["L1C", "L2A"]),
        st.integers(1, 3),
        baseline=st.sampled_from(["0209", "0500", "0511"]),
        made=st.integers(1, 3),
    ),
    max_size=12,
    unique_by=lambda one: one.name,
)


@settings(max_examples=60)
@given(PRODUCTS, st.randoms(use_true_random=False))
def test_of_each_sensing_the_newest_is_taken_whatever_the_order(products, chance):
    """Highest baseline, then latest discriminator; both levels of one sensing are one scene, in the order of time."""
    shuffled = list(products)
    chance.shuffle(shuffled)

    found = chosen(shuffled)

    assert found == chosen(products)
    newest: dict[tuple[str, str], str] = {}
    for name in sorted((one.name for one in products), key=lambda name: (name.split("_")[3], name.split("_")[6])):
        newest[name[11:26], name[7:10]] = name
    with_l1c = sorted({taken for taken, level in newest if level == "L1C"})
    assert [(s.scene.l1c.name, s.scene.l2a.name if s.scene.l2a else None) for s in found.scenes] == [
        (newest[taken, "L1C"], newest.get((taken, "L2A"))) for taken in with_l1c
    ]
    told = {name for scene in found.scenes for name in scene.passed_over}
    mine = {one.name for one in products if one.name[11:26] in with_l1c}
    assert told == mine - set(newest.values())


@pytest.mark.parametrize(
    ("keys", "days"),
    [
        ({}, [1, 2, 3]),
        ({"cloud_max": 20.0}, [1, 2]),
        ({"cloud_min": 10.0, "cloud_max": 20.0}, [1, 2]),
        ({"cloud_min": 11.0}, [2, 3]),
        ({"max_scenes": 2}, [1, 2]),
        ({"baseline": "05.10"}, [2]),
        ({"baseline": "N0511"}, [1, 3]),
        ({"missions": "S2D"}, [3]),
        ({"orbit": 22}, []),
        ({"tiles": "33UXQ"}, []),
    ],
    ids=str,
)
def test_conditions_hold_for_what_is_taken(keys, days):
    """Cloud within its bounds, the bounds included; one baseline, one satellite, one orbit."""
    products = [product(day=1), product(day=2, cloud=20.0, baseline="0510"), product(day=3, cloud=80.0, mission="S2D")]

    assert [int(one.scene.key.sensing[8:10]) for one in chosen(products, levels=["L1C"], **keys).scenes] == days


def test_cloud_of_level_2a_tears_no_pair():
    """Its estimate differs from that of Level-1C, which is the one that is asked for."""
    pair = [product(cloud=19.0), product("L2A", cloud=23.0)]

    (found,) = chosen(pair, cloud_max=20.0).scenes

    assert found.scene.l2a is not None


def test_what_covers_too_little_of_the_tile_is_left_out():
    """And what says nowhere what it covers is taken, which is said."""
    half, whole = {"share": 0.5}, {"share": 1.0}
    products = [product(day=1, footprint=half), product(day=2, footprint=whole), product(day=3, footprint=None)]

    found = chosen(products, levels=["L1C"], min_coverage=0.8)

    assert [one.scene.key.sensing[8:10] for one in found.scenes] == ["02", "03"]
    assert [note for note in found.notes if "no footprint is known of T33UWQ 2025-06-03T10:00:00Z" in note]


def test_names_that_cannot_be_read_are_told_of_and_end_nothing():
    """Of before December 2016, or of nobody's."""
    old = "S2A_OPER_PRD_MSIL1C_PDMC_20160101T000000_R122_V20151210T100319_20151210T100319.SAFE"
    strangers = [CatalogueProduct("a", old, ""), CatalogueProduct("b", "S3A_OL_1_EFR.SEN3", "")]

    found = chosen([*strangers, product(mission="S2C")])

    assert len(found.scenes) == 1
    assert [note.split(":")[0] for note in found.notes] == ["skipped", "skipped"]


def test_a_level_that_the_catalogue_lacks_is_listed():
    """With its scene."""
    found = chosen([product(day=1), product("L2A", day=1), product(day=2)])

    assert [(scene.key.sensing, level) for scene, level in found.lacking] == [("2025-06-02T10:00:00Z", "L2A")]


def test_what_is_not_online_is_told_of():
    """The service may refuse its files."""
    assert "not online now" in chosen([product(online=False)], levels=["L1C"]).notes[0]
