import streamlit as st
from asemble.ui import frame
frame.begin_page("Models")
