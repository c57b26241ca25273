"""PHOTOS.md groups 5, 6 and 8: EXIF, XMP, IPTC, comments, resolution."""

import io
import re
import struct

import icc
import numpy as np
import pytest
from making import colorize, encoded, opened
from PIL import Image, PngImagePlugin
from PIL.TiffImagePlugin import IFDRational

from tfcolor.photo import exif, formats, jpeg, photoshop, xmp
from tfcolor.photo.directories import BrokenDirectory
from tfcolor.photo.notes import Resolution

MAKER_NOTE = bytes(range(256)) * 3
THUMBNAIL = encoded(np.full((60, 80), 100, "uint8"), "JPEG")


def exif_block(order="<", orientation=1, thumbnail=True, size=(101, 75)) -> bytes:
    """A block as a camera writes it, by hand: camera, date, GPS, maker note, extreme rationals, a thumbnail."""
    block = bytearray(b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)

    def directory(entries, following):
        """Entries (tag, type, count, bytes); values too long for their entry go behind the directory."""
        start = len(block)
        head = struct.pack(order + "H", len(entries))
        values, place = b"", start + 2 + 12 * len(entries) + 4
        for tag, kind, count, data in entries:
            if len(data) > 4:
                inline = struct.pack(order + "I", place + len(values))
                values += data + b"\0" * (len(data) % 2)
            else:
                inline = data.ljust(4, b"\0")
            head += struct.pack(order + "HHI", tag, kind, count) + inline
        block.extend(head + struct.pack(order + "I", following) + values)
        return start

    short, long = (lambda v: struct.pack(order + "H", v)), (lambda v: struct.pack(order + "I", v))
    rational = lambda *v: struct.pack(order + f"{len(v)}I", *v)  # noqa: E731
    main_size = 2 + 12 * 9 + 4 + 16 + 8 + 20 + 8 + 8
    exif_at = 8 + main_size
    main = [
        (271, 2, 16, b"Voigtl\xe4nder & C\0"),
        (272, 2, 8, b"Bessa I\0"),
        (274, 3, 1, short(orientation)),
        (282, 5, 1, rational(600, 2)),
        (283, 5, 1, rational(1200, 8)),
        (296, 3, 1, short(2)),
        (306, 2, 20, b"1938:05:01 12:00:00\0"),
        (34665, 4, 1, long(exif_at)),
        (34853, 4, 1, long(exif_at + 2 + 12 * 6 + 4 + 8 + 8 + len(MAKER_NOTE))),
    ]
    directory(main, 0)
    assert len(block) == exif_at, (len(block), exif_at)
    below = [
        (33434, 5, 1, rational(1, 4294967295)),
        (37380, 10, 1, struct.pack(order + "ii", -2147483648, 2147483647)),
        (37500, 7, len(MAKER_NOTE), MAKER_NOTE),
        (40961, 3, 1, short(1)),
        (40962, 4, 1, long(size[0])),
        (40963, 3, 1, short(size[1])),
    ]
    directory(below, 0)
    directory([(1, 2, 2, b"N\0"), (2, 5, 3, rational(48, 1, 51, 1, 29, 4294967295))], 0)
    if thumbnail:
        start = len(block)
        struct.pack_into(order + "I", block, 8 + 2 + 12 * 9, start)
        first = start + 2 + 12 * 3 + 4
        directory([(259, 3, 1, short(6)), (513, 4, 1, long(first)), (514, 4, 1, long(len(THUMBNAIL)))], 0)
        block.extend(THUMBNAIL)
    return bytes(block)


def exif_of(data: bytes) -> bytes:
    """The block of a file, bare."""
    return opened(data).info["exif"].removeprefix(b"Exif\0\0")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("order", "<>")
def test_exif_stays_byte_for_byte(gray, kind, order):
    before = exif_block(order, thumbnail=False)
    assert exif_of(colorize(encoded(gray, kind, exif=b"Exif\0\0" + before)).data) == before


@pytest.mark.parametrize("order", "<>")
def test_in_an_avif_exif_loses_its_orientation_and_nothing_moves(gray, order):
    before = exif_block(order, thumbnail=False)
    after = exif_of(colorize(encoded(gray, "JPEG", exif=b"Exif\0\0" + before), output_format=formats.AVIF).data)
    there, here = exif.read(before), exif.read(after)
    assert here.main.entries.keys() == there.main.entries.keys() - {274} and here.below.keys() == there.below.keys()
    assert all(entry.data == there.main.entries[tag].data for tag, entry in here.main.entries.items())
    behind = there.main.next_written_at + 4
    assert after[behind:] == before[behind:] and len(after) == len(before)


@pytest.mark.parametrize("order", "<>")
def test_of_exif_only_orientation_size_and_thumbnail_change(gray, order):
    before = exif_block(order, orientation=6)
    after = exif_of(colorize(encoded(np.rot90(gray), "JPEG", exif=b"Exif\0\0" + before)).data)
    assert THUMBNAIL in before and THUMBNAIL not in after
    plain = exif_block(order, thumbnail=False)
    assert len(after) == len(plain)
    image = Image.Exif()
    image.load(after)
    below = image.get_ifd(34665)
    assert image[274] == 1 and image[271].startswith("Voigtl")
    assert (below[40962], below[40963]) == (101, 75)
    assert (float(image[282]), float(image[283])) == (150, 300)  # they lay on their side
    assert below[37500] == MAKER_NOTE and after.index(MAKER_NOTE) == before.index(MAKER_NOTE)
    assert below[33434] == IFDRational(1, 4294967295)
    different = [i for i in range(len(plain)) if plain[i] != after[i]]
    allowed = set()
    for tag in (282, 283):
        entry = exif.read(plain).main.entries[tag]
        allowed |= set(range(entry.place, entry.place + entry.size))
    assert set(different) <= allowed


def test_a_thumbnail_between_other_things_is_blanked():
    block = bytearray(exif_block())
    read = exif.read(bytes(block))
    # The camera's maker moved a text behind the thumbnail.
    entry = read.main.entries[271]
    text = entry.data
    at = 8 + 2 + 0 * 12 + 8
    struct.pack_into("<I", block, at, len(block))
    block += text
    after = exif.upright(exif.read(bytes(block)), 101, 75, False)
    assert len(after) == len(block)
    assert THUMBNAIL not in after and b"\0" * len(THUMBNAIL) in after
    assert exif.read(after).main.entries[271].data == text and exif.read(after).main.next == 0


def test_a_thumbnail_that_points_at_other_things_takes_nothing_with_it():
    """One that claims the header, and one that claims the camera's name."""
    block = bytearray(exif_block())
    at = exif.read(bytes(block)).thumbnail.entries[513].place
    for place in (0, exif.read(bytes(block)).main.entries[271].place):
        struct.pack_into("<I", block, at, place)
        after = exif.upright(exif.read(bytes(block)), 101, 75, False)
        assert exif.read(after).main.entries[271].data == b"Voigtl\xe4nder & C\0"
        assert exif.read(after).below.keys() == {34665, 34853}


@pytest.mark.parametrize(
    "value",
    [struct.pack("<HIf", 11, 1, 1e3), struct.pack("<HIi", 9, 1, -40), struct.pack("<HII", 16, 1, 512)],
    ids=["fraction", "below 0", "64 bits"],
)
def test_places_that_are_none_lead_nowhere(value):
    """A fraction, a number below 0 or one that no file reaches, where a directory or the thumbnail is to lie."""
    block = exif_block()
    read = exif.read(block)
    for entry in (read.main.entries[34665], read.thumbnail.entries[513]):
        at = entry.place - 6
        broken = block[:at] + value + block[at + 10 :]
        if entry.tag == 513:
            assert exif.read(exif.upright(exif.read(broken), 101, 75, False)).below.keys() == {34665, 34853}
        else:
            with pytest.raises(BrokenDirectory):
                exif.read(broken)


BROKEN = {
    "no header": b"nonsense" * 10,
    "cut": exif_block()[:60],
    "a value outside": exif_block(thumbnail=False)[:-30],
    "empty directory outside": b"II*\0\xff\xff\xff\x7f",
    "circle": b"II*\0\x08\0\0\0" + struct.pack("<HHHII", 1, 34665, 4, 1, 8) + bytes(4),
    "a value on the header": b"II*\0\x08\0\0\0" + struct.pack("<HHHII", 1, 282, 5, 1, 0) + bytes(4),
    "a directory on the header": b"MM\0*\0\0\0\x05" + bytes(40),
    "half a million entries": b"II*\0\x08\0\0\0" + struct.pack("<H", 65535) + bytes(65535 * 12)[: 65000 - 10],
}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("case", [case for case in BROKEN if case != "circle"])
def test_broken_exif_is_dropped_with_a_warning(gray, kind, case):
    before = encoded(gray, kind, exif=b"Exif\0\0" + BROKEN[case])
    result = colorize(before)
    assert any("EXIF is damaged" in warning for warning in result.warnings)
    assert b"nonsense" not in result.data and "exif" not in opened(result.data).info


def test_a_circle_in_exif_ends(gray):
    assert colorize(encoded(gray, "JPEG", exif=b"Exif\0\0" + BROKEN["circle"])).data


def test_exif_survives_from_format_to_format(gray):
    block = exif_block(thumbnail=False)
    data = encoded(gray, "JPEG", exif=b"Exif\0\0" + block)
    for target in (formats.TIFF, formats.PNG, formats.WEBP, formats.TIFF, formats.JPEG):
        data = colorize(data, output_format=target).data
        image = opened(data)
        tags = image.getexif()
        assert tags[306] == "1938:05:01 12:00:00" and tags[272] == "Bessa I"
        assert tags.get_ifd(34665)[37500] == MAKER_NOTE
        assert tags.get_ifd(34853)[1] == "N"
        assert tags.get_ifd(34665)[33434] == IFDRational(1, 4294967295)


# 6: XMP, IPTC, comments.

PACKET = (
    b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    b'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:CreatorTool="A scanner\'s own" xmlns:dc="http://purl.org/dc/elements/1.1/">'
    b"<dc:title>Gro\xc3\x9fmutter</dc:title>%s</rdf:Description></rdf:RDF></x:xmpmeta>   <?xpacket end='w'?>"
)
HISTORY = (
    b'<m:History xmlns:m="http://ns.adobe.com/xap/1.0/mm/" xmlns:e="http://ns.adobe.com/xap/1.0/sType/ResourceEvent#">'
    b'<rdf:Seq><rdf:li e:action="created" e:softwareAgent="ScanPro"/></rdf:Seq></m:History>'
)
OLD_SOURCE = (
    b'<i:DigitalSourceType xmlns:i="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">'
    b"http://cv.iptc.org/newscodes/digitalsourcetype/negativeFilm</i:DigitalSourceType>"
)
NAMES = {"rdf": xmp.RDF, "iptc": xmp.IPTC, "mm": xmp.MEDIA, "ev": xmp.EVENT, "xmp": "http://ns.adobe.com/xap/1.0/"}


def read_mark(packet: bytes):
    """Source types, history as (action, agent) and creator tools of a packet, read by ElementTree."""
    from xml.etree import ElementTree

    root = ElementTree.fromstring(re.sub(rb"<\?xpacket[^>]*\?>", b"", packet).strip(b"\0 \n"))
    sources = [one.text for one in root.iterfind(".//iptc:DigitalSourceType", NAMES)]
    sources += [v for one in root.iter() for k, v in one.attrib.items() if k == f"{{{xmp.IPTC}}}DigitalSourceType"]
    history = [
        tuple(
            entry.findtext(f"ev:{name}", None, NAMES) or entry.get(f"{{{xmp.EVENT}}}{name}")
            for name in ("action", "softwareAgent")
        )
        for entry in root.iterfind(".//mm:History/rdf:Seq/rdf:li", NAMES)
    ]
    assert len(root.findall(".//mm:History", NAMES)) == 1
    tools = [
        one.get(f"{{{NAMES['xmp']}}}CreatorTool") for one in root.iter() if one.get(f"{{{NAMES['xmp']}}}CreatorTool")
    ]
    return sources, history, tools


def xmp_of(data: bytes) -> bytes:
    image = opened(data)
    found = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or image.tag_v2[700]
    return found.encode() if isinstance(found, str) else found


def with_xmp(picture, kind, packet) -> bytes:
    if kind == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", packet.decode(), zip=True)
        return encoded(picture, kind, pnginfo=info)
    return encoded(picture, kind, **({"tiffinfo": {700: packet}} if kind == "TIFF" else {"xmp": packet}))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("inside", [b"", HISTORY, OLD_SOURCE, HISTORY + OLD_SOURCE])
def test_the_mark_is_added_and_all_else_of_xmp_stays(gray, kind, inside):
    packet = PACKET % inside
    after = xmp_of(colorize(with_xmp(gray, kind, packet), agent="tfcolor 9.9, model some 3").data)
    sources, history, tools = read_mark(after)
    assert sources == ["http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"]
    assert history[-1] == ("edited", "tfcolor 9.9, model some 3")
    assert len(history) == 1 + (HISTORY in inside) and tools == ["A scanner's own"]
    if HISTORY in inside:
        assert history[0] == ("created", "ScanPro")
    # Taking the additions out again leaves the packet byte for byte.
    without = re.sub(
        rb'<rdf:Description xmlns:rdf="[^"]*" rdf:about=""><Iptc.*?</rdf:Description>', b"", after, flags=re.S
    )
    without = re.sub(rb"<rdf:li xmlns:rdf=.*?</rdf:li>", b"", without, flags=re.S)
    assert without == packet.replace(OLD_SOURCE, b"")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_without_xmp_one_is_made(gray, kind):
    sources, history, _ = read_mark(xmp_of(colorize(encoded(gray, kind), agent="tfcolor & <model>").data))
    assert sources == [xmp.SOURCE_TYPE] and history == [("edited", "tfcolor & <model>")]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_no_mark_adds_nothing(gray, kind):
    packet = PACKET % HISTORY
    assert xmp_of(colorize(with_xmp(gray, kind, packet), agent="").data) == packet
    assert b"DigitalSourceType" not in colorize(encoded(gray, kind), agent="").data


def test_a_source_type_as_an_attribute_is_replaced():
    packet = (
        (PACKET % b"")
        .replace(b"<dc:title", b"<dc:title", 1)
        .replace(
            b"xmlns:dc=", b'xmlns:i="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" i:DigitalSourceType="a>b" xmlns:dc='
        )
    )
    sources, _, tools = read_mark(xmp.mark(packet, "x"))
    assert sources == [xmp.SOURCE_TYPE] and tools == ["A scanner's own"]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_xmp_in_other_encodings_is_read(encoding):
    packet = (PACKET % HISTORY).decode().replace("\ufeff", "").encode(encoding)
    assert "Großmutter" in xmp.mark(packet, "x").decode()
    assert len(read_mark(xmp.mark(packet, "x"))[1]) == 2


def test_empty_elements_take_the_mark_too():
    packet = b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/>'
    assert read_mark(b"<a>" + xmp.mark(packet, "x") + b"</a>")[1] == [("edited", "x")]
    packet = PACKET % HISTORY.replace(HISTORY[HISTORY.index(b"<rdf:Seq>") : HISTORY.index(b"</m:")], b"<rdf:Seq/>")
    assert read_mark(xmp.mark(packet, "x"))[1] == [("edited", "x")]


@pytest.mark.parametrize(
    "packet",
    [b"<x", b"not xml", PACKET[:200], b"<a/>", b'<!DOCTYPE a [<!ENTITY b "bbbb">]><a>&b;</a>', b"<\0r\0d"],
)
def test_broken_xmp_is_dropped_with_a_warning(gray, packet):
    result = colorize(encoded(gray, "JPEG", xmp=packet))
    assert any("XMP is damaged" in warning for warning in result.warnings)
    assert read_mark(xmp_of(result.data))[1]


def test_a_source_in_a_source_goes_with_it():
    """Taking out the outer one takes the inner one with it, and nothing behind them."""
    inner = b'<i:DigitalSourceType xmlns:i="%s">%s</i:DigitalSourceType>'
    names = xmp.IPTC.encode()
    packet = PACKET % (inner % (names, inner % (names, b"a") + inner % (names, b"b")))
    sources, _, tools = read_mark(xmp.mark(packet, "x"))
    assert sources == [xmp.SOURCE_TYPE] and tools == ["A scanner's own"]


def resources(*items) -> bytes:
    return b"".join(
        b"8BIM" + struct.pack(">H", n) + b"\0\0" + struct.pack(">I", len(d)) + d + b"\0" * (len(d) % 2)
        for n, d in items
    )


IPTC = b"\x1c\x02\x78\x00\x05Story\x1c\x02\x19\x00\x04word"


def app13(data: bytes, box: bytes) -> bytes:
    payload = b"Photoshop 3.0\0" + box
    return data[:2] + struct.pack(">BBH", 0xFF, 0xED, len(payload) + 2) + payload + data[2:]


def test_iptc_stays_in_a_jpeg_and_photoshops_thumbnail_goes(gray):
    box = resources((0x0404, IPTC), (0x040C, b"gray thumbnail!"), (0x0425, b"0123456789abcdef"))
    after = colorize(app13(encoded(gray, "JPEG"), box)).data
    assert b"Photoshop 3.0\0" + resources((0x0404, IPTC), (0x0425, b"0123456789abcdef")) in after
    assert b"gray thumbnail" not in after


def test_iptc_goes_from_jpeg_to_tiff_and_back(gray):
    data = app13(encoded(gray, "JPEG"), resources((0x0404, IPTC)))
    there = colorize(data, output_format=formats.TIFF).data
    assert opened(there).tag_v2[34377] == resources((0x0404, IPTC))
    assert b"Photoshop 3.0\0" + resources((0x0404, IPTC)) in colorize(there, output_format=formats.JPEG).data
    lost = colorize(data, output_format=formats.PNG)
    assert any("IPTC" in warning for warning in lost.warnings)


def test_damaged_photoshop_resources_stay_as_they_are():
    for broken in (b"8BIM", b"8BIM\x04\x04\0\0\xff\xff\xff\xff123", b"nothing"):
        assert photoshop.without_thumbnails(broken) == broken


def test_iptc_alone_in_a_tiff_stays(gray):
    data = encoded(gray, "TIFF", tiffinfo={33723: IPTC})
    tags = opened(colorize(data).data).tag_v2
    assert tags[33723] == IPTC and 34377 not in tags  # not a second time in Photoshop's box
    assert b"8BIM\x04\x04\0\0" + struct.pack(">I", len(IPTC)) + IPTC in colorize(data, output_format=formats.JPEG).data


def test_comments_stay(gray):
    assert opened(colorize(encoded(gray, "JPEG", comment=b"caf\xe9, 1938")).data).info["comment"] == b"caf\xe9, 1938"
    assert b"Comment\0caf" in colorize(encoded(gray, "JPEG", comment=b"caf\xe9"), output_format=formats.PNG).data
    gif = colorize(encoded(gray, "GIF", comment=b"from a gif"))
    assert opened(gif.data).text["Comment"] == "from a gif"
    lost = colorize(encoded(gray, "JPEG", comment=b"caf\xe9"), output_format=formats.WEBP)
    assert any("comments" in warning for warning in lost.warnings)


def test_segments_that_only_a_jpeg_has_stay(gray):
    data = encoded(gray, "JPEG")
    strange = b"\xff\xe5\x00\x0dSamsung abc"
    data = data[:2] + strange + data[2:]
    assert strange in colorize(data).data
    assert any(
        "1 notes that only JPEG holds" in warning for warning in colorize(data, output_format=formats.PNG).warnings
    )


def test_credentials_that_no_longer_hold_are_left_out(gray):
    data = encoded(gray, "JPEG")
    data = data[:2] + b"\xff\xeb\x00\x0cJP\0\1c2pa 1" + data[2:]
    result = colorize(data)
    assert b"c2pa" not in result.data and any("C2PA" in warning for warning in result.warnings)


def test_notes_too_large_for_a_jpeg_are_told(gray):
    info = PngImagePlugin.PngInfo()
    packet = (PACKET % b"").replace(b"Gro", b"x" * 70000 + b"Gro").decode()
    info.add_itxt("XML:com.adobe.xmp", packet, zip=True)
    result = colorize(encoded(gray, "PNG", pnginfo=info), output_format=formats.JPEG)
    assert any("XMP" in warning and "does not fit" in warning for warning in result.warnings)
    assert opened(result.data)


def test_long_comments_and_profiles_are_split_and_joined(gray):
    notes_in = colorize(encoded(gray, "PNG")).data
    assert notes_in
    data = jpeg.add_notes(
        encoded(gray, "JPEG"), jpeg.Notes(icc=bytes(range(256)) * 600, comments=[b"c" * 100000]), [], []
    )
    read = jpeg.read_notes(jpeg.parse(data), [])
    assert read.icc == bytes(range(256)) * 600 and b"".join(read.comments) == b"c" * 100000


# 8: resolution.


def made_with_dpi(gray, kind):
    if kind == "EXIF alone":
        data = encoded(gray, "JPEG", exif=b"Exif\0\0" + exif_block(thumbnail=False))
        return data  # JFIF says 1:1 without a unit
    if kind == "JFIF per cm":
        data = encoded(gray, "JPEG", dpi=(118, 236))
        return data.replace(b"JFIF\0\1\1\1", b"JFIF\0\1\1\2", 1)
    if kind == "TIFF per cm":
        return encoded(gray, "TIFF", resolution_unit="cm", x_resolution=118.11, y_resolution=236.22)
    return encoded(gray, kind, dpi=(300, 600))


RESOLUTIONS = {
    "JPEG": (300, 600),
    "PNG": (300, 600),
    "TIFF": (300, 600),
    "BMP": (300, 600),
    "EXIF alone": (300, 150),
    "JFIF per cm": (118 * 2.54, 236 * 2.54),
    "TIFF per cm": (118.11 * 2.54, 236.22 * 2.54),
}


def dpi_of(data: bytes):
    image = opened(data)
    if "dpi" in image.info:
        return tuple(float(value) for value in image.info["dpi"])
    tags = image.getexif()
    factor = 2.54 if tags.get(296) == 3 else 1
    return float(tags[282]) * factor, float(tags[283]) * factor


@pytest.mark.parametrize("target", [None, "JPEG", "PNG", "TIFF", "WEBP", "BMP"])
@pytest.mark.parametrize("kind", RESOLUTIONS)
def test_it_prints_at_the_same_size(gray, kind, target):
    target = {one.pillow: one for one in formats.FORMATS}.get(target)
    after = colorize(made_with_dpi(gray, kind), output_format=target).data
    np.testing.assert_allclose(dpi_of(after), RESOLUTIONS[kind], rtol=0.002)


def test_a_ratio_without_unit_stays_one(gray):
    data = encoded(gray, "JPEG")
    at = data.index(b"JFIF\0") + 7
    data = data[:at] + struct.pack(">BHH", 0, 2, 1) + data[at + 5 :]
    after = colorize(data).data
    at = after.index(b"JFIF\0") + 7
    assert struct.unpack_from(">BHH", after, at) == (0, 2, 1)
    png = colorize(data, output_format=formats.PNG).data
    assert struct.unpack_from(">IIB", png, png.index(b"pHYs") + 4) == (2, 1, 0)


@pytest.mark.parametrize("target", ["JPEG", "PNG", "TIFF", "WEBP", "BMP", "JPEG2000", "AVIF"])
@pytest.mark.parametrize("kind, value", [(5, (4294967295, 1)), (5, (1, 4294967295)), (10, (4294967040, 1))])
def test_a_resolution_that_cannot_be_is_left_out(gray, target, kind, value):
    """EXIF's largest and smallest fraction, and one below 0: no format's own place for it holds them."""
    block = b"II*\0\x08\0\0\0" + struct.pack("<HHHIIHHIII", 2, 282, kind, 1, 38, 283, kind, 1, 38, 0)
    target = {one.pillow: one for one in formats.FORMATS}[target]
    data = encoded(gray, "JPEG", exif=b"Exif\0\0" + block + struct.pack("<II", *value))
    result = colorize(data, output_format=target)
    assert any("cannot be and is left out" in warning for warning in result.warnings)
    dpi = opened(result.data).info.get("dpi", (72, 72)) if target is not formats.TIFF else (72, 72)
    assert max(map(float, dpi)) < 100


def test_units_convert():
    assert Resolution(300, 150, "inch").per("cm").x == pytest.approx(118.110, abs=1e-3)
    assert Resolution(100, 50, "cm").per("inch").y == pytest.approx(127)


def test_exif_reading_names_what_is_broken():
    with pytest.raises(BrokenDirectory, match="tag 37500 points outside"):
        exif.read(exif_block(thumbnail=False)[:400])
    with pytest.raises(BrokenDirectory, match="entries"):
        exif.read(BROKEN["half a million entries"])


def test_the_same_photo_gives_the_same_bytes(gray):
    for kind in ("JPEG", "PNG", "TIFF", "WEBP"):
        data = encoded(gray, kind)
        assert colorize(data).data == colorize(io.BytesIO(data).getvalue()).data


@pytest.mark.parametrize("kind", ["AVIF", "HEIF"])
def test_avif_and_heic_keep_theirs(gray, kind):
    if kind == "HEIF":
        pytest.importorskip("pillow_heif", reason="the extra heic is not installed").register_heif_opener()
    exif = Image.Exif()
    exif[271], exif[306] = "Voigtlander", "1938:05:01 12:00:00"
    profile = icc.rgb_profile("Display P3")
    photo = Image.fromarray(np.dstack([gray] * 3))
    data = encoded(photo, kind, exif=exif.tobytes(), xmp=PACKET % b"", icc_profile=profile, quality=90)
    after = opened(colorize(data).data)
    assert after.getexif()[271] == "Voigtlander" and after.getexif()[306] == "1938:05:01 12:00:00"
    assert read_mark(xmp_of(colorize(data).data))[2] == ["A scanner's own"]
    assert after.info["icc_profile"] == profile


def test_boxes_that_only_a_jpeg_2000_has_stay(gray):
    iptc = struct.pack(">I4s", 24 + len(IPTC), b"uuid") + bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38") + IPTC
    data = encoded(gray, "JPEG2000") + iptc + struct.pack(">I4s", 12, b"xml ") + b"<a/>"
    assert iptc in colorize(data).data and b"xml <a/>" in colorize(data).data
    lost = colorize(data, output_format=formats.PNG).warnings
    assert any("2 notes that only JPEG 2000 holds" in warning for warning in lost)


def test_the_resolution_of_a_jpeg_2000_stays(gray):
    data = encoded(gray, "JPEG2000")
    header = data.index(b"jp2h") - 4
    (size,) = struct.unpack_from(">I", data, header)
    box = struct.pack(">I4sI4sHHHHbb", 26, b"res ", 18, b"resd", 23622, 1, 11811, 1, 0, 0)
    data = data[:header] + struct.pack(">I", size + 26) + data[header + 4 : header + size] + box + data[header + size :]
    np.testing.assert_allclose(dpi_of(colorize(data, output_format=formats.PNG).data), (300, 600), rtol=0.001)
    tags = exif.read(colorize(data).data.partition(b"JpgTiffExif->JP2")[2]).main
    assert tags.numbers(exif.X_RESOLUTION)[0] / tags.numbers(exif.X_RESOLUTION)[1] == pytest.approx(300, rel=0.001)
