"""Photoshop's image resources (8BIM): the box in which IPTC travels through JPEG and TIFF."""

import struct

IPTC, THUMBNAILS = 0x0404, (0x0409, 0x040C)


def without_thumbnails(resources: bytes) -> bytes:
    """The resources byte for byte, save the thumbnails. What is damaged stays as it is, from the damage on."""
    kept, at = b"", 0
    while resources[at : at + 4] == b"8BIM" and at + 12 <= len(resources):
        (number,) = struct.unpack_from(">H", resources, at + 4)
        name_size = resources[at + 6] + 1
        size_at = at + 6 + name_size + name_size % 2
        if size_at + 4 > len(resources):
            break
        (size,) = struct.unpack_from(">I", resources, size_at)
        end = size_at + 4 + size + size % 2
        if number not in THUMBNAILS:
            kept += resources[at:end]
        at = end
    return kept + resources[at:]


def with_iptc(iptc: bytes) -> bytes:
    """A bare IPTC record as a resource."""
    return b"8BIM" + struct.pack(">HBBI", IPTC, 0, 0, len(iptc)) + iptc + b"\0" * (len(iptc) % 2)
