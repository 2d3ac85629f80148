"""regorus, on a thread of its own, and its errors as ours."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, TypeAlias, TypeVar

try:
    # It ships no type information, and is not there for whoever has not asked for it.
    import regorus  # type: ignore[import-not-found, import-untyped, unused-ignore]
except ImportError as error:
    raise ImportError("Rego needs regorus: pip install 'remit[rego]'") from error

from remit.deciders import rego_check
from remit.deciders.answer import UNDEFINED, Malformed, parse
from remit.errors import PolicyError

Engine: TypeAlias = Any
T = TypeVar("T")
_Task: TypeAlias = tuple[Callable[[Engine], Any], "Future[Any]"]

_PLACE = re.compile(r"--> (.*):(\d+):(\d+)\n")
_MESSAGE = re.compile(r"^error: (.*)", re.MULTILINE)
_TRACE = "\n\nStack backtrace:"


class RegoError(Exception):
    """The engine has no value for the rule."""


def build(modules: Mapping[str, str], data: str, rule: str, present: frozenset[str]) -> Engine:
    """An engine with *modules* and *data*, which is JSON, that knows *rule*.

    What is *present* is there in every input.

    Raises:
        PolicyError: a module cannot be used, or there is no such rule.
    """
    engine = regorus.Engine()
    # What a policy prints may be what an agent wrote, and is nothing for the terminal.
    engine.set_gather_prints(True)
    for file, text in modules.items():
        try:
            engine.add_policy(file, text)
        except Exception as error:
            raise _policy_error(error, file) from error
    builtins = _builtins(engine, ", ".join(modules))
    rego_check.check(json.loads(engine.get_ast_as_json()), rule, builtins, present)
    engine.add_data_json(data)
    return engine


def _builtins(engine: Engine, files: str) -> list[str]:
    """The functions that there are. To answer, the engine reads all modules as one."""
    try:
        (known,) = engine.eval_query("opa.runtime().builtins")["result"]
    except Exception as error:
        raise _policy_error(error, files) from error
    found: list[str] = known["expressions"][0]["value"]
    return found


def evaluate(engine: Engine, rule: str, given: str) -> Any:
    """The value of *rule* when `input` is the JSON *given*.

    Raises:
        RegoError: the evaluation failed.
        Malformed: there is more than one value.
    """
    try:
        engine.set_input_json(given)
        text = engine.eval_query_as_json(rule)
    except Exception as error:
        raise RegoError(_shown(error)) from error
    finally:
        engine.take_prints()
    found = parse(text.encode()).get("result", [])
    if not found:
        return UNDEFINED
    if len(found) != 1:
        raise Malformed(f"{rule} has more than one value")
    return found[0]["expressions"][0]["value"]


class EngineThread:
    """Does what is asked of an engine, one after the other, in the thread that made it."""

    def __init__(self, build_engine: Callable[[], Engine]) -> None:
        self._lock = Lock()
        self._stopped = False
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        Thread(
            target=_serve, args=(self._tasks, build_engine), name="remit-rego", daemon=True
        ).start()

    def ask(self, work: Callable[[Engine], T]) -> Future[T]:
        """What *work* comes to."""
        answer: Future[T] = Future()
        with self._lock:
            if self._stopped:
                raise RuntimeError("the engine has ended")
            self._tasks.put((work, answer))
        return answer

    def stop(self) -> None:
        """End, after what was asked before."""
        with self._lock:
            self._stopped = True
            self._tasks.put(None)


def _serve(tasks: SimpleQueue[_Task | None], build_engine: Callable[[], Engine]) -> None:
    engine: Engine = None
    while task := tasks.get():
        work, answer = task
        if not answer.set_running_or_notify_cancel():
            continue
        try:
            engine = engine or build_engine()
            answer.set_result(work(engine))
        except Exception as error:  # noqa: BLE001 - whoever waits raises it
            answer.set_exception(_without_frames(error))
        except BaseException as error:  # noqa: BLE001 - a panic of the engine is no `Exception`
            engine = None
            answer.set_exception(RegoError(f"the engine failed: {error}"))
        del task, work, answer
    # A frame may outlive its call, by the traceback of an error that somebody has kept, and be let
    # go of in any thread. The engine goes here.
    del engine


def _without_frames(error: Exception) -> Exception:
    """*error*, to be raised in another thread: a frame would take the engine there."""
    linked: list[BaseException | None] = [error]
    while linked:
        one = linked.pop()
        if one is not None and one.__traceback__ is not None:
            one.__traceback__ = None
            linked += (one.__cause__, one.__context__)
    return error


def _policy_error(error: Exception, file: str) -> PolicyError:
    place, message = _PLACE.search(str(error)), _MESSAGE.search(str(error))
    why = message[1] if message else _shown(error)
    if place is None:
        return PolicyError(f"this is no Rego: {why}", file=file)
    line, column = int(place[2]), int(place[3])
    return PolicyError(f"this is no Rego: {why}", file=place[1], line=line, column=column)


def _shown(error: Exception) -> str:
    """What went wrong and where, on one line and without the engine's own stack."""
    text = str(error).partition(_TRACE)[0]
    place, message = _PLACE.search(text), _MESSAGE.search(text)
    if place and message:
        return f"{place[1]}:{place[2]}:{place[3]}: {message[1]}"
    return text.strip()
