"""What an export writes, read back with the real clients."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio


def opened(data):
    with rasterio.MemoryFile(data) as memory, memory.open() as dataset:
        return dataset.read(), dataset.profile, dataset.descriptions, dataset.overviews(1)


def test_shards_named_by_offset_carry_exactly_the_pixels_of_their_window(kit, bucket, prefix, ramp):
    """A 700 x 600 export in files of 512 is four files; together they are the image, each on its own transform."""
    status = kit.finish(kit.to_bucket(prefix, fileDimensions=512))

    assert status["state"] == "COMPLETED", status
    found = {blob.name.removeprefix(prefix): blob for blob in bucket.list_blobs(prefix=prefix)}
    assert sorted(found) == [
        "0000000000-0000000000.tif",
        "0000000000-0000000512.tif",
        "0000000512-0000000000.tif",
        "0000000512-0000000512.tif",
    ]
    values, valid = ramp
    for name, blob in found.items():
        row, col = int(name[:10]), int(name[11:21])
        pixels, profile, names, _ = opened(blob.download_as_bytes())
        part = np.s_[row : min(row + 512, 600), col : min(col + 512, 700)]
        np.testing.assert_array_equal(pixels[0], np.where(valid, values, 0)[part])
        assert tuple(profile["transform"])[:6] == (10, 0, 500000 + 10 * col, 0, -10, 5200000 - 10 * row)
        assert (profile["dtype"], profile["blockxsize"], profile["nodata"], names) == ("uint16", 256, None, ("ramp",))


def test_one_file_has_no_offsets_in_its_name(kit, bucket, prefix):
    """An image that fits one file is `prefix.tif`."""
    kit.finish(kit.to_bucket(prefix))

    assert [blob.name for blob in bucket.list_blobs(prefix=prefix)] == [f"{prefix}.tif"]


def test_masked_pixels_get_no_data_and_the_tag(kit, bucket, prefix, ramp):
    """`noData` is the value of every masked pixel and stands in the file's tag."""
    kit.finish(kit.to_bucket(prefix, formatOptions={"noData": 65535}))

    pixels, profile, _, _ = opened(bucket.blob(f"{prefix}.tif").download_as_bytes())
    values, valid = ramp
    np.testing.assert_array_equal(pixels[0], np.where(valid, values, 65535)[:600, :700])
    assert profile["nodata"] == 65535


def test_cloud_optimized_files_have_overviews_and_the_same_pixels(kit, bucket, prefix, ramp):
    """`cloudOptimized` adds overviews and changes no pixel."""
    kit.finish(kit.to_bucket(prefix, formatOptions={"cloudOptimized": True}))

    pixels, profile, names, overviews = opened(bucket.blob(f"{prefix}.tif").download_as_bytes())
    values, valid = ramp
    np.testing.assert_array_equal(pixels[0], np.where(valid, values, 0)[:600, :700])
    assert overviews
    assert names == ("ramp",)
    assert profile["tiled"]


def test_wholly_masked_files_are_left_out_when_asked(kit, bucket, prefix):
    """`skipEmptyTiles` leaves out the file whose pixels are all masked, and only that."""
    kit.finish(kit.to_bucket(prefix, fileDimensions=256, skipEmptyTiles=True, **kit.grid(256, 512)))

    assert [blob.name for blob in bucket.list_blobs(prefix=prefix)] == [f"{prefix}0000000000-0000000256.tif"]


def test_a_wholly_masked_export_can_write_nothing_and_succeed(kit, bucket, prefix):
    """No file at all is a success."""
    status = kit.finish(kit.to_bucket(prefix, skipEmptyTiles=True, **kit.grid(256, 256)))

    assert status["state"] == "COMPLETED"
    assert list(bucket.list_blobs(prefix=prefix)) == []


@pytest.mark.parametrize("optimized", [False, True], ids=["plain", "cloud-optimised"])
def test_the_bands_of_a_pixel_lie_together(kit, bucket, prefix, optimized):
    """Whatever GDAL would rather do: the order of bands in the file is the sandbox's own choice."""
    image = kit.image().addBands(kit.image().rename("again"))
    kit.finish(kit.to_bucket(prefix, image, formatOptions={"cloudOptimized": optimized}))

    _, profile, names, _ = opened(bucket.blob(f"{prefix}.tif").download_as_bytes())
    assert profile["interleave"] == "pixel"
    assert names == ("ramp", "again")


def test_floats_are_written_as_float32(kit, bucket, prefix, ramp):
    """A float band stays Float32; its masked pixels are 0 unless the sandbox is told otherwise."""
    kit.finish(kit.to_bucket(prefix, kit.image("half")))

    pixels, profile, _, _ = opened(bucket.blob(f"{prefix}.tif").download_as_bytes())
    values, valid = ramp
    np.testing.assert_array_equal(pixels[0], np.where(valid, values / 2, 0).astype(np.float32)[:600, :700])
    assert profile["dtype"] == "float32"


def test_drive_exports_go_to_the_newest_folder_of_that_name(kit, drive, prefix):
    """Of two folders with one name the newer gets the file; a missing folder is made."""
    kind = "application/vnd.google-apps.folder"
    for _ in range(2):
        newest = drive.files().create(body={"name": "twice", "mimeType": kind}).execute()
    name = prefix.replace("/", "-")

    kit.finish(kit.to_drive(name, "twice"))
    kit.finish(kit.to_drive(name, f"made for {name}"))

    found = drive.files().list(q=f"name = '{name}.tif'", fields="files(parents,md5Checksum,size)").execute()["files"]
    made = drive.files().list(q=f"name = 'made for {name}'", fields="files(id)").execute()["files"]
    assert [each["parents"] for each in found] == [[made[0]["id"]], [newest["id"]]]
    assert found[0]["md5Checksum"] == found[1]["md5Checksum"]


def test_an_exported_object_is_replaced_as_a_new_generation(kit, bucket, prefix):
    """A second export to the same name leaves one object, with a higher generation."""
    kit.finish(kit.to_bucket(prefix))
    first = bucket.get_blob(f"{prefix}.tif").generation

    kit.finish(kit.to_bucket(prefix))

    found = list(bucket.list_blobs(prefix=prefix))
    assert len(found) == 1
    assert found[0].generation > first


@pytest.mark.parametrize(("bytes_per_pixel", "side"), [(4, 32768), (8, 23296), (6, 26880), (2, 46592), (96, 6912)])
def test_the_side_of_files_follows_the_sides_seen_in_public(bytes_per_pixel, side):
    """Without `fileDimensions` files have the sides that public file names show."""
    from orchestrator.sandbox.earthengine.exports import file_side  # noqa: PLC0415  only this test looks inside

    assert file_side(bytes_per_pixel, 256) == side
