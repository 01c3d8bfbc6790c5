"""The canvas of the report: a file for archives (PDF/A-2), with its structure for screen readers.

What ReportLab has no words for is written into its document here. Decision 44 says what of PDF/A
and of tagging is kept, and what is not.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Any
from xml.sax.saxutils import escape

from PIL import ImageCms
from reportlab import rl_config
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfdoc
from reportlab.pdfgen.canvas import Canvas

from asemble.report.fonts import REGULAR, register_fonts

TITLE = "asemble reading"
LANGUAGE = "en"
NO_TIME = datetime(2000, 1, 1, tzinfo=UTC)
"""Of a file whose time nobody states: the same input gives the same bytes."""

rl_config.useA85 = 0
"""Streams are not written as letters, which would cost seconds and a quarter of the file."""

_XMP = """\
<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:pdf="http://ns.adobe.com/pdf/1.3/"
 xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/">
<pdfaid:part>2</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
<dc:language><rdf:Bag><rdf:li>{language}</rdf:li></rdf:Bag></dc:language>
<xmp:CreateDate>{date}</xmp:CreateDate><xmp:ModifyDate>{date}</xmp:ModifyDate>
<xmp:CreatorTool>{creator}</xmp:CreatorTool><pdf:Producer>{producer}</pdf:Producer>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>"""


class Sheet(Canvas):
    """A4 pages that are tagged as they are drawn.

    Args:
        file: where the PDF goes.
        creator: the program, for the file's properties.
        made: when; stands in the file's properties.
    """

    _doc: Any

    def __init__(self, file: Any, *, creator: str, made: datetime | None) -> None:
        register_fonts()
        super().__init__(
            file,
            pagesize=A4,
            invariant=1,
            pageCompression=1,
            initialFontName=REGULAR,  # type: ignore[arg-type]  # a name, which its types call a number
            lang=LANGUAGE,
        )
        self.setTitle(TITLE)
        self.setAuthor("")
        self.setSubject("")
        self.setCreator(creator)
        self.setViewerPreference("DisplayDocTitle", "true")
        self._made = made or NO_TIME
        self._elements: list[list[Any]] = [[]]
        """By page, what stands on it, in the order in which it was drawn."""
        self._is_tagged = False

    @contextmanager
    def tagged(self, role: str, alt: str = "") -> Iterator[None]:
        """What is drawn meanwhile is one element of the document: "P", "H1", "Figure" and so on."""
        if self._is_tagged:  # part of a larger one
            yield
            return
        here = self._elements[-1]
        element = {"Type": pdfdoc.PDFName("StructElem"), "S": pdfdoc.PDFName(role), "K": len(here)}
        element["Pg"] = self._doc.thisPageRef()
        if alt:
            element["Alt"] = pdfdoc.PDFString(alt)
        self.addLiteral(f"/{role} <</MCID {len(here)}>> BDC")
        here.append(pdfdoc.PDFDictionary(element))
        self._is_tagged = True
        yield
        self._is_tagged = False
        self.addLiteral("EMC")

    @contextmanager
    def artifact(self) -> Iterator[None]:
        """What is drawn meanwhile says nothing that does not stand beside it."""
        self.addLiteral("/Artifact BMC")
        yield
        self.addLiteral("EMC")

    def showPage(self) -> None:  # noqa: N802  as Canvas has it
        """Close the page."""
        super().showPage()
        page = self._doc.Pages.pages[-1]
        page.__NoDefault__ = [*page.__NoDefault__, "StructParents", "Tabs"]
        page.StructParents, page.Tabs = len(self._elements) - 1, pdfdoc.PDFName("S")
        self._elements.append([])

    def save(self) -> None:
        """Write the file."""
        made, info, catalog = self._made, self._doc.info, self._doc.Catalog
        # ReportLab writes a date of its own; a formatter that ignores it is how to state another.
        info._dateFormatter = lambda *_: f"D:{made:%Y%m%d%H%M%S}{_offset(made)}"
        catalog.__NoDefault__ = [*catalog.__NoDefault__, "OutputIntents"]
        catalog.Metadata = self._metadata(info)
        catalog.OutputIntents = self._intents()
        catalog.MarkInfo = pdfdoc.PDFDictionary({"Marked": "true"})
        catalog.StructTreeRoot = self._structure()
        super().save()

    def _metadata(self, info: Any) -> Any:
        stream = pdfdoc.PDFStream()
        stream.dictionary["Type"] = pdfdoc.PDFName("Metadata")
        stream.dictionary["Subtype"] = pdfdoc.PDFName("XML")
        stream.content = _XMP.format(
            title=escape(TITLE),
            language=LANGUAGE,
            date=self._made.isoformat(timespec="seconds"),
            creator=escape(info.creator),
            producer=escape(info.producer),
        ).encode()
        return stream

    def _intents(self) -> Any:
        profile = pdfdoc.PDFStream()
        profile.dictionary["N"] = 3
        profile.content, profile.filters = _srgb(), [pdfdoc.PDFZCompress]
        return pdfdoc.PDFArray(
            [
                pdfdoc.PDFDictionary(
                    {
                        "Type": pdfdoc.PDFName("OutputIntent"),
                        "S": pdfdoc.PDFName("GTS_PDFA1"),
                        "OutputConditionIdentifier": pdfdoc.PDFString("sRGB"),
                        "Info": pdfdoc.PDFString("sRGB"),
                        "DestOutputProfile": self._doc.Reference(profile),
                    }
                )
            ]
        )

    def _structure(self) -> Any:
        root = pdfdoc.PDFDictionary({"Type": pdfdoc.PDFName("StructTreeRoot")})
        whole = pdfdoc.PDFDictionary(
            {"Type": pdfdoc.PDFName("StructElem"), "S": pdfdoc.PDFName("Document")}
        )
        root_at, whole_at = self._doc.Reference(root), self._doc.Reference(whole)
        pages: list[Any] = []
        kids: list[Any] = []
        for number, elements in enumerate(self._elements[:-1]):
            for element in elements:
                element.dict["P"] = whole_at
            here = [self._doc.Reference(element) for element in elements]
            pages += [number, self._doc.Reference(pdfdoc.PDFArray(here))]
            kids += here
        whole.dict["P"], whole.dict["K"] = root_at, pdfdoc.PDFArray(kids)
        root.dict["K"] = whole_at
        root.dict["ParentTree"] = pdfdoc.PDFDictionary({"Nums": pdfdoc.PDFArray(pages)})
        root.dict["ParentTreeNextKey"] = len(self._elements) - 1
        return root_at


def _offset(made: datetime) -> str:
    shift = made.strftime("%z") or "+0000"
    return f"{shift[:3]}'{shift[3:5]}'"


@cache
def _srgb() -> bytes:
    """The profile that colours are meant in; the time at which it was made is not part of it."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile[:24] + bytes((7, 208, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0)) + profile[36:]
