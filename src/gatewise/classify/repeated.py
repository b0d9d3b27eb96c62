"""Which records that are measured on have a text that was learnt from as well."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from gatewise.classify.request import FitRequest, LabelledTexts
from gatewise.text.accounts import counted, folded_text

__all__ = ["REPEATED", "TOO_GOOD", "repeated_share", "repetitions_told"]

Numbers = NDArray[np.int64]

# So few records whose text stands elsewhere too say little of the others.
REPEATED = 0.01
_HELD_OUT = "held-out", "leave repetitions out"
_OWN = "validation", "give others that the training data do not have"
TOO_GOOD = "makes scores too good unless new texts repeat as often"


def repeated_share(learnt: Iterable[str], asked: Sequence[str]) -> float:
    """Compute the share of texts that are among those learnt from, but for case and white space.

    Parameters
    ----------
    learnt : iterable of str
        Any number of texts; they are not kept.
    asked : sequence of str
        The texts to look for.

    Returns
    -------
    float
        From 0 to 1; 0 if there are none.
    """
    folded = [folded_text(text) for text in asked]
    wanted = set(folded)
    found = {key for key in map(folded_text, learnt) if key in wanted} if wanted else set()
    return sum(key in found for key in folded) / max(1, len(folded))


def repetitions_told(
    data: LabelledTexts, request: FitRequest, kept: Numbers, held_out: Numbers
) -> tuple[dict[str, float], list[str]]:
    """Look whether a fit is to be measured on what it has learnt from.

    Parameters
    ----------
    data, request
        Of the fit.
    kept, held_out : ndarray of int64
        The rows learnt from and those measured on; validation records stand behind the others.

    Returns
    -------
    facts : dict
        ``learnt_share``, that of the held-out records, where it is worth a word.
    notes : list of str
        What the user should know of it, and of out-of-scope examples.
    """
    validation = request.validation
    asked = list(validation.texts) if validation else [data.texts[row] for row in held_out]
    share = repeated_share((data.texts[row] for row in kept), asked)
    facts, notes = {}, []
    if share >= REPEATED:
        kind, way_out = _OWN if validation else _HELD_OUT
        facts["learnt_share"] = share
        notes.append(
            f"{share:.1%} of the {kind} records have a text that was learnt from too, which "
            f"{TOO_GOOD}; {way_out}"
        )
    n_both = round(repeated_share(data.texts, request.out_of_scope) * len(request.out_of_scope))
    if n_both:
        notes.append(
            f"{counted(n_both, 'out-of-scope example')} of {len(request.out_of_scope):,} "
            f"{'is' if n_both == 1 else 'are'} among the labelled texts as well; take them out of "
            "one of the two"
        )
    return facts, notes
