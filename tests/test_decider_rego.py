"""Rego in process: the contract, and an engine that is bound to its thread."""

from __future__ import annotations

import gc
import multiprocessing
import threading

import pytest
from decider_contract import *  # noqa: F403 - the tests of the contract run as tests of this module
from decider_contract import REGO, answer, asking, guarded, must_not_run
from engine_contract import *  # noqa: F403

from remit.deciders.rego import RegoDecider
from remit.deciders.rego_policy import RegoPolicy
from remit.errors import NotData, PolicyError, Unavailable


@pytest.fixture(scope="module")
def decider():
    with RegoDecider({"shop.rego": REGO}, rule="data.shop.decision") as made:
        yield made


@pytest.fixture
def answering():
    made = []

    def answering(text):
        body = "input.nothing" if text is None else text
        made.append(RegoDecider({"a.rego": f"package remit\ndecision := {body}"}))
        return made[-1]

    yield answering
    for each in made:
        each.close()


def app(body, **options):
    return RegoDecider({"app.rego": f"package app\n{body}"}, rule="data.app.allow", **options)


def test_files_and_folders_are_loaded_and_tests_are_not(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "app.rego").write_text("package app\nallow if data.shop.open")
    (tmp_path / "deep" / "app_test.rego").write_text("package app\nallow := true")
    with RegoDecider.load(tmp_path, rule="data.app.allow", data={"shop": {"open": True}}) as made:
        assert answer(made, asking("refund")).allowed
    with RegoDecider.load(tmp_path / "deep" / "app.rego", rule="data.app.allow") as made:
        assert not answer(made, asking("refund")).allowed


def test_a_folder_without_rego_and_a_file_that_is_not_there_are_errors(tmp_path):
    with pytest.raises(PolicyError, match=r"no \*\.rego file"):
        RegoDecider.load(tmp_path)
    with pytest.raises(PolicyError, match="cannot be read"):
        RegoDecider.load(tmp_path / "a.rego")


@pytest.mark.parametrize(
    ("body", "place", "why"),
    [
        ("allow if = 1", (2, 10), "expecting"),
        ("allow if x == 1", (2, 10), "undefined variable `x`"),
        ("alow := true", (0, 0), "no rule data.app.allow"),
        ("allow if fooo(input.x)", (2, 14), "no function fooo"),
        ('allow if not http.send({"url": "http://x"}).ok', (2, 23), "no function http.send"),
        ("allow if io.jwt.decode(input.x)", (2, 23), "no function io.jwt.decode"),
    ],
)
def test_what_is_no_policy_does_not_load_and_says_where(body, place, why):
    with pytest.raises(PolicyError, match=why) as caught:
        app(body)
    assert (caught.value.line, caught.value.column) == place
    assert "app.rego" in str(caught.value)


@pytest.mark.parametrize(
    "negated",
    [
        "not input.args.dest in {1, 2}",
        'not startswith(input.dest, "a")',
        "not input.amount > 3",
        "not 3 < input.amount",
        "not amount > 3",
        "not data.known[input.dest]",
        "not lib.count > 2",
        "not renamed == 2",
    ],
)
def test_a_negation_that_opa_would_read_otherwise_does_not_load(negated):
    body = f"import data.lib\nimport data.other as renamed\nallow if {{ {negated} }}\n"
    with pytest.raises(PolicyError, match="`not` of something that may be missing"):
        app(body + "amount := input.amount")


@pytest.mark.parametrize(
    "negated",
    [
        "not input.blocked",
        'not "refund" in input.session.scopes',
        "not input.session.depth > 2",
        'not startswith(input.resource.id, "public/")',
        'not is_number(object.get(input.context, "amount", null))',
        "not denied",
        "not data.known.dest",
        "x := 1; not x == 2",
        "some x in [1]; not data.known[x]",
        "x := input.list; not count(x) > 3",
        "not count([1 | input.list[_]]) > 3",
    ],
)
def test_a_negation_that_means_the_same_to_both_loads(negated):
    app(f"allow if {{ {negated} }}\ndenied if input.dest in {{1}}").close()


def test_what_the_cure_says_denies_what_is_missing():
    rules = [
        "allow if { dest; not outside }",
        "dest := input.context.dest",
        'outside if dest == "KP"',
    ]
    with app("\n".join(rules)) as made:
        assert not answer(made, asking("send")).allowed


def test_an_evaluation_that_fails_is_no_decision(call):
    with app("allow if 1 / input.action.properties.n > 3") as made:
        guard, _ = guarded(made)
        with pytest.raises(Unavailable, match=r"app\.rego:2:12: divide by zero"):
            call(guard, asking("refund", n=0), must_not_run)


def test_a_rule_with_two_values_is_no_decision():
    with app("allow := true if input.session\nallow := false if input.subject") as made:
        guard, _ = guarded(made)
        with pytest.raises(Unavailable, match="conflicts"):
            guard.call(asking("refund"), must_not_run)


def test_what_a_policy_prints_is_not_shown(capfd):
    with app('allow if print("secret")') as made:
        assert answer(made, asking("refund")).allowed
    assert "secret" not in "".join(capfd.readouterr())


def test_the_digest_names_modules_and_data():
    made = [
        app("allow := true"),
        app("allow := true"),
        app("allow := false"),
        app("allow := true", data={"a": 1}),
    ]
    first, same, other, more = (each.digest for each in made)
    assert first == same
    assert len({first, other, more}) == 3
    assert answer(made[0], asking("refund")).policy == first
    for each in made:
        each.close()


@pytest.mark.parametrize("rule", ["app.allow", "data", "data.app.allow; true", "data.app[x]", ""])
def test_only_the_name_of_a_rule_is_asked_for(rule):
    with pytest.raises(ValueError, match="names no rule"):
        RegoDecider({"app.rego": "package app\nallow := true"}, rule=rule)


def test_data_that_is_none_is_refused():
    with pytest.raises(NotData):
        app("allow := true", data={"x": object()})


def test_what_is_closed_decides_nothing():
    made = app("allow := true")
    made.close()
    guard, _ = guarded(made)
    with pytest.raises(Unavailable, match="closed"):
        guard.call(asking("refund"), must_not_run)


def test_a_decider_that_nobody_holds_ends_its_thread():
    before = set(threading.enumerate())
    made = app("allow := true")
    assert answer(made, asking("refund")).allowed
    (thread,) = set(threading.enumerate()) - before
    del made
    gc.collect()
    thread.join(10)
    assert not thread.is_alive()


def test_a_panic_of_the_engine_is_no_decision_and_the_next_question_has_a_new_engine():
    class Panic(BaseException):
        pass

    def panicking(_):
        raise Panic("assertion failed")

    with app("allow := true") as made:
        future = made._policy.evaluate("{}", panicking)
        with pytest.raises(Exception, match="the engine failed: assertion failed"):
            future.result(10)
        assert answer(made, asking("refund")).allowed


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="this system cannot fork"
)
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_decides():
    with app("allow := true") as made:
        assert answer(made, asking("refund")).allowed
        context = multiprocessing.get_context("fork")
        results = context.SimpleQueue()
        child = context.Process(target=lambda: results.put(answer(made, asking("refund")).allowed))
        child.start()
        child.join(20)
        assert child.exitcode == 0
        assert results.get() is True


def test_an_error_of_who_reads_an_answer_takes_no_frame_to_another_thread():
    def read(_):
        try:
            return {}["a context"]
        except KeyError:
            raise ValueError("an error") from TypeError("a cause")

    policy = RegoPolicy({"p.rego": "package p\nx := 1"}, "data.p.x")
    error = policy.evaluate("{}", read).exception(20)
    policy.close()
    assert isinstance(error, ValueError)
    assert [type(each) for each in (error.__cause__, error.__context__)] == [TypeError, KeyError]
    assert all(each.__traceback__ is None for each in (error, error.__cause__, error.__context__))
