#!/usr/bin/env python3
"""clients.py ROUTER BATCH REPORT: people who use a Druid cluster while it changes, until SIGTERM.

Four times a second somebody asks by SQL for the number of rows of `wiki`, which does not change; who is
refused (connection error, 502, 503) tries once more, and then it is a failure, as is any other answer. All
the while two tasks are under way: a `noop` of a minute, and a batch (the file BATCH, with ID for its id).
After SIGTERM the tasks under way are waited for. REPORT is JSON: what was asked, what failed, and when.
"""
import json
import signal
import sys
import threading
import time
import urllib.error
import urllib.request

ROUTER, BATCH, REPORT = sys.argv[1], open(sys.argv[2]).read(), sys.argv[3]
QUERY = {"query": 'SELECT COUNT(*) AS "n", SUM("added") AS "added" FROM "wiki"'}
BETWEEN_S, LIMIT_S, TASKS_END_S = 0.25, 30, 300
ended = threading.Event()
lock = threading.Lock()
report = {"queries": 0, "retried": 0, "failed": [], "longest_ms": 0, "tasks": 0, "tasks_failed": [], "refused": {}}


def call(path, body=None):
    """Gives status and text; status 0: no connection, or one that broke."""
    data = None if body is None else body.encode()
    request = urllib.request.Request(ROUTER + path, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.read().decode(errors="replace")
    except OSError as error:
        return 0, repr(error)


def ask(wanted):
    start, tries = time.time(), 0
    while tries < 2:
        tries += 1
        status, text = call("/druid/v2/sql", json.dumps(QUERY))
        if status not in (0, 502, 503):
            break
        with lock:
            report["refused"][str(status)] = report["refused"].get(str(status), 0) + 1
    with lock:
        report["queries"] += 1
        report["retried"] += tries > 1
        report["longest_ms"] = max(report["longest_ms"], int(1000 * (time.time() - start)))
        if status != 200 or text.strip() != wanted:
            report["failed"].append([time.strftime("%H:%M:%S", time.gmtime(start)), status, text[:200]])


def queries():
    wanted = call("/druid/v2/sql", json.dumps(QUERY))[1].strip()
    report["wanted"] = wanted
    while not ended.wait(BETWEEN_S):
        if threading.active_count() < 60:
            threading.Thread(target=ask, args=(wanted,), daemon=True).start()
        else:
            with lock:
                report["failed"].append([time.strftime("%H:%M:%S", time.gmtime()), 0, "60 queries hang"])


def run_task(name, spec):
    """One task to its end. Its sending is repeated until it is known to have arrived."""
    give_up = time.time() + TASKS_END_S
    status, text = 0, ""
    while time.time() < give_up:
        status, text = call("/druid/indexer/v1/task", spec)
        if status == 200 or "already exists" in text:
            break
        time.sleep(1)
    state = "not accepted: %s %s" % (status, text[:200])
    while time.time() < give_up and (status == 200 or "already exists" in text):
        time.sleep(2)
        state = call("/druid/indexer/v1/task/%s/status" % name)[1]
        try:
            state = json.loads(state)["status"]
            if state["statusCode"] in ("SUCCESS", "FAILED"):
                break
        except (ValueError, KeyError, TypeError):
            pass  # between two leaders
    with lock:
        report["tasks"] += 1
        if not isinstance(state, dict) or state["statusCode"] != "SUCCESS":
            report["tasks_failed"].append([time.strftime("%H:%M:%S", time.gmtime()), name, str(state)[:400]])


def tasks(kind, spec):
    count = 0
    while not ended.is_set():
        count += 1
        name = "%s-%d" % (kind, count)
        run_task(name, spec.replace("ID", name))


signal.signal(signal.SIGTERM, lambda *_: ended.set())
NOOP = json.dumps({"type": "noop", "id": "ID", "dataSource": "none", "runTime": 60000})
workers = [threading.Thread(target=queries), threading.Thread(target=tasks, args=("noop", NOOP)),
           threading.Thread(target=tasks, args=("batch", BATCH))]
for worker in workers:
    worker.start()
while any(worker.is_alive() for worker in workers):
    time.sleep(0.5)
time.sleep(LIMIT_S / 10)
with lock, open(REPORT, "w") as file:
    json.dump(report, file, indent=1)
