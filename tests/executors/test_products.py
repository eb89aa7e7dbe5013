"""Every product, whoever does its units, over either database: the same bytes."""

from __future__ import annotations

import journey_kit as kit
import pytest
from every_product import deliver, jobs, write_products

pytest.importorskip("pyarrow", reason="the extra `parquet` is not installed")
PRODUCTS = ("mosaic", "cube", "table", "chips", "scenes", "preprocess", "patches")
BY_PROCESSES = {"ORCHESTRATOR_ENGINE__EXECUTOR": "processes", "ORCHESTRATOR_ENGINE__PROCESSES": "1"}
BY_DASK = {"ORCHESTRATOR_ENGINE__EXECUTOR": "dask", "ORCHESTRATOR_DASK__LOCAL": "1"}


@pytest.fixture(scope="module")
def everything(tmp_path_factory, program, request):
    """`everything(who)`: what one daemon makes of a job of each product; made once."""
    served = write_products(tmp_path_factory.mktemp("served"))
    declared, made = jobs(tmp_path_factory.mktemp("given") / "inputs"), {}

    def by(who, database):
        if who not in made:
            environment = {"threads": {}, "processes": BY_PROCESSES, "dask": BY_DASK}[who]
            if database == "postgresql":
                environment = environment | {"ORCHESTRATOR_STORE__URL": request.getfixturevalue("postgres").new()}
            made[who] = deliver(tmp_path_factory.mktemp(who), declared, program, service, **environment)
        return made[who]

    with kit.Service(program, tmp_path_factory.mktemp("sandbox"), "--copernicus", str(served)) as service:
        yield by


@pytest.mark.parametrize("product", PRODUCTS)
@pytest.mark.parametrize(
    ("who", "database"),
    [pytest.param("processes", "postgresql", id="processes"), pytest.param("dask", "sqlite", id="dask")],
)
def test_a_product_is_the_same_whoever_does_its_units(everything, product, who, database):
    """Done by another process than the one that holds the run, over either database."""
    alone = everything("threads", "sqlite")[product]

    found = everything(who, database)[product]

    assert (alone.state, found.state) == ("CLEANED", "CLEANED")
    assert found.files == alone.files != {}
    assert (alone.elsewhere, found.units) == (0, alone.units)
    assert found.elsewhere > 0
