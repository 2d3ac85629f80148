"""Many processes write one tree; some are killed, some fork, and none is missing anything."""

# ruff: noqa: F811 - the fixtures that tests name are imported

import os
import signal
import subprocess
from collections import Counter

import pytest
from ledger_contract import append, record
from postgres_server import KEY, PostgresLedger, child, output, server, url  # noqa: F401 - fixtures

from remit.ledgers.postgres_log import PostgresLog

WRITERS = 8


def whole(url, size):
    """That the log holds *size* records, dense, each call whole, all signed."""
    log = PostgresLog(url)
    verification = log.verify([KEY.verifying])
    assert verification.findings == ()
    assert (verification.size, verification.signed) == (size, size)
    assert [one.index for one in log.select()] == list(range(size))


def test_processes_that_begin_together_make_one_ledger_and_one_tree(url):
    code = """
        sys.stdin.read()
        ledger = PostgresLedger(sys.argv[1], signer=KEY)
        for n in range(25):
            append(ledger, *a_whole_call(f"{sys.argv[2]}-{n}"))
        calls = [a_whole_call(f"{sys.argv[2]}+{n}") for n in range(300)]
        futures = [ledger.append(one) for call in calls for one in call]
        print(ledger.origin)
        ledger.close()
        assert all(future.done() for future in futures)
    """
    processes = [child(code, url, n, stdin=subprocess.PIPE) for n in range(WRITERS)]
    for process in processes:
        process.stdin.close()
        process.stdin = None
    assert len({output(process) for process in processes}) == 1
    whole(url, WRITERS * (50 + 600))
    calls = Counter(one.facts().call for one in PostgresLog(url).select())
    assert set(calls.values()) == {2}


def test_every_acknowledged_record_survives_being_killed(url):
    code = """
        import threading
        ledger = PostgresLedger(sys.argv[1], signer=KEY)

        def work(name):
            n = 0
            while True:
                call = f"{name}-{n}"
                index = ledger.append(record(call=call)).result()
                os.write(1, f"{index} {call}\\n".encode())
                n += 1

        for thread in range(4):
            threading.Thread(target=work, args=(f"{os.getpid()}-{thread}",), daemon=True).start()
        threading.Event().wait()
    """
    acknowledged = {}
    for lines in ((1, 30), (7, 150), (60, 11), (23, 2), (90, 41), (3, 17)):
        processes = [child(code, url) for _ in lines]
        for process, count in zip(processes, lines, strict=True):
            said = [process.stdout.readline() for _ in range(count)]
            process.send_signal(signal.SIGKILL)
            rest, _ = process.communicate(timeout=60)
            # What was cut off in the middle was not yet said.
            text = "".join(said) + rest[: rest.rfind("\n") + 1]
            acknowledged |= dict(line.split() for line in text.splitlines())
    log = PostgresLog(url)
    kept = {str(one.index): one.facts().call for one in log.select()}
    assert len(acknowledged) >= 435
    assert acknowledged.items() <= kept.items()
    verification = log.verify([KEY.verifying])
    assert verification.intact
    assert verification.size == len(kept)
    with PostgresLedger(url, signer=KEY) as ledger:
        append(ledger, record())
    assert log.verify([KEY.verifying]).signed == len(kept) + 1


def test_a_program_that_ends_without_closing_leaves_a_signed_ledger(url):
    code = """
        ledger = PostgresLedger(sys.argv[1], signer=KEY)
        futures = [ledger.append(record()) for _ in range(50)]
    """
    output(child(code, url))
    assert PostgresLog(url).verify([KEY.verifying]).signed == 50


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_process_may_fork_while_it_writes_and_end_before_its_children(url):
    code = """
        import threading, warnings
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking with threads
        ledger = PostgresLedger(sys.argv[1], signer=KEY)
        going = True

        def say(call):
            index = ledger.append(record(call=call)).result()
            os.write(1, f"{index} {call}\\n".encode())

        def work(name):
            n = 0
            while going:
                say(f"{name}-{n}")
                n += 1

        threads = [threading.Thread(target=work, args=(f"thread-{n}",)) for n in range(3)]
        for thread in threads:
            thread.start()
        release, hold = os.pipe()
        for n in range(4):
            if os.fork() == 0:
                os.close(hold)
                say(f"child-{n}-before")
                os.read(release, 1)  # until the parent is gone
                for m in range(20):
                    say(f"child-{n}-{m}")
                assert ledger.size() > 20
                ledger.close()
                os._exit(0)
        going = False
        for thread in threads:
            thread.join()
        ledger.close()
    """
    said = output(child(code, url)).splitlines()
    acknowledged = dict(line.split() for line in said)
    assert len(acknowledged) == len(said)
    log = PostgresLog(url)
    kept = {str(one.index): one.facts().call for one in log.select()}
    assert acknowledged.items() == kept.items()
    assert sum(call.startswith("child") for call in kept.values()) == 4 * 21
    verification = log.verify([KEY.verifying])
    assert verification.intact
    assert verification.signed == len(kept)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_child_forked_in_the_middle_of_reading_leaves_the_parents_reading_alone(url):
    code = """
        ledger = PostgresLedger(sys.argv[1], signer=KEY)
        append(ledger, *[record() for _ in range(1500)])
        ledger.close()
        reading = PostgresLog(sys.argv[1]).select()
        next(reading)
        child = os.fork()
        if child == 0:
            reading.close()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        print(len(list(reading)))
    """
    assert output(child(code, url)).strip() == "1499"
