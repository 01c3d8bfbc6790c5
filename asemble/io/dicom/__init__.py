"""One DICOM file to frames, free of identity."""
