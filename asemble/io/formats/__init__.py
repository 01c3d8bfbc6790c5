"""Files other than DICOM: NIfTI, pictures, masks."""
