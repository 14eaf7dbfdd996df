#!/usr/bin/env python3
"""controllers.py COMMAND …: the same situations for the sandbox's controllers and the real ones; see README.md.

  recorded SCENARIO [PATTERN]         in virtual time, against what was recorded
  record SCENARIO KUBECONFIG [PATTERN]  plays them on a real control plane, three times, and writes controllers.xz
  live SCENARIO KUBECONFIG            whether a real control plane still does as was recorded
  show SCENARIO PATTERN               what the sandbox's controllers do
"""
import collections
import concurrent.futures
import difflib
import json
import lzma
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
FOLDER = "tests/conformance/controllers"
RECORDED = os.path.join(HERE, "controllers.xz")
TRIES = int(os.environ.get("CONFORMANCE_TRIES", "3"))
LIVE_TRIES = 2 * TRIES
AT_ONCE = int(os.environ.get("CONFORMANCE_AT_ONCE", "7")) # most of their time they wait
SECONDS_MAX = 1200
sys.path.insert(0, HERE)
import masks  # noqa: E402


def files():
    return sorted(name[:-4] for name in os.listdir(os.path.join(ROOT, FOLDER)) if name not in ("runner.lua", "world.lua"))


def played(scenario, name, kubeconfig, work, wanted):
    """The situations of one file, as the beats of their steps: where some are wanted, parted by the pause that shows them."""
    trace = os.path.join(work, name + ".trace")
    mode = ["--mode", "cluster", "--kubeconfig", kubeconfig, "--nemeton", "/bin/false", "--logs", work] if kubeconfig else ["--mode", "virtual"]
    done = subprocess.run([scenario, *mode, "--folder", FOLDER, "--trace", trace, name], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=SECONDS_MAX, check=False)
    if done.returncode:
        why = "%s: %s" % (name, done.stdout.decode("utf-8", "replace")[-600:])
        if not wanted:
            raise RuntimeError(why)
        print(why) # it is played again, and what never was played is missing in the end
        return {}
    gaps = masks.GAPS_REAL_MS if wanted else (masks.GAP_REAL_MS if kubeconfig else masks.GAP_MS,)
    return situations(trace, "s-" + name.replace("_", "-"), gaps, wanted or {})


def situations(path, namespace, gaps, wanted):
    """{name: [[step, beat, …], …]}, a beat being its lines."""
    out, name, steps = {}, None, []
    with open(path) as file:
        for text in file:
            line = json.loads(text)
            mark = line.get("mark", "").replace("%20", " ")
            if mark.startswith("situation "):
                name, steps = mark[len("situation "):], []
            elif mark == "end" and name:
                out[name], name = masks.parted(steps, gaps, wanted.get(name)), None
            elif mark and name:
                steps.append((mark, []))
            elif "object" in line and name and steps and masks.of_namespace(line["object"], namespace):
                steps[-1][1].append((line["at_ms"], line["type"], line["object"]))
    return out


def play_all(scenario, names, kubeconfig=None, wanted=None, at_once=AT_ONCE):
    work = tempfile.mkdtemp()
    try:
        with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
            out = {}
            for one in pool.map(lambda name: played(scenario, name, kubeconfig, work, wanted), names):
                out.update(one)
            return out
    finally:
        shutil.rmtree(work)


def lines(steps):
    out = []
    for name, *step in steps:
        out.append("## " + name)
        for beat in step:
            out += ["--", *beat]
    return out


def report(ours, real, left="sandbox", right="real"):
    bad = 0
    for name in sorted(set(ours) | set(real)):
        one, other = ours.get(name), real.get(name)
        if one != other:
            bad += 1
            print("== " + name)
            if one is None or other is None:
                print("only of the %s" % (right if one is None else left))
                continue
            for line in list(difflib.unified_diff(lines(one), lines(other), left, right, n=2, lineterm=""))[2:60]:
                print("   " + line[:400])
    print("%d passed, %d failed" % (len(set(ours) | set(real)) - bad, bad))
    return 1 if bad else 0


def recorded():
    with open(RECORDED, "rb") as file:
        return json.loads(lzma.decompress(file.read()))


def record(scenario, kubeconfig, pattern=""):
    """What most recordings agree on; with a pattern the others stay as they are."""
    runs, names = [], [name for name in files() if any(pattern in title for title in titles_of(name))]
    for number in range(TRIES):
        runs.append({name: steps for name, steps in play_all(scenario, names, kubeconfig).items() if pattern in name})
        print("recording %d of %d: %d situations" % (number + 1, TRIES, len(runs[-1])), flush=True)
    out, unsettled = recorded() if pattern else {}, []
    for name in runs[0]:
        texts = collections.Counter(json.dumps(run[name]) for run in runs)
        text, count = texts.most_common(1)[0]
        out[name] = json.loads(text)
        if count < 2 <= TRIES:
            unsettled.append(name)
    with open(RECORDED, "wb") as file:
        file.write(lzma.compress(json.dumps(out, sort_keys=True).encode(), preset=9 | lzma.PRESET_EXTREME))
    print("%d situations recorded, %d bytes%s" % (len(out), os.path.getsize(RECORDED), "".join("; never the same twice: " + name for name in unsettled)))
    return 1 if unsettled else 0


def live(scenario, kubeconfig):
    """A busy machine stretches what follows from one cause, and shortens the pause before the next: what happened is
    compared as it is, with beats parted by several pauses. What differs is played again, with ever fewer beside it,
    and counts when it never was the same."""
    wanted, names, same = recorded(), files(), {}
    for number in range(LIVE_TRIES):
        now = play_all(scenario, names, kubeconfig, wanted, max(1, AT_ONCE // (number + 1)))
        same.update({name: steps for name, steps in now.items() if name not in same or steps == wanted.get(name)})
        names = [name for name in names if not within(name, wanted, same)]
        if not names:
            break
        print("again, after play %d: %s" % (number + 1, " ".join(names)), flush=True)
    return report(same, wanted, "now", "recorded")


def within(name, wanted, same):
    titles = titles_of(name)
    return all(same.get(title) == wanted.get(title) for title in titles)


def titles_of(name):
    with open(os.path.join(ROOT, FOLDER, name + ".lua")) as file:
        return [line.split('"')[1] for line in file if line.startswith('  { "')]


def main(arguments):
    command = arguments[0] if arguments else ""
    if command == "recorded" and len(arguments) in (2, 3):
        pattern = arguments[2] if len(arguments) > 2 else ""
        names = [name for name in files() if any(pattern in title for title in titles_of(name))]
        ours, real = play_all(arguments[1], names), recorded()
        return report({name: steps for name, steps in ours.items() if pattern in name}, {name: steps for name, steps in real.items() if pattern in name})
    if command == "show" and len(arguments) == 3:
        for name, steps in play_all(arguments[1], files()).items():
            if arguments[2] in name:
                print("==", name, *lines(steps), sep="\n")
        return 0
    if command == "record" and len(arguments) in (3, 4):
        return record(*arguments[1:])
    if command == "live" and len(arguments) == 3:
        return live(*arguments[1:])
    print(__doc__)
    return 2


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except RuntimeError as error:
        print(error)
        print("0 passed, 1 failed")
        sys.exit(1)
