"""The app: `streamlit run` imports this file for its server, then runs it as the home page."""

import streamlit as st

if __name__ == "__main__":
    from asemble.ui import home

    home.show()
else:
    from asemble.ui import server

    app = st.App(__file__, **server.options())
