"""Where the server answers."""

import streamlit as st


def below_base(path: str) -> str:
    """A path below `server.baseUrlPath`, where a reverse proxy passes everything on."""
    base = str(st.get_option("server.baseUrlPath")).strip("/")
    return f"/{base}{path}" if base else path
