"""Every limit of reading, in one table: `python tools/limits.py` writes it to `docs/limits.md`.

A limit acts while bytes stream in or before memory is taken. What breaks one is refused with a
sentence and the rest of the upload goes on.
"""

MIB = 1024**2

MAX_PACKED_BYTES = 1024 * MIB
"""Bytes in: size of one upload as it arrives; a sacroiliac examination is 50-300 MiB."""
MAX_TOTAL_BYTES = 1024 * MIB
"""Bytes out: size of one upload with its archives opened; what lies in an archive inside another
counts with both."""
MAX_FILE_BYTES = 512 * MIB
"""One file; enhanced multi-frame objects of a whole series stay well below."""
MAX_FILES = 20_000
"""Files in one upload, refused ones included."""
MAX_ARCHIVE_DEPTH = 2
"""An archive and the archives right inside it are opened; what those hold is not."""
MAX_RATIO = 100
"""Unpacked over packed size of an archive. MR images deflate two- to fourfold, and an all-black
stack is small; deflate itself reaches 1030."""
RATIO_FREE_BYTES = 64 * MIB
"""An archive that unpacks to less is harmless whatever its ratio."""
DEFLATED_FREE_BYTES = 8 * MIB
"""What one deflated DICOM file may inflate to whatever its ratio; beyond it that of archives holds.
A black slice of 2,048 x 2,048 is as large."""
MAX_NOTE_BYTES = 64 * 1024
"""Long names and extended attributes of one entry of a tar, which the library reads in one go."""
MAX_NAME_CHARACTERS = 200
"""Characters of a file name that are shown; longer names are cut in their middle."""

MAX_SIDE = 16_384
"""Rows or columns of a slice or picture; an MR slice has at most 2,048."""
MAX_FRAMES = 20_000
"""Frames, or tiles of a mosaic, that one DICOM file may claim."""
MAX_FILE_VOXELS = 2**27
"""Rows x columns x frames that one header may ask for, checked before decoding."""
MAX_TOTAL_VOXELS = 2**28
"""Voxels of one study, those of DICOM counted before they are decoded; 1 GiB as float32."""
BYTES_A_VOXEL = 8
"""Memory that reading a study takes, for each voxel: twice that of float32."""
KEPT_BYTES_A_VOXEL = 6
"""And that an open one keeps: its float32, and 16 bits for the viewer."""
FIRST_BYTES = 128 * MIB
"""Room that an upload has to have before it is read; it takes more as voxels are counted."""
MAX_PICTURE_PIXELS = 2**24
"""Pixels of a PNG or JPEG: 16 million, far above any MR slice."""
MAX_DEPTH = 16
"""Sequences inside sequences of a DICOM file, checked before they are parsed; the standard's own
objects stay below eight."""
MAX_ELEMENTS = 500_000
"""Elements and items of one DICOM file before its pixels; enhanced objects of Philips have about
500 a frame, others 100."""
MAX_UPLOAD_ELEMENTS = 6_000_000
"""Those of all files of one upload: 300 for each of as many files as it may have. Half of 268
scanners' files have less than 281, single slices up to 1,021."""
BYTES_AN_ELEMENT = 700
"""Memory that reading takes for each of them that is kept, in the room of its upload."""
MAX_FRAGMENTS = 100_000
"""Pieces of the compressed pixels of one file, of which each frame has at least one."""

MAX_ELEMENT_BYTES = 64 * 1024
"""One element of a DICOM header; a longer one that is needed and public refuses its file, another
is passed over. The longest text of the standard has 10,240 characters."""
MAX_VALUE_BYTES = 4 * 1024
"""One element of short texts or numbers, of which the standard allows 64 characters each."""
MAX_VALUES = 64
"""Texts in one element; ImageType has up to about 16."""
MAX_TABLE_BYTES = 256 * 1024
"""A palette, a Modality LUT or a table of offsets: two bytes for each of 65,536 entries, or eight
for each frame."""
MAX_VENDOR_BYTES = 1024 * 1024
"""A vendor's own header (Siemens CSA), which has about 15 KiB."""
MAX_HEADER_BYTES = 64 * MIB
"""All that is kept of the header of one file; enhanced objects of Philips have 10 KiB a frame."""

MAX_DECODE_SECONDS = 20.0
"""Processor time to decode the pixels of one file; the decoder is then ended."""
DECODE_CLOCK = 6
"""Times that as wall clock, since on a busy machine a decoder has a part of a processor."""
MAX_START_SECONDS = 60.0
"""Wall clock for a new decoder to import its libraries, before any file is given to it."""
MAX_WAIT_SECONDS = 60.0
"""Wall clock that a file waits for a free decoder."""
MAX_DECODER_SECONDS = 180.0
"""Processor time of decoders for all files of one upload; those of 1,000 slices take 10 to 60."""
LIGHT_SECONDS = 5.0
"""An upload that has taken more of it waits behind those that have not, in places of its own."""
SLOW_SECONDS = 0.5
"""After so much of a processor an image gives its place to the next and goes on behind others."""
MAX_UPLOAD_SECONDS = 600.0
"""Wall clock for one upload; files that come later are left out."""
MAX_DECODERS = 4
"""Images that are decoded at once, at most one for each processor; slow ones come on top, up to
twice as many."""
DECODER_BYTES = 512 * MIB
"""Address space that a decoder process has for itself and its libraries; 320 MiB are in use."""
DECODER_BYTES_A_BYTE = 8
"""And for each byte of the pixels that the header promises, and of those that came: what unpacks
to more than it says ends there."""
MAX_DECODER_BYTES = 4096 * MIB
"""But never more than this. Not on Windows, and not enforced by macOS."""
