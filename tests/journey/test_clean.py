"""After any run, nothing of ours is left; what is not ours is."""

from __future__ import annotations


def test_nothing_of_ours_is_left(home):
    """Bucket and work folder are empty after a run; the output folder holds the result, its proof and its picture."""
    before = home.service.exports

    done = home.run().expect(0)

    assert home.service.objects() == []
    assert home.leftovers() == []
    assert sorted(p.name for p in home.out.iterdir()) == ["small_clipped.json", "small_clipped.png", "small_clipped.tif"]
    assert home.service.exports - before == done.named("run.planned")[0]["tasks"]
