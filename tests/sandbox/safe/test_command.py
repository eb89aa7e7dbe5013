"""The command that writes products, in this process."""

from __future__ import annotations

import pytest

from orchestrator.sandbox.safe.main import main

DAY = ["--tile", "33TWL", "--start", "2024-06-13", "--end", "2024-06-14"]


def test_both_levels_of_each_sensing_are_written_and_told(tmp_path, capsys):
    code = main([str(tmp_path), *DAY, "--cut", "600,600,6,6", "--bands", "B01", "--reprocessed", "05.11"])

    names = sorted(path.name for path in tmp_path.iterdir())
    assert code == 0
    assert [name[4:10] + name[26:32] for name in names] == [
        "MSIL1C_N0510",
        "MSIL1C_N0511",
        "MSIL2A_N0510",
        "MSIL2A_N0511",
    ]
    assert all(name in capsys.readouterr().out for name in names[:1])


def test_the_first_pixels_of_a_tile_can_be_asked_for(tmp_path):
    main([str(tmp_path), *DAY, "--levels", "L1C", "--pixels", "36", "--bands", "B01"])

    (metadata,) = tmp_path.glob("*/GRANULE/*/MTD_TL.xml")
    assert "<NROWS>36</NROWS>" in metadata.read_text()


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        (["--cut", "1,2,3"], "'1,2,3'"),
        (["--cut", "1800,0,60,60"], "1800,0,60,60"),
        (["--pixels", "100"], "multiple of 6"),
        (["--bands", "B13"], "'B13'"),
        (["--levels", "L3"], "'L3'"),
        (["--baseline", "5.1"], "'5.1'"),
        (["--spacecraft", "S3A"], "'S3A'"),
        (["--start", "June"], "'June'"),
        (["--tile", "99ZZZ"], "'99ZZZ'"),
        (["--reprocessed", "new"], "'new'"),
    ],
)
def test_what_cannot_be_made_is_named_in_one_line(tmp_path, capsys, asked, named):
    code = main([str(tmp_path / "out"), *DAY, *asked])

    told = capsys.readouterr().err
    assert code == 2
    assert named in told
    assert told.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_time_without_a_pass_is_told(tmp_path, capsys):
    code = main([str(tmp_path), "--tile", "33TWL", "--start", "2024-06-14", "--end", "2024-06-14"])

    assert code == 1
    assert "33TWL" in capsys.readouterr().err
