"""
The sentences with which Earth Engine fails, as users published them, to be ordered by name.

A call carries an HTTP status; a failed task carries a code of `google.rpc.Code`, which also stands at the end of its
sentence. Published with their status: exceeded limits and wrong requests 400, quotas 429, capacity 503, errors of the
service itself 500.
"""

from __future__ import annotations

from dataclasses import dataclass

INVALID_ARGUMENT, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, INTERNAL, UNAVAILABLE = 3, 4, 8, 13, 14  # google.rpc.Code


@dataclass(frozen=True, slots=True)
class Sentence:
    """
    Attributes:
        status: HTTP status of a call that fails so.
        code: google.rpc.Code of a task that fails so.
    """

    text: str
    status: int = 400
    code: int = INVALID_ARGUMENT

    @property
    def of_task(self) -> str:
        """The sentence of a failed task."""
        return f"{self.text} (Error code: {self.code})"


SENTENCES = {
    "user_memory": Sentence("User memory limit exceeded.", code=RESOURCE_EXHAUSTED),
    "memory_capacity": Sentence("Earth Engine memory capacity exceeded.", code=RESOURCE_EXHAUSTED),
    "out_of_memory": Sentence("Execution failed; out of memory.", code=RESOURCE_EXHAUSTED),
    "capacity": Sentence("Earth Engine capacity exceeded.", 503, UNAVAILABLE),
    "aggregations_quota": Sentence("Quota exceeded: Too many concurrent aggregations.", 429, RESOURCE_EXHAUSTED),
    "aggregations": Sentence("Too many concurrent aggregations.", 429, RESOURCE_EXHAUSTED),
    "too_many_requests": Sentence("Too Many Requests", 429, RESOURCE_EXHAUSTED),
    "read_quota": Sentence(
        "Quota exceeded for quota metric 'Number of read requests' and limit 'Number of read requests per minute per "
        "user' of service 'earthengine.googleapis.com' for consumer 'project_number:1'.",
        429,
        RESOURCE_EXHAUSTED,
    ),
    "eecu_quota": Sentence(
        "Your usage exceeded the custom quota for 'earthengine.googleapis.com/daily_eecu_usage_time', which is "
        "adjustable by your administrator.",
        429,
        RESOURCE_EXHAUSTED,
    ),
    "restricted": Sentence(
        "warning: Your project has exceeded its noncommercial compute quota and is now in restricted mode.",
        429,
        RESOURCE_EXHAUSTED,
    ),
    "timed_out": Sentence("Computation timed out.", code=DEADLINE_EXCEEDED),
    "output_too_large": Sentence(
        "Output of image computation is too large (20 bands for 851968 pixels = 126.8 MiB > 80.0 MiB). If this is a "
        "reduction, try specifying a larger 'tileScale' parameter."
    ),
    "reprojection": Sentence("Reprojection output too large (27412x20470 pixels)."),
    "value_too_large": Sentence("Computed value is too large"),
    "request_size": Sentence("Total request size (56623104 bytes) must be less than or equal to 50331648 bytes."),
    "pixel_grid": Sentence("Pixel grid dimensions (13x111332) must be less than or equal to 32768."),
    "too_many_values": Sentence(
        "ImageCollection.getRegion: Too many values: 26027 points x 4 bands x 19 images > 1048576."
    ),
    "download_size": Sentence("Total request size (56623104 bytes) must be less than or equal to 33554432 bytes."),
    "download_grid": Sentence("Pixel grid dimensions (13x111332) must be less than or equal to 10000."),
    "sample_pixels": Sentence("Image.sampleRectangle: Too many pixels in sample; must be <= 262144. Got 300000."),
    "no_valid_pixels": Sentence("No valid (un-masked) pixels in export region."),
    "no_bands": Sentence("If one image has no bands, the other must also have no bands. Got 0 and 1."),
    "pattern": Sentence("Image.select: Pattern 'B2' was applied to an Image with no bands."),
    "queue": Sentence(
        "Too many tasks already in the queue (3000). Please wait for some of them to complete.", 429, RESOURCE_EXHAUSTED
    ),
    "request_id": Sentence("A different Operation was already started with the given request_id."),
    "band_types": Sentence("Exported bands must have compatible data types; found inconsistent types: Int16 and Byte."),
    "unbounded": Sentence("Unable to export unbounded image."),
    "edge": Sentence(
        "Unable to transform edge (0.000000, 0.000000 to 1.000000, 0.000000) from EPSG:3857 to EPSG:4326."
    ),
    "payload": Sentence("Request payload size exceeds the limit: 10485760 bytes."),
    "image_not_found": Sentence(
        "Image.load: Image asset 'x' not found (does not exist or caller does not have access)."
    ),
    "asset_not_found": Sentence("Asset 'x' does not exist or doesn't allow this operation.", 404, 5),
    "not_homogeneous": Sentence(
        "Expected a homogeneous image collection, but an image with incompatible bands was encountered: First image "
        "type: 1 bands ([B2]). Current image type: 1 bands ([B3])."
    ),
    "query_aborted": Sentence("Collection query aborted after accumulating over 5000 elements."),
    "internal": Sentence("An internal error has occurred", 500, INTERNAL),
    "internal_server": Sentence("An internal server error has occurred", 500, INTERNAL),
    "unknown": Sentence("The frobnicator is out of phase."),  # one that nobody has ever seen
}
