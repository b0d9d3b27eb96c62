"""A graph that was written here -> a network that is ready to compute, by ONNX Runtime."""

from __future__ import annotations

from gatewise.base.config import check_whole_number
from gatewise.classify.plain_model import PlainModel
from gatewise.classify.predictor import GraphNetwork, Predictor, Session
from gatewise.store.arrays import split_tables
from gatewise.store.onnx_model import fronted_bytes, onnx_bytes, reads_front_once
from gatewise.store.onnx_runtime import onnxruntime

__all__ = ["make_predictor", "open_session"]

_ERRORS_ONLY = 3
_PROJECTION = ("project.weight", "project.bias")


def open_session(content: bytes, *, threads: int = 1) -> Session:
    """Make a graph ready to compute on the processor.

    Parameters
    ----------
    content : bytes
        From :func:`gatewise.store.onnx_model.onnx_bytes`. Not from a file: what ONNX Runtime does
        with a graph made by somebody else is not for us to vouch for.
    threads : int
        Threads that share one text's or batch's work.

    Returns
    -------
    Session

    Raises
    ------
    ConfigError
        If there are no such numbers of threads.
    """
    check_whole_number("threads", threads, 1, 1024)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    # Threads that wait must not keep a server's processors busy.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session: Session = onnxruntime.InferenceSession(
        content, options, providers=["CPUExecutionProvider"]
    )
    return session


def make_predictor(
    model: PlainModel, content: bytes | None = None, *, threads: int = 1, int8: bool = False
) -> Predictor:
    """Put a model's graph in the place of its weights.

    Parameters
    ----------
    model : PlainModel
        A fitted model.
    content : bytes, optional
        A graph as of :func:`gatewise.store.onnx_model.onnx_bytes`. None: the one of this model
        that is the fastest.
    threads : int
        As for :func:`open_session`.
    int8 : bool
        Of such a graph of ours, the one with weights of eight bits.

    Returns
    -------
    Predictor
    """
    tables, weights = split_tables(model.network.arrays)
    config, fronted = model.network.config, False
    if content is None:
        fronted = reads_front_once(config)
        content = (fronted_bytes if fronted else onnx_bytes)(config, weights, int8=int8)
    session = open_session(content, threads=threads)
    outside = tables | {name: weights[name] for name in _PROJECTION if name in weights}
    return Predictor(
        language=model.language,
        classes=model.classes,
        vocabulary=model.vocabulary,
        network=GraphNetwork(config, outside, session, fronted),
        ngrams=model.ngrams,
        blend=model.blend,
        decision=model.decision,
        scope=model.scope,
        index=model.index,
    )
