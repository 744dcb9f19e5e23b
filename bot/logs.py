"""Log set-up: readable on a terminal, JSON elsewhere; ids and counts, never words or names."""

import logging
import sys

import structlog


def set_up(*, is_verbose: bool = False) -> None:
    """Called once, before anything is opened."""
    is_terminal = sys.stderr.isatty()
    level = logging.DEBUG if is_verbose else logging.INFO
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=False),
    ]
    if is_terminal:
        # Local variables of a traceback may be somebody's words.
        plain = structlog.dev.plain_traceback
        shared.append(structlog.dev.ConsoleRenderer(exception_formatter=plain))
    else:
        shared += [
            structlog.processors.ExceptionRenderer(
                structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
            ),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
    structlog.configure(
        processors=shared,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
