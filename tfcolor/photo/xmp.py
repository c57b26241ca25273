"""The mark in a photo's XMP that says its colour was invented, and by what; all else of the packet stays byte for byte.

IPTC's digital source type for pictures that a trained model added to, and an entry in the history of XMP Media
Management (XMP specification, parts 1 and 2).
"""

import re
from dataclasses import dataclass, field
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
MEDIA = "http://ns.adobe.com/xap/1.0/mm/"
EVENT = "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"
HEAD = b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
TAIL = b'\n<?xpacket end="w"?>'
EMPTY = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="%s"></rdf:RDF></x:xmpmeta>' % RDF.encode()
TAG = re.compile(rb"""<[^"'>]*(?:"[^"]*"[^"'>]*|'[^']*'[^"'>]*)*>""")
SOURCE_ATTRIBUTE = re.compile(rb"""\s[\w.-]+:DigitalSourceType\s*=\s*("[^"]*"|'[^']*')""")


LARGEST = 2 << 20  # bytes: to read more of XML takes longer than a photo may


class BrokenPacket(ValueError):
    """It is no XML, or no XMP, or beyond any real size."""


def mark(packet: bytes, agent: str) -> bytes:
    """The packet (or, of an empty one, a new one) with the mark.

    Args:
        packet: XMP as a file carries it, in any of its encodings.
        agent: what coloured the photo, for the history: name, version, model.

    Raises:
        BrokenPacket: the packet cannot be read.
    """
    if len(packet) > LARGEST:
        raise BrokenPacket(f"{len(packet):,} bytes of it")
    if not packet.strip(b"\0 \r\n\t"):
        return HEAD + _insert(EMPTY, agent) + TAIL
    return _insert(_as_utf8(packet), agent)


def _as_utf8(packet: bytes) -> bytes:
    for encoding in ("utf-32-be", "utf-32-le", "utf-16-be", "utf-16-le"):
        if packet.startswith("<".encode(encoding)) or packet.startswith("\ufeff<".encode(encoding)):
            try:
                return packet.decode(encoding).lstrip("\ufeff").encode()
            except UnicodeDecodeError:
                raise BrokenPacket("it is not written in the encoding that it starts in") from None
    return packet


@dataclass
class _Places:
    """Where things stand in a packet: bytes from the start of an element to the start of its end tag, or of tags."""

    rdf: tuple[int, int] | None = None
    history: tuple[int, int] | None = None
    about: str = ""
    source_elements: list[tuple[int, int]] = field(default_factory=list)
    source_attributes: list[int] = field(default_factory=list)


def _insert(packet: bytes, agent: str) -> bytes:
    places = _find(packet)
    if places.rdf is None:
        raise BrokenPacket("no RDF is in it")
    event = (
        f'<rdf:li xmlns:rdf="{RDF}" xmlns:stEvt="{EVENT}" rdf:parseType="Resource"><stEvt:action>edited</stEvt:action>'
        f"<stEvt:softwareAgent>{escape(agent)}</stEvt:softwareAgent></rdf:li>"
    )
    source = f'<Iptc4xmpExt:DigitalSourceType xmlns:Iptc4xmpExt="{IPTC}">{SOURCE_TYPE}</Iptc4xmpExt:DigitalSourceType>'
    history = f'<xmpMM:History xmlns:xmpMM="{MEDIA}"><rdf:Seq>{event}</rdf:Seq></xmpMM:History>'
    inside = source if places.history else source + history
    description = f'<rdf:Description xmlns:rdf="{RDF}" rdf:about={quoteattr(places.about)}>{inside}</rdf:Description>'
    edits = [_append(packet, places.rdf, description)]
    if places.history:
        edits.append(_append(packet, places.history, event))
    edits += [(start, end, b"") for start, end in places.source_elements]
    for start in places.source_attributes:
        end = TAG.match(packet, start).end()
        edits.append((start, end, SOURCE_ATTRIBUTE.sub(b"", packet[start:end])))
    parts, at = [], 0
    for start, end, new in sorted(edits):
        if start >= at:  # else it lies in what is taken out
            parts += [packet[at:start], new]
            at = end
    return b"".join([*parts, packet[at:]])


def _append(packet: bytes, element: tuple[int, int], inside: str) -> tuple[int, int, bytes]:
    """The edit that adds something at an element's end; an empty element (<a/>) gets an end tag."""
    start, end = element
    tag = TAG.match(packet, start)[0]
    if not tag.endswith(b"/>"):
        return end, end, inside.encode()
    name = tag[1:-2].split()[0]
    return start, start + len(tag), tag[:-2] + b">" + inside.encode() + b"</" + name + b">"


def _find(packet: bytes) -> _Places:
    """Where the mark belongs, and where an older statement of the source stands.

    Raises:
        BrokenPacket: it is no XML.
    """
    places, path = _Places(), []
    parser = expat.ParserCreate(namespace_separator=" ")

    def start(name, attributes):
        path.append((name, parser.CurrentByteIndex))
        if name == f"{RDF} Description" and len(path) >= 2 and path[-2][0] == f"{RDF} RDF":
            places.about = places.about or attributes.get(f"{RDF} about", "")
            if f"{IPTC} DigitalSourceType" in attributes:
                places.source_attributes.append(parser.CurrentByteIndex)

    def end(name):
        _, began = path.pop()
        if name == f"{RDF} RDF":
            places.rdf = (began, parser.CurrentByteIndex)
        elif path and path[-1][0] == f"{MEDIA} History" and name.startswith(RDF):
            places.history = (began, parser.CurrentByteIndex)
        elif name == f"{IPTC} DigitalSourceType":
            tag, stop = TAG.match(packet, began), parser.CurrentByteIndex
            stop = tag.end() if tag[0].endswith(b"/>") else TAG.match(packet, stop).end()
            places.source_elements.append((began, stop))

    def refuse(*_):
        raise BrokenPacket("it declares a document type")

    parser.StartElementHandler, parser.EndElementHandler, parser.StartDoctypeDeclHandler = start, end, refuse
    try:
        parser.Parse(packet.rstrip(b"\0"), True)
    except expat.ExpatError as error:
        raise BrokenPacket(str(error)) from None
    return places
