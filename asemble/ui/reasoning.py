"""The summary of the answers: rules, classification, and a range of probabilities."""

from collections.abc import Mapping

import streamlit as st

from asemble.clinical import (
    ITEMS,
    RED_FLAG_NOTICE,
    Answer,
    answer_to,
    back_pain,
    cite,
    classification,
    likelihood,
    summarise,
)
from asemble.clinical.three_valued import Truth
from asemble.reading import edits
from asemble.ui import charts, state

WORDS: Mapping[Truth, str] = {True: "met", False: "not met", None: "open"}
"""How a rule stands."""

FIRST_SETTING = likelihood.SETTINGS[3]
"""What is taken for the clinic until the reader says otherwise."""
NOT_JUDGED = "Not judged yet"
MRI_ANSWERS: Mapping[str, Truth] = {"Yes": True, "No": False, NOT_JUDGED: None}
"""The reader's own conclusion from the images."""
_SETTINGS = {setting.title: setting for setting in likelihood.SETTINGS}


def show_reasoning() -> None:
    """Everything that follows from the checklist and the reader's own MRI reading."""
    answers = state.reading().answers
    if summarise(answers).red_flags:
        st.error(f"{RED_FLAG_NOTICE} No probability is shown while a red flag is present.")
        return
    _ask_mri()
    mri = state.reading().sacroiliitis
    _show_back_pain(answers)
    _show_classification(answers, mri)
    _show_probability(answers, mri)


def sentences() -> tuple[str, ...]:
    """The same in sentences, for the report."""
    answers, accepted = state.reading().answers, accepted_sentences()
    if summarise(answers).red_flags:
        return (*accepted, "No probability is shown while a red flag is present.")
    mri = state.reading().sacroiliitis
    rules = "; ".join(f"{rule.title} {WORDS[rule.is_met(answers)]}" for rule in back_pain.RULES)
    asas = WORDS[classification.asas_2009(answers, sacroiliitis=mri).is_met]
    chosen = _setting()
    span = _span(
        *likelihood.post_test(chosen.probability, likelihood.truths(answers, mri=mri)).shown
    )
    return (
        *accepted,
        f"Inflammatory back pain: {rules}.",
        f"ASAS classification 2009: {asas}. {classification.NOTICE}",
        f"Probability of axial spondyloarthritis after the answers: {span} "
        f"(before: {chosen.probability:.1%}, {chosen.title}; the reader's MRI: "
        f"{WORDS[mri] if mri is not None else 'not judged'}). {likelihood.NOTICE}",
    )


def accepted_sentences() -> tuple[str, ...]:
    """Which answers the networks proposed and the reader accepted; nothing where there are none."""
    reading = state.reading()
    accepted = [item for item in ITEMS if item.id in reading.accepted_answers]
    if not accepted:
        return ()
    names = "; ".join(item.text for item in accepted)
    changed = sum(answer_to(item, reading.answers) is not Answer.YES for item in accepted)
    since = f" {changed} of them changed since." if changed else ""
    return (f"Answers that the networks proposed and the reader accepted: {names}.{since}",)


def _setting() -> likelihood.Setting:
    return _SETTINGS.get(state.reading().setting or "", FIRST_SETTING)


def _span(low: float, high: float) -> str:
    """In whole percent, once where both are the same."""
    return f"{low:.0%}" if f"{low:.0%}" == f"{high:.0%}" else f"{low:.0%} to {high:.0%}"


def _ask_mri() -> None:
    key = f"mri:{state.study_key()}"
    found = next(k for k, truth in MRI_ANSWERS.items() if truth is state.reading().sacroiliitis)
    st.segmented_control(
        "Do you find active sacroiliitis on the MRI (ASAS definition)?",
        list(MRI_ANSWERS),
        required=True,
        help="Your own reading. The models' output is never used here: they were trained on "
        "simulated MRI, and their sensitivity and specificity on patients are not known.",
        key=state.shown(key, found),
        on_change=_judge_mri,
        args=(key,),
    )


def _judge_mri(key: str) -> None:
    state.edit(edits.judge_sacroiliitis, MRI_ANSWERS[st.session_state[key]])


def _show_back_pain(answers: Mapping[str, Answer]) -> None:
    st.markdown("**Inflammatory back pain**")
    st.table(
        {
            "rule": [rule.title for rule in back_pain.RULES],
            "": [WORDS[rule.is_met(answers)] for rule in back_pain.RULES],
            "items": [
                f"{rule.counted(answers).count(True)} of {rule.needed} needed"
                for rule in back_pain.RULES
            ],
            "sensitivity/specificity": [rule.figures for rule in back_pain.RULES],
        },
        border="horizontal",
    )
    _cite({key for rule in back_pain.RULES for key in rule.sources})


def _show_classification(answers: Mapping[str, Answer], mri: Truth) -> None:
    st.markdown("**ASAS classification of axial spondyloarthritis (2009)**")
    found = classification.asas_2009(answers, sacroiliitis=mri)
    st.table(
        {
            "part": [
                "Back pain for 3 months or more that began before 45",
                "Imaging arm: sacroiliitis and one feature or more",
                "Clinical arm: HLA-B27 and two other features or more",
                "Criteria",
            ],
            "": [
                WORDS[truth]
                for truth in (
                    found.entry,
                    found.imaging_arm,
                    found.clinical_arm,
                    found.is_met,
                )
            ],
        },
        border="horizontal",
    )
    st.warning(classification.NOTICE)
    st.caption(f"Sensitivity/specificity: {classification.FIGURES}")
    _cite(set(classification.SOURCES_OF_RULE))


def _show_probability(answers: Mapping[str, Answer], mri: Truth) -> None:
    st.markdown("**Probability of axial spondyloarthritis**")
    chosen, key = _setting(), f"setting:{state.study_key()}"
    st.selectbox(
        "Before anything is asked",
        list(_SETTINGS),
        format_func=lambda title: f"{title}: {_SETTINGS[title].probability:.1%}",
        key=state.shown(key, chosen.title),
        on_change=state.keep,
        args=(key, edits.choose_setting),
    )
    known = likelihood.truths(answers, mri=mri)
    low, high = likelihood.post_test(chosen.probability, known).shown
    st.metric("After your answers", _span(low, high), width="content")
    st.caption(
        "From ratios of referred patients to the classic ones, whichever is lower first; shown "
        f"between 1% and 95% only. {likelihood.NOTICE}"
    )
    _show_prediction_beside()
    for features in likelihood.dependent(known):
        together = " and ".join(feature.title for feature in features)
        st.info(f"{together} go together: multiplied as if independent, they overstate.")
    offered = likelihood.what_if(chosen.probability, known)
    if offered:
        st.markdown("What each open item could do; grey is the probability as it stands")
        st.plotly_chart(
            charts.what_if_chart(offered, now=(low, high)),
            key="what_if_chart",
            config={"displayModeBar": False},
            alt="For each open item the probability where it is absent and where it is present",
        )
    keys = {key for feature in likelihood.FEATURES for key in feature.sources}
    _cite({*keys, *chosen.sources, *likelihood.CLUSTER_SOURCES, *likelihood.SOURCES_OF_NAMES})


def _show_prediction_beside() -> None:
    """The ensemble's own probability, which no likelihood is made of."""
    assessed = state.assessment()
    if assessed is None or assessed.prediction.probabilities is None:
        return
    st.caption(
        "Beside it, not in it: the ensemble's P(inflammatory) is "
        f"{assessed.prediction.probabilities.inflammatory:.2f}. It is not multiplied in, because "
        "its sensitivity and specificity were never measured on patients."
    )


def _cite(keys: set[str]) -> None:
    with st.expander("Sources"):
        st.markdown("\n".join(f"- {cite(key).label}" for key in sorted(keys)))
