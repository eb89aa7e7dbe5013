"""Objects of a cloud as the store writes them down: what is read is what was written."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engine.stores.rows import object_of, object_text
from orchestrator.model.objects import Checksum, StoredObject

words = st.text(max_size=20)
checksums = st.builds(
    Checksum, st.sampled_from(["MD5", "SHA3-256", "BLAKE3"]), st.text("0123456789abcdef", max_size=64)
)
objects = st.builds(
    StoredObject,
    name=words,
    size=st.integers(0, 2**53),
    generation=words,
    crc32c=st.none() | words,
    md5=st.none() | words,
    id=words,
    created=words,
    checksum=st.none() | checksums,
    size_alone=st.booleans(),
)


@given(written=objects)
def test_an_object_is_read_as_it_was_written(written):
    """Every field, that of a service's own checksum too, which says what its bytes are compared with."""
    read = object_of(object_text(written))

    assert (read, read.created, read.stated) == (written, written.created, written.stated)
